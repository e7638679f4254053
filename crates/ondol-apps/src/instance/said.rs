//! What a process says of itself: `READY=1` and a status by sd_notify(3), or a line of its log that its owner named.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::app::Launch;
use tokio::net::UnixDatagram;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::log::AppLog;
use crate::log::LogLine;

/// A message of sd_notify has a few variables.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// Of a status, as much as fits into a sentence.
const STATUS_BYTES_MAX: usize = 200;
/// Lines that are looked through when some were missed.
const MISSED_LINES: usize = 1_000;

/// What a process has said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// That it is ready.
    pub(crate) is_ready: bool,
    /// What it is at, in its own words; may be empty.
    pub(crate) status: String,
}

/// Whether lines that are in the log already count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The process was there before, and so were its lines.
    Counts,
    /// They are of another process.
    Ignored,
}

/// Listens to what a process says, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ear {
    said: watch::Receiver<Said>,
    _listening: Group,
}

impl Ear {
    /// Makes the socket of `NOTIFY_SOCKET`, in place of one that is there, and reads it to the end: a sender would
    /// wait where nobody does. It belongs to this user and group.
    pub(crate) fn at_socket(path: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let socket = UnixDatagram::bind(path)?;
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
        }
        Ok(Self::listen("what an app notifies of", |say| async move {
            let mut buffer = vec![0; MESSAGE_BYTES_MAX];
            // Descriptors that come with a message (BARRIER=1) are closed by the kernel, as its sender wants.
            while let Ok(bytes) = socket.recv(&mut buffer).await {
                let text = String::from_utf8_lossy(&buffer[..bytes]).into_owned();
                say.send_if_modified(|said| said.hear(&text));
            }
        }))
    }

    /// Waits for a line of this process with this text. To be called before the process starts, or, where lines of
    /// before count too, at any time.
    pub(crate) fn at_log(
        log: &AppLog,
        (launch, instance): (Launch, &str),
        text: &str,
        before: Before,
    ) -> Self {
        let lines = log.lines();
        let awaited = Awaited {
            log: log.clone(),
            launch,
            instance: instance.to_owned(),
            text: text.to_owned(),
            since_ms: match before {
                Before::Counts => 0,
                Before::Ignored => clock::unix_milliseconds(),
            },
        };
        Self::listen("the line of an app that is ready", |say| async move {
            let was_there = before == Before::Counts && awaited.was_missed();
            if was_there || awaited.has_come(lines).await {
                say.send_modify(|said| said.is_ready = true);
            }
            std::future::pending().await
        })
    }

    /// What it has said so far, and later.
    pub(crate) fn said(&self) -> watch::Receiver<Said> {
        self.said.clone()
    }

    fn listen<F>(name: &str, work: impl FnOnce(watch::Sender<Said>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (say, said) = watch::channel(Said::default());
        let mut listening = Group::default();
        listening.spawn(name, work(say));
        Self {
            said,
            _listening: listening,
        }
    }
}

impl Said {
    /// Takes a message in; whether anything changed.
    fn hear(&mut self, message: &str) -> bool {
        let before = self.clone();
        for line in message.lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => self.is_ready = true,
                Some(("STATUS", status)) => {
                    let end = status.floor_char_boundary(STATUS_BYTES_MAX);
                    self.status = status[..end].replace(char::is_control, "");
                }
                Some(_) | None => {}
            }
        }
        *self != before
    }
}

/// A line of a log that is waited for.
struct Awaited {
    log: AppLog,
    launch: Launch,
    instance: String,
    text: String,
    /// Those of before are another process's.
    since_ms: i64,
}

impl Awaited {
    async fn has_come(&self, mut lines: broadcast::Receiver<Arc<LogLine>>) -> bool {
        loop {
            match lines.recv().await {
                Ok(line) if self.is(&line) => return true,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) if self.was_missed() => return true,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return false,
            }
        }
    }

    fn is(&self, line: &LogLine) -> bool {
        let is_of = line.launch == Some(self.launch) && *line.instance == *self.instance;
        is_of && line.text.contains(&self.text)
    }

    fn was_missed(&self) -> bool {
        let of = Some(self.instance.as_str());
        let missed = self
            .log
            .tail_since(self.launch, of, self.since_ms, MISSED_LINES);
        missed.iter().any(|line| line.contains(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ondol_model::app::AppName;

    use super::*;
    use crate::places::Places;

    #[tokio::test]
    async fn only_its_own_launch_makes_a_process_ready() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            state: folder.path().join("state"),
            runtime: folder.path().join("run"),
            logs: folder.path().join("logs"),
            configuration: folder.path().join("etc"),
            visitors_group: None,
            program: "/bin/false".into(),
        };
        let app = AppName::parse("coffee").unwrap();
        let log = AppLog::open(&places, &app);
        let pipe = |name: &str| folder.path().join(name);
        let mut writers = Vec::new();
        let mut attached = Vec::new();
        for launch in [1, 2] {
            let path = pipe(&launch.to_string());
            attached.push(log.attach(&path, "web.1", Some(launch), None).unwrap());
            writers.push(fs::OpenOptions::new().write(true).open(&path).unwrap());
        }
        let ear = Ear::at_log(&log, (2, "web.1"), "is ready", Before::Ignored);
        let mut said = ear.said();
        let mut lines = log.lines();
        writers[0].write_all(b"the old one is ready\n").unwrap();
        assert_eq!(lines.recv().await.unwrap().launch, Some(1));
        writers[1].write_all(b"not yet\n").unwrap();
        assert_eq!(lines.recv().await.unwrap().launch, Some(2));
        assert!(!said.borrow_and_update().is_ready);
        writers[1].write_all(b"the new one is ready\n").unwrap();
        said.wait_for(|said| said.is_ready).await.unwrap();
        assert_eq!(
            log.tail_of(2, Some("web.1"), 9),
            ["not yet", "the new one is ready"]
        );
    }

    #[tokio::test]
    async fn what_is_notified_is_heard_and_never_left_lying() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let ear = Ear::at_socket(&path, None).unwrap();
        let mut said = ear.said();
        let app = UnixDatagram::unbound().unwrap();
        app.send_to(b"STATUS=loading\x07\nX", &path).await.unwrap();
        said.wait_for(|said| said.status == "loading")
            .await
            .unwrap();
        assert!(!said.borrow().is_ready);
        for _ in 0..1000 {
            app.send_to(b"WATCHDOG=1", &path).await.unwrap();
        }
        app.send_to(b"READY=1\nSTATUS=up", &path).await.unwrap();
        said.wait_for(|said| said.is_ready).await.unwrap();
        assert_eq!(said.borrow().status, "up");
        // A later process has a socket of its own in the same place.
        let again = Ear::at_socket(&path, None).unwrap();
        assert!(!again.said().borrow().is_ready);
    }
}
