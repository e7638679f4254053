//! Ondol on the recovered box: by systemd where that looks after it, else as a process of its own.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use ondol_admin::client::Client;
use ondol_base::clock;
use ondol_base::file;
use ondol_base::process::Child;
use ondol_base::program;

use crate::folders::Folders;
use crate::folders::Person;
use crate::sandbox::ServeUser;
use crate::sandbox::UserError;

/// A disk that is being written to everywhere makes everything slow.
const READY: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
const SYSTEMCTL: Duration = Duration::from_secs(90);
const USERADD: Duration = Duration::from_secs(60);
/// There is systemd, and it is the one that looks after the machine (sd_booted).
const SYSTEMD: &str = "/run/systemd/system";
/// Where units of the machine lie.
const UNITS: [&str; 3] = [
    "/etc/systemd/system/ondol.service",
    "/usr/local/lib/systemd/system/ondol.service",
    "/usr/lib/systemd/system/ondol.service",
];

/// How Ondol runs now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Started {
    /// It did already.
    Already,
    /// As the service of the machine.
    Service,
    /// As a process that nobody starts again.
    Process {
        /// Its number.
        pid: u32,
        /// What it logs to.
        log: PathBuf,
    },
}

impl Started {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Already => "Ondol runs already, and the sites answer.".to_owned(),
            Self::Service => {
                "Ondol runs as a service (systemctl status ondol), and the sites answer.".to_owned()
            }
            Self::Process { pid, log } => format!(
                "Ondol runs as process {pid}, and the sites answer; it logs to {}. It does not start with the machine \
                 by itself yet: deploy/install.sh makes it a service.",
                log.display()
            ),
        }
    }
}

/// Starts it, and waits until visitors are served.
pub(super) async fn start(
    folders: &Folders,
    variables: &BTreeMap<String, String>,
    user: Option<&str>,
) -> anyhow::Result<Started> {
    let client = Client::new(folders.admin_socket());
    if client
        .status()
        .await
        .is_ok_and(|status| status.generation.is_some())
    {
        return Ok(Started::Already);
    }
    if Person::current() == Person::Root && user.is_none() {
        make_visitors_user().await?;
    }
    if is_service(folders) {
        run("systemctl", &["enable", "ondol"], SYSTEMCTL).await?;
        run("systemctl", &["start", "ondol"], SYSTEMCTL).await?;
        ready(&client, None, None).await?;
        return Ok(Started::Service);
    }
    // Not with the other logs: that folder is given to who talks to visitors when the agent makes it.
    file::create_dir_private(&folders.runtime)
        .with_context(|| format!("could not make {}", folders.runtime.display()))?;
    let log = folders.runtime.join("agent.log");
    let child = spawn(folders, variables, user, &log)?;
    let pid = child.pid();
    ready(&client, Some(&child), Some(&log)).await?;
    Ok(Started::Process { pid, log })
}

/// Whether the machine has a service for these folders.
fn is_service(folders: &Folders) -> bool {
    let usual = folders.config == Path::new("/etc/ondol/ondol.toml")
        && folders.state == Path::new("/var/lib/ondol")
        && folders.runtime == Path::new("/run/ondol");
    let has_unit = UNITS.iter().any(|unit| Path::new(unit).exists());
    usual && has_unit && Person::current() == Person::Root && Path::new(SYSTEMD).is_dir()
}

fn spawn(
    folders: &Folders,
    variables: &BTreeMap<String, String>,
    user: Option<&str>,
    log: &Path,
) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("could not find this program")?;
    let file = OpenOptions::new().create(true).append(true).open(log);
    let file = file.with_context(|| format!("could not open {}", log.display()))?;
    let mut command = Command::new(program);
    command.arg0("ondol");
    for (flag, path) in [
        ("--config", &folders.config),
        ("--state", &folders.state),
        ("--runtime", &folders.runtime),
        ("--logs", &folders.logs),
    ] {
        command.arg(flag).arg(path);
    }
    command
        .arg("run")
        .args(user.iter().flat_map(|user| ["--user", user]))
        .envs(variables)
        // What ends this command is not to end the box.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file);
    let child = command.spawn().context("could not start the agent")?;
    Child::adopt(child.id()).context("could not look after the agent")
}

async fn ready(client: &Client, child: Option<&Child>, log: Option<&Path>) -> anyhow::Result<()> {
    let deadline = clock::now() + READY;
    let ended = async {
        match child {
            Some(child) => child.ended().await,
            None => std::future::pending().await,
        }
    };
    let serves = async {
        loop {
            let status = client.status().await;
            if status.is_ok_and(|status| status.generation.is_some()) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::select! {
        () = serves => Ok(()),
        status = ended => {
            let status = status.map(|status| status.to_string()).unwrap_or_default();
            anyhow::bail!("it ended ({status}){}", last_words(log))
        }
        () = tokio::time::sleep_until(deadline) => {
            anyhow::bail!("it was not ready after {} s{}", READY.as_secs(), last_words(log))
        }
    }
}

fn last_words(log: Option<&Path>) -> String {
    const LINES: usize = 8;
    let text = log.and_then(|log| std::fs::read_to_string(log).ok());
    match (text, log) {
        (Some(text), _) if !text.trim().is_empty() => {
            let lines: Vec<_> = text.lines().collect();
            let start = lines.len().saturating_sub(LINES);
            format!(":\n{}", lines[start..].join("\n"))
        }
        (_, Some(log)) => format!("; see {}", log.display()),
        (_, None) => "; `journalctl -u ondol` says why".to_owned(),
    }
}

/// The user that talks to visitors, on a machine that has none yet.
async fn make_visitors_user() -> anyhow::Result<()> {
    let Err(UserError::Missing(name)) = ServeUser::find(Person::Root, None) else {
        return Ok(());
    };
    let arguments = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        &name,
    ];
    run("useradd", &arguments, USERADD).await
}

async fn run(name: &str, arguments: &[&str], limit: Duration) -> anyhow::Result<()> {
    let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
    let ended = program::run(name, arguments, limit).await;
    let ended = ended.with_context(|| format!("{name} could not be run"))?;
    if ended.status.success() {
        return Ok(());
    }
    let complaint = ended.complaint.trim();
    Err(io::Error::other(complaint.to_owned())).with_context(|| format!("{name} failed"))
}
