//! The child process `ssh`, which carries the messages: the owner's keys, agents, host keys and `~/.ssh/config` all
//! hold for it.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use ondol_base::tasks;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::fs::OFlags;

use super::super::TargetError;
use super::super::Trouble;
use super::complaint;
use super::wire;
use super::wire::MESSAGE_BYTES_MAX;

/// How ssh is to behave: it asks nobody, notices a dead line within a minute, and carries nothing else.
const OPTIONS: [&str; 12] = [
    "BatchMode=yes",
    "ConnectTimeout=20",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "LogLevel=ERROR",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    // One that others use too would end, or live, with them.
    "ControlMaster=no",
    "ControlPath=none",
];
/// What ssh gets of this process' environment.
const ENVIRONMENT: [&str; 5] = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"];

/// The longest time until a server has let us in.
const GREETING_MAX: Duration = Duration::from_secs(60);
/// The longest time in which nothing goes or comes: a disk that spins up takes some seconds of it.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// As long as it takes ssh to say why it ended.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);
/// As much as is kept of what ssh complains of: its last bytes.
const COMPLAINT_BYTES_MAX: usize = 4 * 1024;
/// As much as is gathered before it is handed to ssh.
const OUT_BYTES: usize = 64 * 1024;

/// How a machine is reached.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// `ssh`, but in tests.
    pub(super) program: OsString,
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) identity: Option<PathBuf>,
}

/// A running ssh.
#[derive(Debug)]
pub(super) struct Ssh {
    child: Child,
    host: String,
    to: File,
    from: File,
    /// What it complained of, at its end.
    complaint: mpsc::Receiver<Vec<u8>>,
    out: Vec<u8>,
    input: BytesMut,
    silence_max: Duration,
}

impl Reach {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for option in OPTIONS {
            command.args(["-o", option]);
        }
        if let Some(identity) = &self.identity {
            command
                .args(["-o", "IdentitiesOnly=yes", "-i"])
                .arg(identity);
        }
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        let kept = ENVIRONMENT
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        // Its words are looked at: they are to be those of the C locale.
        command.env_clear().envs(kept).env("LC_ALL", "C");
        command.args(["-s", "--"]).arg(host(&self.host)).arg("sftp");
        command
    }
}

/// An IPv6 address is without brackets for ssh.
fn host(host: &str) -> &OsStr {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    OsStr::new(bare.unwrap_or(host))
}

impl Ssh {
    /// Connects, and returns the server's version with what it can do besides.
    pub(super) fn start(reach: &Reach) -> Result<(Self, Vec<String>), TargetError> {
        let mut ssh = Self::spawn(reach).map_err(|error| complaint::not_started(&error))?;
        wire::put_init(&mut ssh.out);
        let greeting = ssh.receive()?;
        ssh.silence_max = SILENCE_MAX;
        match wire::read_version(&greeting) {
            Some((version, able)) if version >= wire::VERSION => Ok((ssh, able)),
            Some((version, _)) => Err(TargetError::new(
                Trouble::Refused,
                format!("{} speaks SFTP {version}, which is too old", reach.host),
            )),
            None => Err(ssh.babble()),
        }
    }

    fn spawn(reach: &Reach) -> io::Result<Self> {
        let mut command = reach.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(to), Some(from), Some(complaint)) = taken else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let to = OwnedFd::from(to);
        rustix::fs::fcntl_setfl(&to, OFlags::NONBLOCK)?;
        let (told, heard) = mpsc::sync_channel(1);
        // It ends with ssh, and whatever ssh started.
        tasks::spawn_thread("ssh-complaint", move || {
            let _ = told.send(read_tail(complaint));
        })?;
        Ok(Self {
            child,
            host: reach.host.clone(),
            to: to.into(),
            from: OwnedFd::from(from).into(),
            complaint: heard,
            out: Vec::with_capacity(2 * OUT_BYTES),
            input: BytesMut::new(),
            silence_max: GREETING_MAX,
        })
    }

    /// Sends a request with this number, now or with the next ones.
    pub(super) fn send(&mut self, id: u32, request: &wire::Request) -> Result<(), TargetError> {
        request.put(id, &mut self.out);
        if self.out.len() < OUT_BYTES {
            return Ok(());
        }
        self.flush()
    }

    /// The next message, without its length.
    pub(super) fn receive(&mut self) -> Result<Bytes, TargetError> {
        self.flush()?;
        loop {
            if let Some(message) = self.message()? {
                return Ok(message);
            }
            self.wait(PollFlags::IN)?;
            let mut piece = [0; 64 * 1024];
            match (&self.from).read(&mut piece) {
                Ok(count @ 1..) => self.input.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Err(self.ended()),
            }
        }
    }

    fn message(&mut self) -> Result<Option<Bytes>, TargetError> {
        let Some(length) = self
            .input
            .first_chunk()
            .map(|length| u32::from_be_bytes(*length))
        else {
            return Ok(None);
        };
        let length = length as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(self.babble());
        }
        if self.input.len() < 4 + length {
            self.input.reserve(4 + length - self.input.len());
            return Ok(None);
        }
        Ok(Some(self.input.split_to(4 + length).freeze().split_off(4)))
    }

    fn flush(&mut self) -> Result<(), TargetError> {
        let mut sent = 0;
        while sent < self.out.len() {
            match (&self.to).write(&self.out[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(self.ended()),
            }
        }
        self.out.clear();
        Ok(())
    }

    fn wait(&self, until: PollFlags) -> Result<(), TargetError> {
        let file = if until == PollFlags::IN {
            &self.from
        } else {
            &self.to
        };
        let timeout = Timespec {
            tv_sec: self.silence_max.as_secs().cast_signed(),
            tv_nsec: 0,
        };
        loop {
            match rustix::event::poll(&mut [PollFd::new(&file.as_fd(), until)], Some(&timeout)) {
                Ok(0) => return Err(self.silent()),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(self.ended()),
            }
        }
    }

    fn silent(&self) -> TargetError {
        let what = format!(
            "{} said nothing for {} s",
            self.host,
            self.silence_max.as_secs()
        );
        TargetError::new(Trouble::Unreachable, what)
    }

    /// What comes is not SFTP.
    pub(super) fn babble(&self) -> TargetError {
        let what = format!(
            "{} answers with something else than SFTP: a start file of the user's shell there (`.bashrc`) prints text",
            self.host
        );
        TargetError::new(Trouble::Wrong, what)
    }

    /// Why ssh ended.
    fn ended(&self) -> TargetError {
        // What it says stands in the pipe before it closes the others.
        let said = self.complaint.recv_timeout(LAST_WORDS_MAX);
        let said = said.unwrap_or_default();
        complaint::explain(&self.host, &String::from_utf8_lossy(&said))
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that comes, and of it the last bytes.
fn read_tail(mut from: impl Read) -> Vec<u8> {
    let mut tail = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        tail.extend_from_slice(&piece[..count]);
        let excess = tail.len().saturating_sub(COMPLAINT_BYTES_MAX);
        tail.drain(..excess);
    }
    tail
}
