//! The agent from its first line to its last: constructs everything, in order, and takes it down in reverse.
//!
//! An image of the agent that was executed in place of another boots the same way, with what the other has
//! left; when it can't, it gives everything back.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ondol_admin::Socket;
use ondol_admin::Surface;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::descriptors;
use ondol_base::file;
use ondol_base::file::Lock;
use ondol_base::file::LockError;
use ondol_base::notify;
use ondol_base::notify::Notifier;
use ondol_base::tasks::Group;
use ondol_base::tasks::Supervisor;
use ondol_config::Ink;
use ondol_model::event::EventKind;
use ondol_model::limits;
use ondol_store::Opened;
use ondol_store::Store;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::certificates::Certificates;
use crate::cli::Environment;
use crate::cli::RunFlags;
use crate::configuration::Configuration;
use crate::control::Asked;
use crate::control::Control;
use crate::control::Ending;
use crate::control::Signals;
use crate::control::Why;
use crate::events::Events;
use crate::folders::Folders;
use crate::folders::Person;
use crate::generation;
use crate::generation::Adopted;
use crate::generation::Owner;
use crate::generation::Surroundings;
use crate::generation::sources_of;
use crate::generation::texts_of;
use crate::handover;
use crate::handover::Facts;
use crate::handover::Handover;
use crate::handover::Reason;
use crate::last_good;
use crate::last_good::LastGood;
use crate::listeners::Listeners;
use crate::logging;
use crate::published::Published;
use crate::published::View;
use crate::reload;
use crate::reload::Context;
use crate::reload::Examined;
use crate::reload::Served;
use crate::sandbox;
use crate::sandbox::ServeUser;
use crate::upgrade;

/// Threads of the agent's runtime: one for a long answer, one for everything else.
const THREADS: usize = 2;
/// All of a boot before the first data plane is started; a disk may be slow after a power cut.
const PREPARATION: Duration = Duration::from_secs(60);
/// How long the services beside the data planes may take to end.
const SERVICES_END: Duration = Duration::from_secs(5);
/// Sentences about certificates that wait to be recorded.
const NOTICES_WAITING_MAX: usize = 64;

/// What is known before anything is opened, and never changes.
struct Ground {
    folders: Folders,
    surroundings: Surroundings,
    workers: usize,
    executable: PathBuf,
}

/// What an image starts from; a fresh one has only the lock.
struct Past {
    listeners: Listeners,
    generations: Vec<Adopted>,
    lock: Lock,
    admin: Option<OwnedFd>,
    facts: Option<Facts>,
}

/// What is ready before the first visitor is served.
struct Prepared {
    served: Served,
    store: Store,
    events: Events,
    certificates: Certificates,
    notices: mpsc::Receiver<String>,
    signals: Signals,
    notifier: Notifier,
}

/// The agent, complete.
struct Agent {
    control: Control,
    store: Store,
    workers: Group,
    admin: Arc<Socket>,
    lock: Lock,
    executions: u64,
}

/// What is left when the agent has ended.
enum Left {
    Nothing,
    Handover(Box<Handover>),
}

/// An image that could not boot, with what it was left.
struct Failed {
    error: anyhow::Error,
    past: Past,
}

/// Runs the agent until it is told to stop.
pub(crate) fn run(
    flags: &RunFlags,
    folders: Folders,
    environment: &Environment,
) -> anyhow::Result<ExitCode> {
    logging::start(&flags.log, environment)?;
    let _ = rustix::thread::set_name(c"ondol"); // For process lists alone.
    let handover = flags.handover.map(Handover::take).transpose()?;
    let surveyed = Ground::survey(flags, folders, environment, handover.as_ref());
    let (ground, runtime) = match surveyed.and_then(|ground| Ok((ground, start_runtime()?))) {
        Ok(ready) => ready,
        Err(error) => {
            return Err(match handover {
                None => error,
                Some(handover) => retreat(handover, error),
            });
        }
    };
    let left = match handover {
        None => runtime.block_on(fresh(&ground)),
        Some(handover) => runtime.block_on(adopted(&ground, handover)),
    };
    drop(runtime);
    match left? {
        Left::Nothing => Ok(ExitCode::SUCCESS),
        Left::Handover(handover) => Err(execute(*handover, &ground.executable)),
    }
}

