//! The data plane: takes its sockets and what to serve from the link, gives up what it does not need, and
//! serves until the link says drain or is gone. It constructs the proxy; it knows no store and no issuer.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ondol_base::descriptors;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::event::EventKind;
use ondol_proxy::CertificateEntry;
use ondol_proxy::Certificates;
use ondol_proxy::Challenges;
use ondol_proxy::DataPlane;
use ondol_proxy::Failures;
use ondol_proxy::KeyPair;
use ondol_proxy::Protocol;
use ondol_proxy::ServeFailure;
use ondol_proxy::Snapshot;
use ondol_proxy::Socket;
use ondol_proxy::UpstreamFiles;
use ondol_proxy::UpstreamTls;
use ondol_proxy::UpstreamTlsError;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::cli::Environment;
use crate::cli::ServeFlags;
use crate::configuration::Configuration;
use crate::generation::receive_sockets;
use crate::generation::sources_of;
use crate::generation::upstream_files_from;
use crate::link;
use crate::link::Down;
use crate::link::Link;
use crate::link::LinkError;
use crate::link::SocketProtocol;
use crate::link::Start;
use crate::link::Up;
use crate::logging;
use crate::sandbox;
use crate::signals;

mod apps;
mod counted;
mod own;

use apps::Apps;
use own::Reports;

/// How often counters go up the link.
const COUNTERS: Duration = Duration::from_secs(1);
/// A worker that is lost at so many ticks in a row is lost: after the whole process stood still, workers need a
/// moment to show that they are well.
const LOST_TICKS: u32 = 3;
/// Failures that wait for the link; more are only logged.
const FAILURES_WAITING_MAX: usize = 64;

/// Serves; returns when there is nothing left to do.
pub(crate) fn run(flags: &ServeFlags, environment: &Environment) -> anyhow::Result<ExitCode> {
    signals::leave_to_agent().context("could not hold signals back")?;
    logging::start(&flags.log, environment)?;
    let _ = rustix::thread::set_name(c"ondol"); // For process lists alone.
    let link = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("there is no link on standard input")?;
    let link = UnixStream::from(link);
    let sockets = receive_sockets(&link).context(
        "no sockets came over the link (this command is started by `ondol run`, never by hand)",
    )?;
    descriptors::raise_limit().context("could not raise the limit of open files")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut link = Link::new(link, &[])?;
        let Down::Start(start) = link.next().await? else {
            anyhow::bail!("the link does not begin with what to serve");
        };
        let sockets = sockets.into_iter().map(TcpListener::from).collect();
        let served = Served::start(start, sockets).await?;
        served.obey(&mut link).await
    })?;
    Ok(ExitCode::SUCCESS)
}

struct Served {
    plane: DataPlane,
    /// The number of what issuers were shown first.
    shown: u64,
    plan: Arc<Plan>,
    certificates: Arc<Certificates>,
    upstream_files: UpstreamFiles,
    upstream_tls: Arc<UpstreamTls>,
    failures: mpsc::Receiver<Up>,
    failure_sender: mpsc::Sender<Up>,
    apps: Apps,
    sites: counted::Told,
    wakes: mpsc::Receiver<AppName>,
    reports: Reports,
}

