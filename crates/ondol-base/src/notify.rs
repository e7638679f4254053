//! Tells systemd how the process is, over `NOTIFY_SOCKET` (sd_notify(3)). Without systemd it does nothing.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::clock;

/// How long a listener that takes no more messages may hold the process up.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to systemd, or nowhere.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog_interval: Option<Duration>,
}

/// What systemd put into the environment of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `NOTIFY_SOCKET`: a path, or `@` and an abstract name; `None` without systemd.
    pub notify_socket: Option<String>,
    /// `WATCHDOG_USEC`: how long a silence is allowed, in microseconds.
    pub watchdog_us: Option<String>,
    /// `WATCHDOG_PID`: the process that the watchdog is for; `None` means any.
    pub watchdog_pid: Option<String>,
}

impl Environment {
    /// What this process was started with.
    #[expect(
        clippy::disallowed_methods,
        reason = "the protocol hands these over in the environment and nowhere else"
    )]
    pub fn of_this_process() -> Self {
        let variable = |name| std::env::var(name).ok();
        Self {
            notify_socket: variable("NOTIFY_SOCKET"),
            watchdog_us: variable("WATCHDOG_USEC"),
            watchdog_pid: variable("WATCHDOG_PID"),
        }
    }
}

impl Notifier {
    /// Connects to the socket that the environment names; without one, a notifier that does nothing.
    pub fn connect(environment: &Environment) -> io::Result<Self> {
        let Environment {
            notify_socket,
            watchdog_us,
            watchdog_pid,
        } = environment;
        let Some(name) = notify_socket.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket: Some(socket),
            watchdog_interval: watchdog_interval(watchdog_us.as_deref(), watchdog_pid.as_deref()),
        })
    }

    /// Everything is served. Also ends a [`Notifier::reloading`].
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// A changed configuration is being taken up; [`Notifier::ready`] must follow.
    pub fn reloading(&self) {
        let now = clock::monotonic_us();
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={now}"));
    }

    /// The process is on its way out.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for people, shown by `systemctl status`; what follows a line break is dropped.
    pub fn status(&self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        self.send(&format!("STATUS={line}"));
    }

    /// The process is alive; to be said every [`Notifier::watchdog_interval`].
    pub fn watchdog(&self) {
        self.send("WATCHDOG=1");
    }

    /// How often to say so: half of the silence that systemd allows. `None` when nobody listens.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog_interval
    }

    /// Nothing depends on the message, and nobody above could do better than log its loss.
    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::warn!(%error, message, "systemd was not told");
        }
    }
}

fn watchdog_interval(microseconds: Option<&str>, pid: Option<&str>) -> Option<Duration> {
    let is_for_us = pid.is_none_or(|pid| pid.parse() == Ok(std::process::id()));
    let microseconds: u64 = microseconds?.parse().ok()?;
    let interval = Duration::from_micros(microseconds / 2);
    (is_for_us && !interval.is_zero()).then_some(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn notifier(name: String) -> Notifier {
        Notifier::connect(&Environment {
            notify_socket: Some(name),
            ..Environment::default()
        })
        .unwrap()
    }

    #[test]
    fn systemd_hears_every_state_on_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(path.to_str().unwrap().to_owned());
        notifier.ready();
        assert_eq!(received(&systemd), "READY=1");
        let before = clock::monotonic_us();
        notifier.reloading();
        let text = received(&systemd);
        let said = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!((before..=clock::monotonic_us()).contains(&said.parse().unwrap()));
        notifier.status("7 sites\nREADY=1");
        assert_eq!(received(&systemd), "STATUS=7 sites");
        notifier.watchdog();
        assert_eq!(received(&systemd), "WATCHDOG=1");
        notifier.stopping();
        assert_eq!(received(&systemd), "STOPPING=1");
    }

    #[test]
    fn an_abstract_socket_works_too() {
        let name = format!("ondol-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        notifier(format!("@{name}")).ready();
        assert_eq!(received(&systemd), "READY=1");
    }

    #[test]
    fn without_systemd_or_after_its_end_nothing_happens() {
        Notifier::connect(&Environment::default()).unwrap().ready();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(path.to_str().unwrap().to_owned());
        drop(systemd);
        notifier.ready();
    }

    #[test]
    fn a_listener_that_does_not_read_holds_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let notifier = notifier(path.to_str().unwrap().to_owned());
        let socket = notifier.socket.as_ref().unwrap();
        socket.set_nonblocking(true).unwrap();
        while socket.send(b"STATUS=full").is_ok() {}
        socket.set_nonblocking(false).unwrap();
        notifier.ready();
    }

    #[test]
    fn the_watchdog_is_fed_twice_as_often_as_asked_and_only_by_its_process() {
        let own = std::process::id().to_string();
        let table = [
            (Some("30000000"), Some(own.as_str()), Some(15)),
            (Some("30000000"), None, Some(15)),
            (Some("30000000"), Some("1"), None),
            (Some("30000000"), Some("me"), None),
            (Some("soon"), None, None),
            (Some("0"), None, None),
            (None, None, None),
        ];
        for (microseconds, pid, seconds) in table {
            assert_eq!(
                watchdog_interval(microseconds, pid),
                seconds.map(Duration::from_secs),
                "{microseconds:?} {pid:?}"
            );
        }
    }
}