fn start_runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("agent")
        .enable_all()
        .build()
        .context("could not start the runtime")
}

impl Ground {
    fn survey(
        flags: &RunFlags,
        folders: Folders,
        environment: &Environment,
        handover: Option<&Handover>,
    ) -> anyhow::Result<Self> {
        descriptors::raise_limit().context("could not raise the limit of open files")?;
        let user = ServeUser::find(Person::current(), flags.user.as_deref())?;
        folders.prepare()?;
        sandbox::give_folder(&folders.logs, &user)
            .with_context(|| format!("could not give {} to {user}", folders.logs.display()))?;
        let executable = match handover {
            Some(handover) => handover.facts.executable.clone(),
            None => std::env::current_exe().context("could not find out where this program is")?,
        };
        let passed_on = [
            ("JOURNAL_STREAM", environment.journal.clone()),
            ("RUST_BACKTRACE", environment.backtrace.clone()),
        ];
        let passed_on = passed_on
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let access_log = folders.access_log();
        Ok(Self {
            surroundings: Surroundings {
                user,
                log: flags.log.log.clone(),
                environment: passed_on.collect::<Vec<(&'static str, OsString)>>(),
                access_log,
            },
            folders,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            executable,
        })
    }
}

async fn fresh(ground: &Ground) -> anyhow::Result<Left> {
    let past = Past {
        listeners: Listeners::default(),
        generations: Vec::new(),
        lock: lock(&ground.folders)?,
        admin: None,
        facts: None,
    };
    match boot(ground, past).await {
        Ok(agent) => agent.live().await,
        Err(Failed { error, past: _ }) => Err(error),
    }
}

/// Boots from what another image has left, or gives it back to that one.
async fn adopted(ground: &Ground, handover: Handover) -> anyhow::Result<Left> {
    let Handover {
        listeners,
        generations,
        lock,
        admin,
        facts,
        previous,
    } = handover;
    let past = Past {
        listeners,
        generations,
        lock,
        admin,
        facts: Some(facts.clone()),
    };
    let Failed { error, past } = match boot(ground, past).await {
        Ok(agent) => return agent.live().await,
        Err(failed) => failed,
    };
    let handover = Handover {
        listeners: past.listeners,
        generations: past.generations,
        lock: past.lock,
        admin: past.admin,
        facts,
        previous,
    };
    Err(retreat(handover, error))
}

/// The phases of a boot; see the module. What the past has left is given back when one of them fails.
async fn boot(ground: &Ground, mut past: Past) -> Result<Agent, Failed> {
    let prepared = match tokio::time::timeout(PREPARATION, prepare(ground, &past)).await {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(error)) => return Err(Failed { error, past }),
        Err(_) => {
            let error = anyhow::anyhow!("the boot took longer than {} s", PREPARATION.as_secs());
            return Err(Failed { error, past });
        }
    };
    let next = past.facts.as_ref().map_or(1, |facts| facts.next_generation);
    let left_over = std::mem::take(&mut past.generations);
    let (owner, generations) = Owner::new(
        ground.surroundings.clone(),
        prepared.events.clone(),
        next,
        left_over,
    );
    let mut workers = Group::default();
    workers.spawn("owner of the data planes", owner.run());
    match serve(ground, &prepared, &past, &generations).await {
        Ok(admin) => Ok(assemble(ground, prepared, past, generations, workers, admin).await),
        Err(error) => {
            past.generations = generations.hand_over().await;
            prepared.store.close().await;
            Err(Failed { error, past })
        }
    }
}

