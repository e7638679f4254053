//! A launch that runs: its processes, each kept up by a task of its own.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks;
use ondol_base::tasks::Stop;
use ondol_base::tasks::Stopper;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::app::ProcessName;
use ondol_model::event::EventKind;
use ondol_model::upstream::Address;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::group::Group;
use crate::instance::Instance;
use crate::news::News;
use crate::release::Release;
use crate::seat::Seat;
use crate::settings::Settings;
use crate::spec::Run;
use crate::status::InstanceStatus;
use crate::status::Usage;
use crate::surroundings::Surroundings;

mod keeping;

/// The end of all processes, beyond what each may take by itself.
const END_SPARE: Duration = Duration::from_secs(10);

/// A launch that runs. Dropping it lets its processes go on, and nobody keeps them up.
#[derive(Debug)]
pub(crate) struct Formation {
    launch: Launch,
    release: Release,
    settings: Arc<Settings>,
    kept: watch::Sender<Kept>,
    shared: Shared,
    web: Mutex<Option<Crew>>,
    others: Mutex<Option<Crew>>,
    used: Mutex<Used>,
}

/// What each process used when it was last measured, by the number that it had then.
type Used = BTreeMap<InstanceName, (u32, Usage)>;

/// How each process is.
pub(crate) type Kept = BTreeMap<InstanceName, KeptInstance>;

/// What the task of one process tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptInstance {
    pub(crate) state: KeptState,
    pub(crate) pid: Option<u32>,
    /// In seconds since the Unix epoch.
    pub(crate) since: i64,
    /// How often it was started again.
    pub(crate) restarts: u64,
    /// Why it ended last, or was not ready.
    pub(crate) trouble: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptState {
    /// It was started, and is not ready yet.
    Starting,
    /// It is ready; a web process answers here.
    Ready(Option<Address>),
    /// It ended, and is started again shortly.
    Waiting,
    /// It ended again and again.
    Failed,
    /// It was told to end, and did.
    Ended,
}

/// What every task of a formation has.
#[derive(Debug, Clone)]
struct Shared {
    surroundings: Surroundings,
    settings: Arc<Settings>,
    launch: Launch,
    release: Release,
    kept: watch::Sender<Kept>,
    news: mpsc::Sender<News>,
    /// Wakes those that wait to be started again.
    hurry: Arc<Notify>,
    /// Whether a first failure ends it all, so that nothing is started again.
    is_on_trial: Arc<AtomicBool>,
    /// How long each may take to end, where that is shorter than its settings say.
    patience: Arc<OnceLock<Duration>>,
}

/// The tasks of some of the processes, with the wish for their end.
#[derive(Debug)]
struct Crew {
    group: tasks::Group,
    stopper: Stopper,
    stop: Stop,
}

impl Crew {
    fn new() -> Self {
        let (stopper, stop) = Stopper::new();
        Self {
            group: tasks::Group::default(),
            stopper,
            stop,
        }
    }

    async fn end(self, limit: Duration) {
        self.stopper.stop();
        let late = self.group.close_and_wait(clock::now() + limit).await;
        for name in late {
            tracing::error!(process = name, "a process of an app did not end in time");
        }
    }
}

impl Formation {
    /// Starts the web processes of a launch; the others wait for [`Self::start_others`].
    pub(crate) fn start(
        surroundings: &Surroundings,
        settings: Arc<Settings>,
        launch: Launch,
        release: Release,
        news: mpsc::Sender<News>,
    ) -> Self {
        Self::of(
            surroundings,
            settings,
            launch,
            release,
            news,
            Vec::new(),
            false,
        )
    }

    /// Starts one that must prove itself first: whoever asked for it ends it when one of its processes fails, and
    /// tells why. Until [`Self::stands`].
    pub(crate) fn on_trial(
        surroundings: &Surroundings,
        settings: Arc<Settings>,
        launch: Launch,
        release: Release,
        news: mpsc::Sender<News>,
    ) -> Self {
        let running = Vec::new();
        Self::of(surroundings, settings, launch, release, news, running, true)
    }

