//! How one image of the agent leaves everything to the next: sockets, data planes and lock stay open
//! over `exec`, and a file in memory says which descriptor is what.
//!
//! The process keeps its number, so data planes stay its children. An image that can't boot goes back to
//! the one before in the same way.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use ondol_base::descriptors;
use ondol_base::file::Lock;
use ondol_model::listen::ListenAddress;
use rustix::fs::MemfdFlags;
use serde::Deserialize;
use serde::Serialize;

use crate::generation::Adopted;
use crate::generation::Number;
use crate::generation::Phase;
use crate::generation::Retired;
use crate::generation::texts_of;
use crate::link::SocketPreface;
use crate::link::SocketProtocol;
use crate::link::Text;
use crate::listeners::Listener;
use crate::listeners::ListenerKey;
use crate::listeners::Listeners;
use crate::reload::Served;

/// The variable that names the descriptor of the file in memory; `cli.rs` reads it.
const VARIABLE: &str = "ONDOL_HANDOVER";
const NOT_OPEN: RawFd = -1;
/// The file in memory is at most this large: a configuration and a few numbers.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// All that an image leaves to the next.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) listeners: Listeners,
    pub(crate) generations: Vec<Adopted>,
    pub(crate) lock: Lock,
    /// The admin socket; clients wait in it meanwhile.
    pub(crate) admin: Option<OwnedFd>,
    pub(crate) facts: Facts,
    /// The program of the image that leaves, open, so that the way back needs no path.
    pub(crate) previous: OwnedFd,
}

/// The plain values of a handover. Every later version understands them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The lowest number that the next data plane may get.
    pub(crate) next_generation: Number,
    /// Of the configuration that is served.
    pub(crate) revision: u64,
    /// The configuration that is served.
    pub(crate) texts: Vec<Text>,
    /// Where this program is installed.
    pub(crate) executable: PathBuf,
    /// The version of the image that leaves.
    pub(crate) from_version: String,
    /// What is wrong with the file, while the last good configuration is served in its place.
    #[serde(default)]
    pub(crate) on_last_good: Option<String>,
    /// What data planes counted that have ended.
    #[serde(default)]
    pub(crate) counted: Retired,
    /// Why it leaves.
    pub(crate) reason: Reason,
}

/// Why an image leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// It was asked to start itself anew.
    Asked,
    /// Another program was put in its place.
    Upgrade,
    /// It could not boot; the image before is to go on as if nothing had been.
    GoBack {
        /// Why it could not, as a sentence.
        because: String,
    },
}