async fn prepare(ground: &Ground, past: &Past) -> anyhow::Result<Prepared> {
    let signals = Signals::listen().context("could not listen to signals")?;
    let notifier = Notifier::connect(&notify::Environment::of_this_process());
    let notifier = notifier.context("could not reach systemd")?;
    let (configuration, revision, on_last_good) = configuration(ground, past)?;
    let listen = &configuration.plan.listen;
    let listeners = Listeners::open(listen, &past.listeners, ground.workers)?;
    let Opened { store, put_aside } = ondol_store::open(&ground.folders.database())?;
    let events = Events::new(store.handle());
    if let Some(path) = put_aside {
        let path = path.display();
        tracing::error!("the database was broken: it was put aside as {path}, and a new one begun");
    }
    if let Some(reason) = &on_last_good {
        let file = ground.folders.config.display();
        let message = format!(
            "{file} is not accepted, so the last good configuration (revision {revision}) is served. \
             Mend it, then `ondol reload`:\n\n{reason}"
        );
        events.record(EventKind::LastGood, revision.to_string(), message);
    }
    let (notice_sender, notices) = mpsc::channel(NOTICES_WAITING_MAX);
    let box_name = &configuration.plan.box_name;
    let certificates = Certificates::open(&ground.folders.state, box_name, notice_sender)?;
    let set = certificates
        .take_up(Arc::clone(&configuration.plan))
        .await?;
    let user = &ground.surroundings.user;
    let Examined {
        findings,
        roots,
        configuration,
    } = reload::examine(configuration, listeners.keys(), user.clone()).await?;
    // What only the machine knows to be wrong is no reason to serve nothing: a disk may be missing.
    let mistakes = findings
        .mistakes
        .iter()
        .map(|mistake| mistake.problem().to_owned());
    let warnings = mistakes.chain(reload::warnings(&findings)).collect();
    let served = Served {
        revision,
        configuration: Arc::new(configuration),
        listeners,
        certificates: set,
        roots,
        on_last_good,
        warnings,
    };
    Ok(Prepared {
        served,
        store,
        events,
        certificates,
        notices,
        signals,
        notifier,
    })
}

/// What to serve, its number, and what is wrong with the file when it is not what the file says.
fn configuration(
    ground: &Ground,
    past: &Past,
) -> anyhow::Result<(Configuration, u64, Option<String>)> {
    if let Some(facts) = &past.facts {
        let configuration = Configuration::accept(sources_of(facts.texts.clone()))?;
        return Ok((configuration, facts.revision, facts.on_last_good.clone()));
    }
    let last_good = last_good::read(&ground.folders.last_good()).unwrap_or_else(|error| {
        tracing::warn!("{}", Chain(&error));
        None
    });
    let error = match Configuration::read(&ground.folders.config) {
        Ok(configuration) => {
            let revision = revision_after(last_good.as_ref(), &configuration);
            return Ok((configuration, revision, None));
        }
        Err(error) => error,
    };
    let Some(LastGood { revision, sources }) = last_good else {
        anyhow::bail!("{}", error.render(Ink::Plain).trim_end());
    };
    let configuration = Configuration::accept(sources)
        .context("neither the configuration nor the copy of the last good one is accepted")?;
    Ok((configuration, revision, Some(error.render(Ink::Plain))))
}

fn revision_after(last_good: Option<&LastGood>, configuration: &Configuration) -> u64 {
    match last_good {
        None => 1,
        Some(last) if last.sources == *configuration.sources => last.revision,
        Some(last) => last.revision + 1,
    }
}

/// From here on visitors are served, and commands answered.
async fn serve(
    ground: &Ground,
    prepared: &Prepared,
    past: &Past,
    generations: &generation::Handle,
) -> anyhow::Result<Arc<Socket>> {
    let has_gone_back = past.facts.as_ref().is_some_and(Facts::is_way_back);
    let is_served = has_gone_back && generations.status().borrow().serving().is_some();
    if !is_served {
        generations.take_up(prepared.served.wanted()).await?;
    }
    let inherited = past.admin.as_ref().map(OwnedFd::try_clone).transpose()?;
    let socket = match inherited {
        Some(descriptor) => Socket::from_inherited(descriptor)?,
        None => Socket::bind(&ground.folders.admin_socket())?,
    };
    Ok(Arc::new(socket))
}