    /// It has proved itself: from now on it is kept up.
    pub(crate) fn stands(&self) {
        self.shared.is_on_trial.store(false, Ordering::Relaxed);
    }

    /// Takes charge of processes that run already, and starts those of the web processes that don't.
    pub(crate) fn adopt(
        surroundings: &Surroundings,
        settings: Arc<Settings>,
        launch: Launch,
        release: Release,
        news: mpsc::Sender<News>,
        running: Vec<(Seat, Instance)>,
    ) -> Self {
        Self::of(
            surroundings,
            settings,
            launch,
            release,
            news,
            running,
            false,
        )
    }

    fn of(
        surroundings: &Surroundings,
        settings: Arc<Settings>,
        launch: Launch,
        release: Release,
        news: mpsc::Sender<News>,
        running: Vec<(Seat, Instance)>,
        is_on_trial: bool,
    ) -> Self {
        let kept = watch::Sender::new(Kept::new());
        let shared = Shared {
            surroundings: surroundings.clone(),
            settings: Arc::clone(&settings),
            launch,
            release: release.clone(),
            kept: kept.clone(),
            news,
            hurry: Arc::default(),
            is_on_trial: Arc::new(AtomicBool::new(is_on_trial)),
            patience: Arc::default(),
        };
        let mut running: BTreeMap<InstanceName, (Seat, Instance)> = running
            .into_iter()
            .map(|(seat, instance)| (instance.name().clone(), (seat, instance)))
            .collect();
        let mut web = Crew::new();
        for name in web_names(&settings) {
            let at = running.remove(&name);
            shared.spawn(&mut web, name, at);
        }
        let is_wanted = |name: &InstanceName| {
            let processes = settings.processes();
            let mut others = processes.iter().filter(|(process, _)| !process.is_web());
            name.number == 1 && others.any(|(process, _)| *process == name.process)
        };
        let unwanted = running.extract_if(.., |name, _| !is_wanted(name));
        for (name, (seat, instance)) in unwanted.collect::<Vec<_>>() {
            // The settings have no such process any more.
            let patience = shared.patience();
            web.group.spawn(format!("end of {name}"), async move {
                instance.stop(patience).await;
                seat.close().await;
            });
        }
        let formation = Self {
            launch,
            release,
            settings,
            kept,
            shared,
            web: Mutex::new(Some(web)),
            others: Mutex::default(),
            used: Mutex::default(),
        };
        if !running.is_empty() {
            formation.start_others_with(running);
        }
        formation
    }

    /// Starts the processes that do not answer visitors, where they don't run yet.
    pub(crate) fn start_others(&self) {
        self.start_others_with(BTreeMap::new());
    }

    /// Ends the processes that do not answer visitors.
    pub(crate) async fn stop_others(&self) {
        let others = locked(&self.others).take();
        if let Some(others) = others {
            others.end(self.end_limit()).await;
        }
    }

    /// The same as [`Self::stop`], where each process has only so long.
    pub(crate) async fn stop_within(&self, patience: Duration) {
        let _ = self.shared.patience.set(patience); // It is being stopped already.
        self.stop().await;
    }

    /// Ends everything, and returns when nothing of it is left.
    pub(crate) async fn stop(&self) {
        let limit = self.end_limit();
        let web = locked(&self.web).take();
        let web = async {
            if let Some(web) = web {
                web.end(limit).await;
            }
        };
        tokio::join!(self.stop_others(), web);
    }

    /// Starts at once what waits to be started again.
    pub(crate) fn hurry(&self) {
        self.shared.hurry.notify_waiters();
    }

    /// What a process was started as, for a sentence about its failure.
    pub(crate) fn run_of(&self, name: &InstanceName) -> String {
        let folder = self.release.folder.display();
        match self.settings.run(&name.process) {
            Some(Run::Shell(line)) => format!("`{line}` in {folder}"),
            Some(Run::Program(words)) => format!("`{}` in {folder}", words.join(" ")),
            None => format!("what {folder} says"),
        }
    }

