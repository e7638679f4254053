//! The agent from its first line to its last: constructs everything, in order, and takes it down in reverse.
//!
//! An image of the agent that was executed in place of another boots the same way, with what the other has
//! left; when it can't, it gives everything back.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ondol_admin::Socket;
use ondol_base::clock;
use ondol_base::descriptors;
use ondol_base::file::Lock;
use ondol_base::memory;
use ondol_base::tasks::Group;
use ondol_certs::Board;
use ondol_config::Ink;
use ondol_model::watch::PowerState;
use ondol_store::Store;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::cli::Environment;
use crate::cli::RunFlags;
use crate::configuration::Configuration;
use crate::control::Control;
use crate::examine;
use crate::facts::FactsTold;
use crate::folders::Folders;
use crate::folders::Person;
use crate::generation;
use crate::generation::Adopted;
use crate::generation::Owner;
use crate::generation::Surroundings;
use crate::generation::sources_of;
use crate::handover::Facts;
use crate::handover::Handover;
use crate::listeners::Listeners;
use crate::logging;
use crate::sandbox;
use crate::sandbox::ServeUser;
use crate::signals;

mod announce;
mod apps;
mod assemble;
mod backups;
mod care;
mod ending;
mod front;
mod prepare;

use apps::AppHost;
use assemble::Parts;
use assemble::assemble;
use backups::BackupHost;
use care::WatchHost;
use ending::execute;
use ending::retreat;
use prepare::Prepared;
use prepare::lock;
use prepare::prepare;

/// Threads of the agent's runtime: one for a long answer, one for everything else.
const THREADS: usize = 2;
/// All of a boot before the first data plane is started; a disk may be slow after a power cut.
const PREPARATION: Duration = Duration::from_secs(60);

/// This program, also when its file was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// How long the end of an image waits for work that can't be stopped.
const BLOCKING_END: Duration = Duration::from_secs(2);

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

/// The agent, complete.
struct Agent {
    control: Control,
    store: Store,
    workers: Group,
    apps: AppHost,
    admin: Arc<Socket>,
    lock: Lock,
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
    if let Some(memory) = flags.handover_trial {
        return try_out(memory, flags, environment);
    }
    // First of all, since whoever has taken it can give it back.
    let handover = flags.handover.map(Handover::take).transpose()?;
    let surveyed = begin(flags, environment)
        .and_then(|()| Ground::survey(flags, folders, environment, handover.as_ref()));
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
    runtime.shutdown_timeout(BLOCKING_END);
    match left? {
        Left::Nothing => Ok(ExitCode::SUCCESS),
        Left::Handover(handover) => Err(execute(*handover, &ground.executable)),
    }
}

fn begin(flags: &RunFlags, environment: &Environment) -> anyhow::Result<()> {
    memory::share_one_heap();
    signals::hold().context("could not hold signals back")?;
    logging::start(&flags.log, environment)?;
    let _ = rustix::thread::set_name(c"ondol"); // For process lists alone.
    Ok(())
}

/// Whether this program would understand its arguments and what another image leaves; touches nothing.
fn try_out(memory: u32, flags: &RunFlags, environment: &Environment) -> anyhow::Result<ExitCode> {
    let facts = Facts::of_trial(memory)?;
    logging::start(&flags.log, environment)?;
    match Configuration::accept(sources_of(facts.texts)) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error) => anyhow::bail!("{}", error.render(Ink::Plain).trim_end()),
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
        let found = folders.prepare()?;
        if let Some(danger) = folders.danger() {
            tracing::warn!("{danger}");
        }
        let access_log = folders.access_log();
        sandbox::give_log(&access_log, found, &user)
            .with_context(|| format!("could not give {} to {user}", access_log.display()))?;
        if let Some(trouble) = examine::trouble_with_log(&access_log, &user) {
            anyhow::bail!(trouble);
        }
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
    let (board, board_reader) = Board::new();
    let (power, power_now) = watch::channel(PowerState::default());
    let (plan, endpoints, host) = AppHost::open(ground, &prepared, power_now.clone()).await;
    let (sources, backups) = BackupHost::open(ground, &prepared, plan.subscribe(), power_now);
    let (facts, facts_reader) = FactsTold::new(
        host.handle.status.clone(),
        backups.handle.status.clone(),
        clock::unix_seconds(),
    );
    let (watch, own_reader) =
        WatchHost::open(ground, &prepared, plan.subscribe(), facts_reader, power);
    let (owner, generations) = Owner::new(
        prepared.served.wanted(),
        ground.surroundings.clone(),
        prepared.events.clone(),
        next,
        left_over,
        (board_reader, endpoints, own_reader),
    );
    let mut workers = Group::default();
    let counted = past.facts.as_ref().map(|facts| facts.counted.clone());
    let owner = owner.counting_on(counted.unwrap_or_default());
    workers.spawn("owner of the data planes", owner.run());
    match serve(ground, &prepared, &past, &generations).await {
        Ok(admin) => {
            let parts = Parts {
                generations,
                board,
                workers,
                admin,
                plan,
                sources,
                host,
                backups,
                facts,
                watch,
            };
            Ok(assemble(ground, prepared, past, parts).await)
        }
        Err(error) => {
            past.generations = generations.hand_over().await.generations;
            prepared.store.close().await;
            Err(Failed { error, past })
        }
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