async fn assemble(
    ground: &Ground,
    prepared: Prepared,
    past: Past,
    generations: generation::Handle,
    mut workers: Group,
    admin: Arc<Socket>,
) -> Agent {
    let Prepared {
        served,
        store,
        events,
        certificates,
        mut notices,
        signals,
        notifier,
    } = prepared;
    announce(&events, past.facts.as_ref(), &served).await;
    if served.on_last_good.is_none() {
        reload::keep_copy(&ground.folders, &served).await;
    }
    for warning in &served.warnings {
        tracing::warn!("{warning}");
    }
    let noted = events.clone();
    workers.spawn("notices of certificates", async move {
        while let Some(notice) = notices.recv().await {
            noted.record(EventKind::Certificate, "", notice);
        }
    });
    let (command_sender, commands) = mpsc::channel(limits::ADMIN_COMMANDS);
    let started_at = clock::unix_seconds();
    let generation_status = generations.status();
    let (published, readers) = Published::new(View {
        served: &served,
        generations: &generation_status.borrow(),
        services: Vec::new(),
        last_reload: None,
        configuration: ground.folders.config.display().to_string(),
        started_at,
    });
    let certificate_sets = certificates.subscribe();
    let mut supervisor = Supervisor::default();
    let kept_fresh = certificates.clone();
    supervisor.service("certificates", move |stop| {
        kept_fresh.clone().keep_fresh(stop)
    });
    let surface = Surface {
        status: readers.status,
        sites: readers.sites,
        certs: readers.certs,
        root: readers.root,
        store: store.handle(),
        commands: command_sender,
    };
    let socket = Arc::clone(&admin);
    supervisor.service("admin", move |stop| {
        ondol_admin::serve(Arc::clone(&socket), surface.clone(), stop)
    });
    Agent {
        control: Control {
            context: Context {
                folders: ground.folders.clone(),
                generations,
                certificates,
                user: ground.surroundings.user.clone(),
                workers: ground.workers,
            },
            served,
            events,
            notifier,
            published,
            supervisor,
            signals,
            commands,
            certificates: certificate_sets,
            generations: generation_status,
            executable: ground.executable.clone(),
            started_at,
            last_reload: None,
        },
        store,
        workers,
        admin,
        lock: past.lock,
        executions: past.facts.map_or(0, |facts| facts.executions),
    }
}

/// Records how this image came to be.
async fn announce(events: &Events, past: Option<&Facts>, served: &Served) {
    let version = env!("CARGO_PKG_VERSION");
    let sites = served.plan().sites.len();
    let Some(facts) = past else {
        let pid = std::process::id();
        let message = format!("Ondol {version} serves {sites} sites (process {pid})");
        return events.record_durably(EventKind::Started, message).await;
    };
    let before = &facts.from_version;
    let (kind, message) = match &facts.reason {
        Reason::Asked => (
            EventKind::Upgraded,
            format!("Ondol started itself anew in place ({before} → {version})"),
        ),
        Reason::Upgrade => (
            EventKind::Upgraded,
            format!("Ondol {before} became {version} in place"),
        ),
        Reason::GoBack { because } => (
            EventKind::UpgradeRefused,
            format!("the new program could not take over, so Ondol {version} goes on: {because}"),
        ),
    };
    events.record_durably(kind, message).await;
}

impl Agent {
    async fn live(mut self) -> anyhow::Result<Left> {
        self.control.notifier.ready();
        let sites = self.control.served.plan().sites.len();
        self.control.notifier.status(&format!("{sites} sites"));
        let ending = tokio::select! {
            ending = self.control.run() => ending,
            ended = self.workers.next_end() => {
                let name = ended.unwrap_or_default();
                anyhow::bail!("the {name} ended, and nothing is served without it")
            }
        };
        match ending {
            Ending::Stop => self.stop().await,
            Ending::Execute(why) => self.leave(why).await,
        }
        .map_or(Ok(Left::Nothing), |handover| {
            Ok(Left::Handover(Box::new(handover)))
        })
    }