    pub(crate) fn launch(&self) -> Launch {
        self.launch
    }

    pub(crate) fn release(&self) -> &Release {
        &self.release
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Whether one of its processes answers visitors.
    pub(crate) fn has_web(&self) -> bool {
        !web_names(&self.settings).is_empty()
    }

    /// How its processes are, now and later.
    pub(crate) fn kept(&self) -> watch::Receiver<Kept> {
        self.kept.subscribe()
    }

    /// Measures what its processes use, for [`Self::statuses`]. Not done each time that those are asked for: where
    /// there are no control groups, all processes of the machine are looked through.
    pub(crate) async fn measure(&self) {
        let kept = self.kept.borrow().clone();
        let measured = tasks::spawn_blocking(move || {
            let running = kept
                .into_iter()
                .filter_map(|(name, kept)| Some((name, kept.pid?)));
            let used = |(name, pid)| Some((name, (pid, Group::adopt(pid).usage()?)));
            running.filter_map(used).collect()
        });
        // A panic in there has been logged.
        *locked(&self.used) = measured.await.unwrap_or_default();
    }

    /// How its processes are, for those who look, with what they used when that was last measured.
    pub(crate) fn statuses(&self) -> Vec<InstanceStatus> {
        let used = locked(&self.used);
        let usage = |name: &InstanceName, pid: Option<u32>| {
            let (of, usage) = used.get(name)?;
            (Some(*of) == pid).then_some(*usage)
        };
        let kept = self.kept.borrow();
        let each = kept.iter().map(|(name, kept)| InstanceStatus {
            name: name.clone(),
            launch: self.launch,
            pid: kept.pid,
            since: kept.since,
            is_ready: matches!(kept.state, KeptState::Ready(_)),
            usage: usage(name, kept.pid),
        });
        each.collect()
    }

    fn start_others_with(&self, mut running: BTreeMap<InstanceName, (Seat, Instance)>) {
        let mut others = locked(&self.others);
        if others.is_some() {
            return;
        }
        let mut crew = Crew::new();
        for (process, _) in self.settings.processes() {
            if !process.is_web() {
                let name = InstanceName {
                    process: process.clone(),
                    number: 1,
                };
                let at = running.remove(&name);
                self.shared.spawn(&mut crew, name, at);
            }
        }
        *others = Some(crew);
    }

    fn end_limit(&self) -> Duration {
        self.settings.app().stop_timeout + END_SPARE
    }
}

impl Shared {
    /// How long a process may take to end.
    fn patience(&self) -> Duration {
        let usual = self.settings.app().stop_timeout;
        self.patience
            .get()
            .map_or(usual, |shorter| usual.min(*shorter))
    }

    fn spawn(&self, crew: &mut Crew, name: InstanceName, running: Option<(Seat, Instance)>) {
        let task = format!("{} of {}", name, self.settings.app().name);
        // It counts from now on as one that is not ready.
        self.set(&name, |kept| kept.state = KeptState::Starting);
        let keeping = keeping::keep(self.clone(), name, running, crew.stop.clone());
        crew.group.spawn(task, keeping);
    }

    fn set(&self, name: &InstanceName, change: impl FnOnce(&mut KeptInstance)) {
        self.kept.send_modify(|kept| {
            let instance = kept.entry(name.clone()).or_insert_with(|| KeptInstance {
                state: KeptState::Starting,
                pid: None,
                since: clock::unix_seconds(),
                restarts: 0,
                trouble: None,
            });
            change(instance);
        });
    }

