//! When a process counts as ready, and what is told when it does not become so.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use ondol_base::chain::Chain;
use ondol_base::tasks;
use ondol_model::plan::AppListen;
use ondol_model::plan::Ready;
use ondol_model::upstream::Address;

use super::Instance;
use super::Started;
use super::listeners;
use super::listeners::Holder;
use super::probe;
use super::socket;

/// A process that answers nobody is ready when it has run for so long: what is wrong with its command has ended it.
const SETTLED: Duration = Duration::from_secs(1);
/// Between two tries at first; the next ones come later and later.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Between two tries at last.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Why a process is not ready, though its time is over, or will not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct NotReady {
    /// What was tried, what came back, what to do: `it did not become ready within 60 s: …`.
    pub(crate) sentence: String,
}

/// Why a process is not well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Unwell {
    /// What was tried, what came back: `GET /up (Host coffee.example) answered 500 …`.
    pub(crate) sentence: String,
}

/// The last try.
#[derive(Debug, Default)]
struct Tried {
    times: u32,
    /// What was tried and what came back.
    sentence: String,
}

impl Instance {
    /// Waits until it is ready, for as long as the app may take for that (`start_timeout`). An error at once when it
    /// ends before. Cancel-safe.
    pub(crate) async fn ready(&self) -> Result<(), NotReady> {
        let mut tried = Tried::default();
        let limit = self.0.settings.app().start_timeout;
        let outcome = tokio::select! {
            biased;
            ending = self.ended() => return Err(NotReady { sentence: format!("{} before it was ready", ending.sentence) }),
            outcome = tokio::time::timeout(limit, self.0.become_ready(&mut tried)) => outcome,
        };
        if outcome.is_ok() {
            self.0.remember_ready().await;
            return Ok(());
        }
        let sentence = self.0.not_ready(limit, &tried).await;
        Err(NotReady { sentence })
    }

    /// Asks it once whether it is well, with the time limit of the app's `health`. A process that is not to be asked
    /// is well while it runs.
    pub(crate) async fn well(&self) -> Result<(), Unwell> {
        let process = &*self.0;
        if let Some(ending) = process.running.ending() {
            let sentence = ending.sentence.clone();
            return Err(Unwell { sentence });
        }
        let health = &process.settings.app().health;
        let Some(address) = &process.address else {
            return Ok(());
        };
        let asked = match &health.path {
            _ if process.settings.php().is_some() => process.connects(address).await,
            Some(path) => process.answers(address, Some(path)).await,
            None => Ok(()),
        };
        asked.map_err(|sentence| Unwell { sentence })
    }
}