    /// Everything backwards, within one budget; a second signal ends it at once.
    async fn stop(self) -> Option<Handover> {
        let Self {
            control,
            store,
            workers,
            admin: _,
            lock: _,
            executions: _,
        } = self;
        let Control {
            context,
            events,
            notifier,
            supervisor,
            mut signals,
            ..
        } = control;
        notifier.stopping();
        tracing::info!(
            "stopping: visitors have {} s to finish (a second signal ends it at once)",
            limits::DRAIN.as_secs()
        );
        let ending = async {
            for service in supervisor.stop(SERVICES_END).await {
                tracing::warn!("the service {service} did not end in time");
            }
            for number in context.generations.stop(limits::DRAIN - SERVICES_END).await {
                tracing::warn!("data plane {number} did not end in time and was killed");
            }
            events
                .record_durably(EventKind::Stopped, "Ondol stopped")
                .await;
            store.close().await;
        };
        tokio::select! {
            () = ending => {}
            () = second_stop(&mut signals) => tracing::warn!("stopped at once: requests under way were cut"),
        }
        drop(workers);
        None
    }

    /// Closes what the next image opens by itself, and packs the rest for it.
    async fn leave(self, why: Why) -> Option<Handover> {
        let Self {
            control,
            store,
            workers,
            admin,
            lock,
            executions,
        } = self;
        let Control {
            context,
            served,
            supervisor,
            executable,
            generations,
            started_at,
            ..
        } = control;
        let previous = match handover::own_program() {
            Ok(previous) => previous,
            Err(error) => {
                tracing::error!(%error, "this program can't be kept for the way back");
                return None;
            }
        };
        for service in supervisor.stop(SERVICES_END).await {
            tracing::warn!("the service {service} did not end in time");
        }
        let adopted = context.generations.hand_over().await;
        let next_generation = generations.borrow().next;
        store.close().await;
        drop(workers);
        let reason = match why {
            Why::Asked => Reason::Asked,
            Why::Upgrade => Reason::Upgrade,
        };
        Some(Handover {
            listeners: served.listeners,
            generations: adopted,
            lock,
            admin: admin.as_fd().try_clone_to_owned().ok(),
            facts: Facts {
                next_generation,
                revision: served.revision,
                texts: texts_of(&served.configuration.sources),
                executable,
                started_at,
                executions: executions + 1,
                from_version: env!("CARGO_PKG_VERSION").to_owned(),
                on_last_good: served.on_last_good,
                reason,
            },
            previous,
        })
    }
}

async fn second_stop(signals: &mut Signals) {
    while signals.next().await != Asked::Stop {}
}

/// Becomes the program at the path; returns only when not even the way back works.
fn execute(handover: Handover, executable: &Path) -> anyhow::Error {
    let Err(error) = handover.execute(executable);
    tracing::error!("{}; this program goes on", Chain(&error));
    go_back(handover, Chain(&error).to_string())
}

/// Leaves everything to the previous program, because this one can't boot; returns only when not even
/// that works.
fn retreat(handover: Handover, error: anyhow::Error) -> anyhow::Error {
    if handover.facts.is_way_back() {
        return error.context("the previous program could not go on either");
    }
    let because = format!("{error:#}");
    tracing::error!("this program can't take over, so the previous one goes on: {because}");
    go_back(handover, because)
}

/// Becomes the previous program again; returns only when that fails.
fn go_back(mut handover: Handover, because: String) -> anyhow::Error {
    if handover.facts.reason == Reason::Upgrade
        && let Err(error) = upgrade::take_back(&handover.facts.executable)
    {
        let executable = handover.facts.executable.display();
        tracing::error!(%error, "the previous program could not be put back as {executable}");
    }
    handover.facts.reason = Reason::GoBack { because };
    let previous = handover.previous_program();
    let Err(error) = handover.execute(&previous);
    anyhow::Error::from(error).context("could not go back to the previous program")
}

fn lock(folders: &Folders) -> anyhow::Result<Lock> {
    let path = folders.lock();
    match file::lock_exclusive(&path) {
        Ok(lock) => Ok(lock),
        Err(LockError::Held { pid }) => {
            let pid = pid.map_or("another process".to_owned(), |pid| format!("process {pid}"));
            let state = folders.state.display();
            anyhow::bail!(
                "another Ondol runs on the state folder {state}: {pid}. To stop it: `systemctl stop ondol`, or \
                 `kill` that process. To run a second box beside it, give this one folders of its own \
                 (--state, --runtime and --logs)"
            )
        }
        Err(error @ LockError::Io(_)) => {
            Err(error).with_context(|| format!("could not lock {}", path.display()))
        }
    }
}
