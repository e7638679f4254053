//! The first half of a boot: everything that can fail before a visitor is served.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::file;
use ondol_base::file::Lock;
use ondol_base::file::LockError;
use ondol_base::notify;
use ondol_base::notify::Notifier;
use ondol_base::tasks;
use ondol_certs::Certificates;
use ondol_certs::News;
use ondol_config::Ink;
use ondol_config::Mistake;
use ondol_model::event::EventKind;
use ondol_model::plan::Listen;
use ondol_store::Opened;
use ondol_store::Store;
use tokio::sync::mpsc;

use crate::boot::Ground;
use crate::boot::Past;
use crate::configuration::Configuration;
use crate::events::Events;
use crate::folders::Folders;
use crate::generation::sources_of;
use crate::handover::Facts;
use crate::last_good;
use crate::last_good::LastGood;
use crate::listeners;
use crate::listeners::BindError;
use crate::listeners::Listeners;
use crate::reload;
use crate::reload::Examined;
use crate::reload::Served;
use crate::reload::missing;
use crate::signals::Signals;

/// How long a data plane may take to notice that its agent was killed, before its addresses count as taken.
const LEFT_OVER: Duration = Duration::from_secs(5);
/// How often they are tried meanwhile.
const LEFT_OVER_LOOK: Duration = Duration::from_millis(100);
/// News of certificates that wait to be recorded.
const NOTICES_WAITING_MAX: usize = 64;

/// What is ready before the first visitor is served.
pub(super) struct Prepared {
    pub(super) served: Served,
    pub(super) store: Store,
    pub(super) events: Events,
    pub(super) certificates: Certificates,
    pub(super) notices: mpsc::Receiver<News>,
    pub(super) signals: Signals,
    pub(super) notifier: Notifier,
}

/// Opens what can be opened, once the data plane of an agent that was killed has let go of it.
async fn open_listeners(
    listen: &Listen,
    held: &Listeners,
    workers: usize,
) -> (Listeners, Vec<BindError>) {
    let deadline = clock::now() + LEFT_OVER;
    let (mut opened, mut missing) = Listeners::open_possible(listen, held, workers);
    while missing.iter().any(BindError::is_held_by_ondol) && clock::now() < deadline {
        tokio::time::sleep(LEFT_OVER_LOOK).await;
        (opened, missing) = Listeners::open_possible(listen, &opened, workers);
    }
    (opened, missing)
}

/// Prepares all of it from what the past has left and the disk has.
pub(super) async fn prepare(ground: &Ground, past: &Past) -> anyhow::Result<Prepared> {
    let signals = Signals::listen().context("could not listen to signals")?;
    let notifier = notifier();
    let (folders, facts) = (ground.folders.clone(), past.facts.clone());
    let (configuration, revision, on_last_good) =
        off_runtime(move || configuration(&folders, facts)).await?;
    let listen = &configuration.plan.listen;
    let held = &past.listeners;
    let (listeners, missing) = open_listeners(listen, held, ground.workers).await;
    let wanted = listeners::keys(listen).collect();
    let missing_sentences = missing::sentences(&missing);
    if let Some(error) = missing
        .into_iter()
        .next()
        .filter(|_| listeners.0.is_empty())
    {
        return Err(error.into());
    }
    let folders = ground.folders.clone();
    let store = off_runtime(move || store(&folders)).await?;
    let events = Events::new(store.handle());
    for sentence in &missing_sentences {
        events.record(EventKind::Listener, "", sentence);
    }
    if let Some(reason) = &on_last_good {
        announce_last_good(&events, &ground.folders, revision, reason);
    }
    let (notice_sender, notices) = mpsc::channel(NOTICES_WAITING_MAX);
    let (state, box_name) = (
        ground.folders.state.clone(),
        configuration.plan.box_name.clone(),
    );
    let certificates =
        off_runtime(move || Ok(Certificates::open(&state, &box_name, notice_sender)?)).await?;
    let set = certificates
        .take_up(Arc::clone(&configuration.plan))
        .await?;
    let user = &ground.surroundings.user;
    let state = ground.folders.state.clone();
    let Examined {
        findings,
        roots,
        configuration,
    } = reload::examine(configuration, wanted, user.clone(), state).await?;
    // What only the machine knows to be wrong is no reason to serve nothing: a disk may be missing.
    let mistakes = findings.mistakes.iter().map(served_all_the_same);
    let warnings = mistakes.chain(reload::warnings(&findings)).collect();
    let served = Served {
        revision,
        configuration: Arc::new(configuration),
        listeners,
        certificates: set,
        roots,
        on_last_good,
        warnings,
        missing: missing_sentences,
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

/// The way to systemd. One that leads nowhere is no reason to serve nothing: it may come from the shell of
/// a person whose own service has ended.
fn notifier() -> Notifier {
    let connected = Notifier::connect(&notify::Environment::of_this_process());
    connected.unwrap_or_else(|error| {
        tracing::warn!(
            "systemd is not told how this box is, because NOTIFY_SOCKET leads nowhere: {}",
            Chain(&error)
        );
        Notifier::default()
    })
}

/// A disk that stands still must not keep the time limit of a boot from ending it.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tasks::spawn_blocking(work)
        .await
        .context("the boot broke off")?
}

/// What is wrong and where, what visitors get, and what to do.
fn served_all_the_same(mistake: &Mistake) -> String {
    let place = format!(
        "{}:{}:{}",
        mistake.file().display(),
        mistake.line(),
        mistake.column()
    );
    let problem = mistake.problem();
    let help = mistake
        .help()
        .map_or(String::new(), |help| format!("{help}; "));
    format!(
        "{place}: {problem}. The rest works; what needs this does not. To mend it: {help}then `ondol reload`"
    )
}

/// A box whose disk takes nothing serves all the same, and forgets its events.
fn store(folders: &Folders) -> anyhow::Result<Store> {
    match ondol_store::open(&folders.database()) {
        Ok(Opened { store, put_aside }) => {
            if let Some(path) = put_aside {
                let path = path.display();
                tracing::error!(
                    "the database was broken: it was put aside as {path}, and a new one begun"
                );
            }
            Ok(store)
        }
        Err(error) => {
            let error = Chain(&error);
            tracing::error!(
                "events are kept in memory alone, because the database can't be opened: {error}"
            );
            Ok(ondol_store::open_in_memory()?)
        }
    }
}

fn announce_last_good(events: &Events, folders: &Folders, revision: u64, reason: &str) {
    let file = folders.config.display();
    let message = format!(
        "{file} is not accepted, so the last good configuration (revision {revision}) is served. \
         Mend it, then `ondol reload`:\n\n{reason}"
    );
    events.record(EventKind::LastGood, revision.to_string(), message);
}

/// What to serve, its number, and what is wrong with the file when it is not what the file says.
fn configuration(
    folders: &Folders,
    facts: Option<Facts>,
) -> anyhow::Result<(Configuration, u64, Option<String>)> {
    if let Some(facts) = facts {
        let configuration = Configuration::accept(sources_of(facts.texts))?;
        return Ok((configuration, facts.revision, facts.on_last_good));
    }
    let last_good = last_good::read(&folders.last_good()).unwrap_or_else(|error| {
        tracing::warn!("{}", Chain(&error));
        None
    });
    let error = match Configuration::read(&folders.config) {
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

/// Takes the lock that one agent alone can hold.
pub(super) fn lock(folders: &Folders) -> anyhow::Result<Lock> {
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