impl Started {
    /// Returns when it is ready.
    async fn become_ready(&self, tried: &mut Tried) {
        let Some(address) = &self.address else {
            return tokio::time::sleep(SETTLED).await;
        };
        self.has_said_so(tried).await;
        let mut pause = PAUSE_MIN;
        loop {
            match self.try_once(address).await {
                Ok(()) => return,
                Err(sentence) => {
                    tried.times += 1;
                    tried.sentence = sentence;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Waits for the word of those who say by themselves that they are ready.
    async fn has_said_so(&self, tried: &mut Tried) {
        let Some(ear) = &self.ear else { return };
        tried.sentence = match &self.settings.app().ready {
            Ready::Log(text) => format!("no line of its log has “{text}” in it (`ready`)"),
            Ready::Notify | Ready::Http | Ready::Connect => {
                "it has not said READY=1 to $NOTIFY_SOCKET (`ready = \"notify\"`)".to_owned()
            }
        };
        let mut said = ear.said();
        // It listens as long as this process is held.
        let _ = said.wait_for(|said| said.is_ready).await;
    }

    async fn try_once(&self, address: &Address) -> Result<(), String> {
        if let Address::Unix(path) = address {
            self.let_visitors_in(path).await?;
        }
        let app = self.settings.app();
        match &app.ready {
            _ if self.settings.php().is_some() => self.answers_fastcgi(address).await?,
            Ready::Http => self.answers(address, app.health.path.as_deref()).await?,
            // The queue of a socket that Ondol has made takes connections in any case.
            Ready::Connect if self.listen == Some(AppListen::Fd) => {
                self.answers(address, None).await?;
            }
            Ready::Connect => self.connects(address).await?,
            // It has said so: what it said is believed, but whom visitors would meet is looked at.
            Ready::Notify | Ready::Log(_) => {}
        }
        match address {
            Address::Tcp { host: _, port } => self.is_the_listener(*port).await,
            Address::Unix(_) => Ok(()),
        }
    }

    async fn let_visitors_in(&self, path: &Path) -> Result<(), String> {
        let Some(AppListen::Unix) = self.listen else {
            return Ok(());
        };
        let (path, identity) = (path.to_owned(), self.settings.identity().cloned());
        let group = self.visitors_group;
        let opened = tasks::spawn_blocking(move || {
            socket::open_to_visitors(&path, identity.as_ref(), group)
        });
        let opened = opened
            .await
            .unwrap_or_else(|error| Err(std::io::Error::other(error)));
        opened.map_err(|error| format!("there is no socket at $ONDOL_SOCKET: {}", Chain(&error)))
    }

    /// Asks for a path, or, without one, for `/`, which may have any answer.
    async fn answers(&self, address: &Address, path: Option<&str>) -> Result<(), String> {
        let health = &self.settings.app().health;
        let host = health.host.as_deref().or_else(|| self.settings.host());
        let host = host.unwrap_or("localhost");
        let asked = path.unwrap_or("/");
        let question = format!("GET {asked} (Host {host})");
        let answer = probe::get(address, host, asked, health.timeout).await;
        match answer {
            Ok(answer) if path.is_none() || answer.is_well() => Ok(()),
            Ok(answer) => {
                let hint = hint(answer.status);
                Err(format!("{question} was answered with {answer}{hint}"))
            }
            Err(error) => Err(format!("{question}: {}", Chain(&error))),
        }
    }

    async fn answers_fastcgi(&self, address: &Address) -> Result<(), String> {
        let limit = self.settings.app().health.timeout;
        let answer = probe::fastcgi(address, limit).await;
        answer.map_err(|error| format!("php-fpm was asked: {}", Chain(&error)))
    }

    async fn connects(&self, address: &Address) -> Result<(), String> {
        let limit = self.settings.app().health.timeout;
        let connected = probe::connect(address, limit).await;
        connected.map_err(|error| format!("connecting: {}", Chain(&error)))
    }

    /// Whether the port is in the hands of this process, or of one that it started.
    async fn is_the_listener(&self, port: u16) -> Result<(), String> {
        let processes = self.running.processes().await;
        let user = self.settings.identity().map(|identity| identity.uid);
        let look = move || listeners::holder(port, &processes, user);
        // What can't be looked at is not known.
        match tasks::spawn_blocking(look).await.unwrap_or(Holder::Unknown) {
            Holder::Ours | Holder::Unknown => Ok(()),
            Holder::None => Err(format!("nobody listens on port {port} of 127.0.0.1")),
            Holder::Stranger => Err(format!(
                "another program of this machine listens on port {port}, and not this app: visitors would be sent \
                 to a stranger"
            )),
        }
    }

    /// All that is known of why it is not ready.
    async fn not_ready(&self, limit: Duration, tried: &Tried) -> String {
        let seconds = limit.as_secs_f64();
        let times = match tried.times {
            0 | 1 => String::new(),
            times => format!(" (the last of {times} tries)"),
        };
        let mut facts = Vec::new();
        if !tried.sentence.is_empty() {
            facts.push(format!("{}{times}", tried.sentence));
        }
        let status = self
            .ear
            .as_ref()
            .map(|ear| ear.said().borrow().status.clone());
        if let Some(status) = status.filter(|status| !status.is_empty()) {
            facts.push(format!("its own status is “{status}”"));
        }
        if self.address.is_some() && self.settings.php().is_none() {
            facts.push(self.where_it_listens().await);
        }
        let facts = facts.join("; ");
        format!("it did not become ready within {seconds} s (`start_timeout`): {facts}")
    }

    /// Where it listens, and where it should.
    async fn where_it_listens(&self) -> String {
        let processes = self.running.processes().await;
        let look = move || listeners::of(&processes, &listeners::all());
        let found = tasks::spawn_blocking(look).await.unwrap_or_default();
        let is_wanted = |listener: &listeners::Listener| match &self.address {
            Some(Address::Tcp { host: _, port }) => listener.address.port() == *port,
            Some(Address::Unix(_)) | None => false,
        };
        let wanted = match (&self.address, self.listen) {
            (Some(Address::Tcp { host: _, port }), _) => {
                format!("127.0.0.1:{port}, which $PORT tells it ($ONDOL_BIND, as a URL)")
            }
            (_, Some(AppListen::Fd)) => {
                "the socket that it is handed as descriptor 3 (LISTEN_FDS)".to_owned()
            }
            (Some(Address::Unix(_)), _) | (None, _) => {
                "the Unix socket at $ONDOL_SOCKET ($ONDOL_BIND as a URL)".to_owned()
            }
        };
        if found.iter().any(is_wanted) {
            return "it listens where it should".to_owned();
        }
        let mut places: Vec<_> = found.iter().map(|it| it.address.to_string()).collect();
        places.sort();
        places.dedup();
        match (&*places, self.listen) {
            ([], Some(AppListen::Port)) => format!("it listens on no port, and should on {wanted}"),
            ([], _) => format!("it should listen on {wanted}"),
            (places, _) => format!(
                "it listens on {}, and should on {wanted}",
                places.join(", ")
            ),
        }
    }
}

/// What an answer that is not well may come of, as the end of the words that have it.
fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => " (is it the path that is meant? `health = { path = \"…\" }`)",
        StatusCode::UNAUTHORIZED => " (a health path must need no login)",
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => {
            " (does it know this host? `health = { host = \"…\" }` names another)"
        }
        _ => "",
    }
}