impl Served {
    async fn start(start: Start, listeners: Vec<TcpListener>) -> anyhow::Result<Self> {
        let Start {
            sockets,
            texts,
            certificates,
            client_authorities,
            upstream_files,
            challenges,
            endpoints,
            own,
            access_log,
            roots,
        } = start;
        let configuration = Configuration::accept(sources_of(texts))?;
        let logs = access_log.parent().unwrap_or(Path::new("/"));
        let confinement = sandbox::confine(&roots, logs)?;
        tracing::debug!(?confinement, "confined");
        let (sender, failures) = mpsc::channel(FAILURES_WAITING_MAX);
        let certificates = take_certificates((certificates, client_authorities), None, &sender);
        let plan = configuration.plan;
        let upstream_files = upstream_files_from(upstream_files);
        let upstream_tls = take_upstream_tls(&plan, &upstream_files, None, &sender);
        let snapshot = Snapshot::new(Arc::clone(&plan), Arc::clone(&certificates))
            .with_upstream_tls(Arc::clone(&upstream_tls));
        let workers = by_worker(&sockets, listeners)?;
        let failure_sender = sender.clone();
        let report = Failures::new(move |failure| tell(&sender, failure));
        let shown = challenges.sequence;
        let challenges = take_challenges(challenges, &failure_sender);
        let (apps, hosted, wakes) = Apps::new(endpoints);
        let plane =
            DataPlane::start(workers, snapshot, challenges, hosted, &access_log, report).await;
        let plane = plane.context("could not begin to serve")?;
        let reports = Reports::new();
        reports.take(own, &plane).await;
        Ok(Self {
            plane,
            shown,
            plan,
            certificates,
            upstream_files,
            upstream_tls,
            failures,
            failure_sender,
            apps,
            sites: counted::Told::default(),
            wakes,
            reports,
        })
    }