    fn tell(&self, kind: EventKind, message: String) {
        let app = self.settings.app().name.clone();
        // Who listens is slow when there is too much to hear; the app's own log has it in any case.
        let _ = self.news.try_send(News { kind, app, message });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn web_names(settings: &Settings) -> Vec<InstanceName> {
    let has_web = settings
        .processes()
        .iter()
        .any(|(process, _)| process.is_web());
    let count = if has_web { settings.app().instances } else { 0 };
    let names = (1..=count).map(|number| InstanceName {
        process: ProcessName::web(),
        number,
    });
    names.collect()
}

/// Where ready web processes answer.
pub(crate) fn servers(kept: &Kept) -> Vec<Address> {
    let ready = kept.values().filter_map(|instance| match &instance.state {
        KeptState::Ready(address) => address.clone(),
        KeptState::Starting | KeptState::Waiting | KeptState::Failed | KeptState::Ended => None,
    });
    ready.collect()
}

/// Whether every process that was started is ready.
pub(crate) fn is_ready(kept: &Kept) -> bool {
    let mut all = kept.values();
    all.all(|instance| matches!(instance.state, KeptState::Ready(_)))
}

/// Why a process that was started is not well; `None` while none has failed.
pub(crate) fn trouble(kept: &Kept) -> Option<(InstanceName, String)> {
    kept.iter().find_map(|(name, instance)| {
        let trouble = instance.trouble.clone()?;
        Some((name.clone(), trouble))
    })
}

/// What is told of a process, with its name: `it ended with status 1` is `web.1 ended with status 1` then.
pub(crate) fn of(name: impl Display, sentence: &str) -> String {
    match sentence.strip_prefix("it ") {
        Some(predicate) => format!("{name} {predicate}"),
        None => format!("{name}: {sentence}"),
    }
}

/// Whether no web process answers, and each has failed again and again.
pub(crate) fn has_failed(kept: &Kept) -> bool {
    let mut web = kept
        .iter()
        .filter(|(name, _)| name.process.is_web())
        .peekable();
    web.peek().is_some() && web.all(|(_, instance)| instance.state == KeptState::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_the_place_of_it() {
        let sentence = "it ended with status 1";
        assert_eq!(of("web.1", sentence), "web.1 ended with status 1");
        let another = "there is no user \"coffee\"";
        assert_eq!(of("web.1", another), "web.1: there is no user \"coffee\"");
    }

    fn kept(processes: &[(&str, KeptState, Option<&str>)]) -> Kept {
        let each = processes.iter().map(|(name, state, trouble)| {
            let instance = KeptInstance {
                state: state.clone(),
                pid: None,
                since: 0,
                restarts: 0,
                trouble: trouble.map(str::to_owned),
            };
            (InstanceName::parse(name).unwrap(), instance)
        });
        each.collect()
    }

    fn ready(path: &str) -> KeptState {
        KeptState::Ready(Some(Address::Unix(path.into())))
    }

    #[test]
    fn visitors_get_the_processes_that_are_ready() {
        let all = kept(&[
            ("web.1", ready("/a"), None),
            ("web.2", KeptState::Waiting, Some("it ended")),
            ("worker.1", KeptState::Ready(None), None),
        ]);
        assert_eq!(servers(&all), [Address::Unix("/a".into())]);
        assert!(!is_ready(&all), "one of them is not");
        let (name, sentence) = trouble(&all).unwrap();
        assert_eq!(
            (name.to_string().as_str(), &*sentence),
            ("web.2", "it ended")
        );
    }

    #[test]
    fn a_launch_is_ready_when_all_of_it_is() {
        let starting = kept(&[
            ("web.1", ready("/a"), None),
            ("web.2", KeptState::Starting, None),
        ]);
        assert!(!is_ready(&starting) && trouble(&starting).is_none());
        let all = kept(&[("web.1", ready("/a"), None), ("web.2", ready("/b"), None)]);
        assert!(is_ready(&all) && trouble(&all).is_none());
    }

    #[test]
    fn an_app_has_failed_when_none_of_its_web_processes_is_left() {
        let failed = |name| (name, KeptState::Failed, Some("it ended"));
        assert!(has_failed(&kept(&[failed("web.1"), failed("web.2")])));
        assert!(!has_failed(&kept(&[
            failed("web.1"),
            ("web.2", ready("/b"), None)
        ])));
        assert!(!has_failed(&kept(&[failed("worker.1")])), "it has none");
        let healthy = ("web.1", ready("/a"), None);
        assert!(!has_failed(&kept(&[healthy, failed("worker.1")])));
    }
}