/// Why a handover went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandoverError {
    #[error("could not keep what is open for the next image")]
    Keep(#[source] io::Error),
    #[error("could not write the handover")]
    Write(#[source] io::Error),
    #[error("could not read the handover")]
    Read(#[source] io::Error),
    #[error("the handover is not understood")]
    Malformed(#[source] serde_json::Error),
    #[error("descriptor {0} of the handover is not open")]
    Missing(RawFd, #[source] io::Error),
    #[error("could not execute {}", program.display())]
    Execute {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The file in memory.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    facts: Facts,
    listeners: Vec<WrittenListener>,
    generations: Vec<WrittenGeneration>,
    lock: RawFd,
    admin: Option<RawFd>,
    previous: RawFd,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenListener {
    protocol: SocketProtocol,
    address: String,
    #[serde(default)]
    preface: SocketPreface,
    sockets: Vec<RawFd>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenGeneration {
    number: Number,
    pid: u32,
    draining: bool,
    link: RawFd,
    unread: Vec<u8>,
}

impl Facts {
    /// What this image leaves of what it serves.
    pub(crate) fn of(
        served: &Served,
        executable: &Path,
        next_generation: Number,
        reason: Reason,
    ) -> Self {
        Self {
            next_generation,
            revision: served.revision,
            texts: texts_of(&served.configuration.sources),
            executable: executable.to_path_buf(),
            from_version: env!("CARGO_PKG_VERSION").to_owned(),
            on_last_good: served.on_last_good.clone(),
            counted: Retired::default(),
            reason,
        }
    }

    /// The file in memory that another image would get, for a trial: nothing is open in it.
    pub(crate) fn for_trial(self) -> Result<File, HandoverError> {
        in_memory(&Written {
            facts: self,
            listeners: Vec::new(),
            generations: Vec::new(),
            lock: NOT_OPEN,
            admin: None,
            previous: NOT_OPEN,
        })
    }

    /// The other end of [`Facts::for_trial`], by the descriptor of the file.
    pub(crate) fn of_trial(memory: u32) -> Result<Self, HandoverError> {
        Ok(read(memory)?.facts)
    }

    /// Whether the image that leaves could not boot, and this one is to go on as before.
    pub(crate) fn is_way_back(&self) -> bool {
        matches!(self.reason, Reason::GoBack { .. })
    }
}

impl Handover {
    /// Becomes the program with the same arguments; returns only when that fails, with everything as it was.
    pub(crate) fn execute(&self, program: &Path) -> Result<Infallible, HandoverError> {
        let memory = self.write()?;
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_else(|| OsString::from("ondol"));
        let source = Command::new(program)
            .arg0(name)
            .args(arguments)
            .env(VARIABLE, memory.as_raw_fd().to_string())
            .exec();
        Err(HandoverError::Execute {
            program: program.to_path_buf(),
            source,
        })
    }

    /// The program of the image before, by its open descriptor.
    pub(crate) fn previous_program(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.previous.as_raw_fd()))
    }

    /// Takes up what the image before has left, by the descriptor of its file in memory.
    pub(crate) fn take(memory: u32) -> Result<Self, HandoverError> {
        let written = read(memory)?;
        let listeners = written.listeners.into_iter().filter_map(take_listener);
        let generations = written.generations.into_iter().map(take_generation);
        Ok(Self {
            listeners: Listeners(listeners.collect::<Result<_, _>>()?),
            generations: generations.collect::<Result<_, _>>()?,
            lock: Lock::from(inherited(written.lock)?),
            admin: written.admin.map(inherited).transpose()?,
            previous: inherited(written.previous)?,
            facts: written.facts,
        })
    }

    fn write(&self) -> Result<File, HandoverError> {
        let Self {
            listeners,
            generations,
            lock,
            admin,
            facts,
            previous,
        } = self;
        let written = Written {
            facts: facts.clone(),
            listeners: listeners
                .0
                .iter()
                .map(keep_listener)
                .collect::<Result<_, _>>()?,
            generations: generations
                .iter()
                .map(keep_generation)
                .collect::<Result<_, _>>()?,
            lock: kept(lock)?,
            admin: admin.as_ref().map(kept).transpose()?,
            previous: kept(previous)?,
        };
        let memory = in_memory(&written)?;
        kept(&memory)?;
        Ok(memory)
    }
}

fn in_memory(written: &Written) -> Result<File, HandoverError> {
    let memory = rustix::fs::memfd_create("ondol-handover", MemfdFlags::CLOEXEC);
    let mut memory = File::from(memory.map_err(|error| HandoverError::Write(error.into()))?);
    let json = serde_json::to_vec(written).map_err(HandoverError::Malformed)?;
    memory.write_all(&json).map_err(HandoverError::Write)?;
    memory.rewind().map_err(HandoverError::Write)?;
    Ok(memory)
}

fn read(memory: u32) -> Result<Written, HandoverError> {
    let number = RawFd::try_from(memory).unwrap_or(NOT_OPEN);
    let mut file = File::from(inherited(number)?);
    let mut json = Vec::new();
    file.rewind().map_err(HandoverError::Read)?;
    file.take(BYTES_MAX)
        .read_to_end(&mut json)
        .map_err(HandoverError::Read)?;
    serde_json::from_slice(&json).map_err(HandoverError::Malformed)
}

/// The program of this image, open, whatever has become of its file.
pub(crate) fn own_program() -> io::Result<OwnedFd> {
    File::open("/proc/self/exe").map(OwnedFd::from)
}

fn keep_listener(listener: &Arc<Listener>) -> Result<WrittenListener, HandoverError> {
    let Listener { key, sockets } = &**listener;
    Ok(WrittenListener {
        protocol: key.protocol,
        address: key.address.to_string(),
        preface: key.preface.into(),
        sockets: sockets.iter().map(kept).collect::<Result<_, _>>()?,
    })
}

/// `None` for a listener that this version has no word for: its sockets are closed.
fn take_listener(written: WrittenListener) -> Option<Result<Arc<Listener>, HandoverError>> {
    let WrittenListener {
        protocol,
        address,
        preface,
        sockets,
    } = written;
    let address = ListenAddress::parse(&address)?;
    let sockets = sockets
        .into_iter()
        .map(|number| inherited(number).map(TcpListener::from));
    let listener = sockets.collect::<Result<_, _>>().map(|sockets| Listener {
        key: ListenerKey {
            protocol,
            address,
            preface: preface.into(),
        },
        sockets,
    });
    Some(listener.map(Arc::new))
}

fn keep_generation(adopted: &Adopted) -> Result<WrittenGeneration, HandoverError> {
    let Adopted {
        number,
        pid,
        phase,
        link,
        unread,
    } = adopted;
    Ok(WrittenGeneration {
        number: *number,
        pid: *pid,
        draining: *phase != Phase::Serving,
        link: kept(link)?,
        unread: unread.clone(),
    })
}

fn take_generation(written: WrittenGeneration) -> Result<Adopted, HandoverError> {
    let WrittenGeneration {
        number,
        pid,
        draining,
        link,
        unread,
    } = written;
    Ok(Adopted {
        number,
        pid,
        phase: if draining {
            Phase::Draining
        } else {
            Phase::Serving
        },
        link: inherited(link)?,
        unread,
    })
}

fn kept(descriptor: &(impl AsFd + ?Sized)) -> Result<RawFd, HandoverError> {
    descriptors::keep_over_exec(descriptor.as_fd()).map_err(HandoverError::Keep)?;
    Ok(descriptor.as_fd().as_raw_fd())
}

fn inherited(number: RawFd) -> Result<OwnedFd, HandoverError> {
    descriptors::take_inherited(number).map_err(|error| HandoverError::Missing(number, error))
}

#[cfg(test)]
mod tests;