    /// Does what the link says, until it says drain and that is done. A link that is gone is an error.
    async fn obey(mut self, link: &mut Link) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let sequence = self.shown;
        link.send(&Up::Challenges { sequence })?;
        self.apps.begin(&self.plane, link)?;
        link.send(&Up::Ready { version })?;
        let mut tick = tokio::time::interval(COUNTERS);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retiring_ticks = apps::retiring_ticks();
        let mut lost_for = 0;
        let grace_ms = loop {
            link.flush_some().await?;
            tokio::select! {
                down = link.next() => match down? {
                    Down::Configuration { sequence, texts } => {
                        self.plan = Configuration::accept(sources_of(texts))?.plan;
                        self.apply().await;
                        link.send(&Up::Applied { sequence })?;
                    }
                    Down::Certificates { sequence, entries, client_authorities, upstream_files } => {
                        self.upstream_files = upstream_files_from(upstream_files);
                        let previous = Some(&*self.certificates);
                        self.certificates = take_certificates((entries, client_authorities), previous, &self.failure_sender);
                        self.apply().await;
                        link.send(&Up::Applied { sequence })?;
                    }
                    Down::Challenges(challenges) => self.show(link, challenges).await?,
                    Down::Endpoints(endpoints) => {
                        self.sites.to(endpoints.agent);
                        self.apps.take(endpoints, &self.plane, link).await?;
                    }
                    Down::Own(own) => self.reports.take(own, &self.plane).await,
                    Down::ReopenLog => self.plane.reopen_log(),
                    Down::Drain { grace_ms } => break grace_ms,
                    Down::Start(_) | Down::Unknown => {}
                },
                Some(failure) = self.failures.recv(), if !link.is_behind() => link.send(&failure)?,
                Some(app) = self.wakes.recv(), if !link.is_behind() => link.send(&wake(&app))?,
                report = self.reports.next(), if !link.is_behind() => link.send(&report)?,
                _ = retiring_ticks.tick(), if self.apps.is_retiring() => self.apps.report(&self.plane, link)?,
                _ = tick.tick() => {
                    lost_for = if self.plane.lost_worker() { lost_for + 1 } else { 0 };
                    // Its sockets would still get their share of visitors.
                    anyhow::ensure!(lost_for < LOST_TICKS, "a worker has ended or stands still");
                    link.send_unless_behind(&counted::counted(&self.plane))?;
                    link.flush_some().await?;
                    self.sites.tell(&self.plane, link)?;
                    link.flush_some().await?;
                    link.send_unless_behind(&counted::servers(&self.plane))?;
                    link.flush_some().await?;
                    self.apps.report(&self.plane, link)?;
                }
            }
        };
        self.drain(link, Duration::from_millis(grace_ms)).await
    }

    async fn apply(&mut self) {
        let (files, previous) = (&self.upstream_files, Some(&*self.upstream_tls));
        self.upstream_tls = take_upstream_tls(&self.plan, files, previous, &self.failure_sender);
        let snapshot = Snapshot::new(Arc::clone(&self.plan), Arc::clone(&self.certificates))
            .with_upstream_tls(Arc::clone(&self.upstream_tls));
        self.plane.apply(snapshot).await;
    }

    async fn show(&self, link: &mut Link, challenges: link::Challenges) -> Result<(), LinkError> {
        let sequence = challenges.sequence;
        let challenges = take_challenges(challenges, &self.failure_sender);
        self.plane.show(challenges).await;
        link.send(&Up::Challenges { sequence })
    }

    /// Finishes what visitors have, unless the link is gone before.
    async fn drain(mut self, link: &mut Link, grace: Duration) -> anyhow::Result<()> {
        let cut = self.until_drained(link, grace).await?;
        // What was counted since the last tick must not get lost with it.
        link.flush().await?;
        link.send(&counted::counted(&self.plane))?;
        link.flush().await?;
        self.sites.forget(); // The agent may have become another image since.
        self.sites.tell(&self.plane, link)?;
        self.plane.end().await;
        link.send(&Up::Drained { cut })?;
        link.flush().await?;
        Ok(())
    }

    /// Counts while visitors finish; returns how many connections were cut.
    async fn until_drained(&mut self, link: &mut Link, grace: Duration) -> anyhow::Result<u64> {
        let mut wakes = std::mem::replace(&mut self.wakes, mpsc::channel(1).1);
        let mut reports = std::mem::replace(&mut self.reports, Reports::new());
        let mut draining = std::pin::pin!(self.plane.drain(grace));
        let mut tick = tokio::time::interval(COUNTERS);
        let mut retiring_ticks = apps::retiring_ticks();
        loop {
            link.flush_some().await?;
            tokio::select! {
                cut = &mut draining => {
                    while let Some(report) = reports.waiting() {
                        link.flush().await?;
                        link.send(&report)?;
                    }
                    return Ok(cut);
                }
                down = link.next() => match down? {
                    Down::Challenges(challenges) => self.show(link, challenges).await?,
                    Down::Endpoints(endpoints) => {
                        self.sites.to(endpoints.agent);
                        self.apps.take(endpoints, &self.plane, link).await?;
                    }
                    Down::Own(own) => reports.take(own, &self.plane).await,
                    // There is nothing else left to tell it.
                    Down::Start(_)
                    | Down::Configuration { .. }
                    | Down::Certificates { .. }
                    | Down::ReopenLog
                    | Down::Drain { .. }
                    | Down::Unknown => {}
                },
                Some(app) = wakes.recv(), if !link.is_behind() => link.send(&wake(&app))?,
                report = reports.next(), if !link.is_behind() => link.send(&report)?,
                _ = retiring_ticks.tick(), if self.apps.is_retiring() => self.apps.report(&self.plane, link)?,
                _ = tick.tick() => {
                    link.send_unless_behind(&counted::counted(&self.plane))?;
                    link.flush_some().await?;
                    self.sites.tell(&self.plane, link)?;
                    link.flush_some().await?;
                    self.apps.report(&self.plane, link)?;
                }
            }
        }
    }
}

/// What came over the link as the request path takes it; what can't be used is left out and told.
fn take_certificates(
    (entries, authorities): (Vec<link::Certificate>, Vec<link::ClientAuthority>),
    previous: Option<&Certificates>,
    failures: &mpsc::Sender<Up>,
) -> Arc<Certificates> {
    let entries: Vec<_> = entries
        .into_iter()
        .map(|link::Certificate { names, chain, key }| CertificateEntry {
            names: names
                .iter()
                .filter_map(|name| HostPattern::parse(name).ok())
                .collect(),
            pair: KeyPair {
                chain_pem: chain,
                key_pem: key,
            },
        })
        .collect();
    let (certificates, unusable) = Certificates::new(&entries, previous);
    for (index, error) in unusable {
        let names = entries.get(index).map(|entry| {
            entry
                .names
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        });
        let subject = names.unwrap_or_default().join(", ");
        let reason = ondol_base::chain::Chain(&error).to_string();
        let message = format!("the certificate of {subject} can't be used: {reason}");
        tell(
            failures,
            ServeFailure {
                kind: EventKind::Certificate,
                subject,
                message,
            },
        );
    }
    let authorities = authorities.into_iter();
    let authorities = authorities.map(|link::ClientAuthority { path, pem }| (path, pem));
    Arc::new(certificates.with_client_authorities(authorities))
}

/// What issuers are shown, as the request path takes it; what can't be used is left out and told.
fn take_challenges(challenges: link::Challenges, failures: &mpsc::Sender<Up>) -> Challenges {
    let link::Challenges {
        sequence: _,
        http,
        tls_alpn,
    } = challenges;
    let certificates = tls_alpn.into_iter().flat_map(|certificate| {
        let link::Certificate { names, chain, key } = certificate;
        let pair = KeyPair {
            chain_pem: chain,
            key_pem: key,
        };
        names.into_iter().map(move |name| (name, pair.clone()))
    });
    let (challenges, unusable) = Challenges::new(http, certificates);
    for (name, error) in unusable {
        let reason = ondol_base::chain::Chain(&error).to_string();
        let message = format!(
            "an issuer that looks for {name} in a handshake is refused, because the certificate for it can't be \
             used: {reason}. The next try makes another one"
        );
        tell(
            failures,
            ServeFailure {
                kind: EventKind::Certificate,
                subject: name,
                message,
            },
        );
    }
    challenges
}

/// TLS towards the upstreams of a plan; what can't be used is told.
fn take_upstream_tls(
    plan: &Plan,
    files: &UpstreamFiles,
    previous: Option<&UpstreamTls>,
    failures: &mpsc::Sender<Up>,
) -> Arc<UpstreamTls> {
    let (upstream_tls, unusable) = UpstreamTls::new(plan, files, previous);
    for (upstream, error) in unusable {
        // The agent has told of files that it can't read; or their plan has not come yet.
        if matches!(error, UpstreamTlsError::Unread(_)) {
            continue;
        }
        let reason = ondol_base::chain::Chain(&error).to_string();
        tell(
            failures,
            ServeFailure {
                kind: EventKind::Certificate,
                subject: upstream.to_string(),
                message: format!(
                    "the `tls` of {upstream} can't be used: {reason}. Requests for it get 502; correct its files, \
                     which are taken up by themselves, or see what `ondol check` says"
                ),
            },
        );
    }
    Arc::new(upstream_tls)
}

/// Sends a failure up the link when there is room; the agent's log gets it in any case.
fn tell(failures: &mpsc::Sender<Up>, failure: ServeFailure) {
    let ServeFailure {
        kind,
        subject,
        message,
    } = failure;
    let event = kind.word().to_owned();
    let up = Up::Failure {
        event,
        subject,
        message,
    };
    if let Err(error) = failures.try_send(up) {
        tracing::warn!(failure = ?error.into_inner(), "the agent could not be told");
    }
}

fn by_worker(
    uses: &[link::SocketUse],
    listeners: Vec<TcpListener>,
) -> anyhow::Result<Vec<Vec<Socket>>> {
    anyhow::ensure!(
        uses.len() == listeners.len(),
        "the link brought other sockets than it says"
    );
    let workers = uses
        .iter()
        .map(|socket| socket.worker + 1)
        .max()
        .unwrap_or(1);
    anyhow::ensure!(
        workers <= listeners.len().max(1),
        "the link names workers without sockets"
    );
    let mut by_worker: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
    for (socket, listener) in uses.iter().zip(listeners) {
        let protocol = match socket.protocol {
            SocketProtocol::Http => Protocol::Http,
            SocketProtocol::Https => Protocol::Https,
        };
        by_worker[socket.worker].push(Socket {
            protocol,
            preface: socket.preface.into(),
            listener,
        });
    }
    Ok(by_worker)
}

fn wake(app: &AppName) -> Up {
    Up::Wake {
        app: app.to_string(),
    }
}
