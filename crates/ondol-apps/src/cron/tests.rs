//! Lines that run real commands through the shim, at times that the tests say.

use std::cell::Cell;
use std::path::PathBuf;

use ondol_base::tasks::Stopper;
use ondol_model::app::AppName;
use ondol_model::plan::CronLine;
use ondol_model::plan::CronMissed;
use ondol_store::CronRunEnd;
use ondol_store::NewCronRun;
use ondol_store::RecordedCronRun;
use ondol_store::Store;
use tempfile::TempDir;

use super::*;
use crate::group::Groups;
use crate::log::AppLog;
use crate::sample;

/// 2026-11-21 14:00:00 UTC.
const BEGIN: i64 = 1_795_269_600;
const MINUTE: i64 = 60;
/// The longest that a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    /// The time of day; a test and what it tests are on one thread.
    static NOW: Cell<i64> = const { Cell::new(BEGIN) };
}

/// A box with one app that keeps its lines.
struct Stage {
    folder: TempDir,
    store: Store,
    current: watch::Sender<Option<Arc<Current>>>,
    news: mpsc::Receiver<News>,
    news_sender: mpsc::Sender<News>,
    surroundings: Surroundings,
    stopper: Option<Stopper>,
    keeping: Group,
}

fn line(at: &str, run: &str) -> CronLine {
    CronLine {
        at: at.to_owned(),
        run: run.to_owned(),
        timezone: None,
        overlap: CronOverlap::Skip,
        missed: CronMissed::Once,
        timeout: Duration::from_secs(600),
    }
}

impl Stage {
    async fn new(cron: Vec<CronLine>) -> Self {
        let folder = sample::folder();
        let places = Arc::new(sample::places(folder.path()));
        let name = AppName::parse("coffee").unwrap();
        let mut app = plan::App::named(name.clone());
        // The tests make no users.
        app.user = sample::nobody().map(|nobody| nobody.name);
        app.run = Some("true".to_owned());
        app.cron = cron;
        let app = Arc::new(app);
        let release = Release {
            number: None,
            folder: folder.path().join("coffee"),
        };
        for folder in [&release.folder, &places.data(&name), &places.tmp(&name)] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let settings = Settings::read(Arc::clone(&app), None, &release, &places).await;
        let current = Current {
            app,
            settings: Arc::new(settings.unwrap()),
            release,
            hidden: Arc::new([]),
            timezone: Some("UTC".to_owned()),
        };
        let (news_sender, news) = mpsc::channel(64);
        Self {
            store: ondol_store::open_in_memory().unwrap(),
            current: watch::Sender::new(Some(Arc::new(current))),
            news,
            news_sender,
            surroundings: Surroundings {
                log: AppLog::open(&places, &name),
                groups: Arc::new(Groups::find().await),
                hidden: Arc::new([]),
                places,
            },
            folder,
            stopper: None,
            keeping: Group::default(),
        }
    }

    /// Begins to keep the lines, as an agent does.
    async fn begin(&mut self) {
        let (stopper, stop) = Stopper::new();
        self.stopper = Some(stopper);
        let name = AppName::parse("coffee").unwrap();
        let (store, news) = (self.store.handle(), self.news_sender.clone());
        let keeper = Keeper {
            surroundings: self.surroundings.clone(),
            history: History::open(name, store, news).await,
            timezone: None,
            lines: Vec::new(),
            runs: Group::default(),
            began_at: clock::now(),
            now_ms: || NOW.get() * 1_000,
        };
        let current = self.current.subscribe();
        self.keeping.spawn("cron", keeper.run(current, stop));
        // It has seen the moment at which it begins.
        tokio::task::yield_now().await;
        self.at(0).await;
    }

    /// It is so many seconds after the beginning.
    async fn at(&self, seconds: i64) {
        NOW.set(BEGIN + seconds);
        self.current.send_modify(|_| {});
        tokio::task::yield_now().await;
    }

    /// Ends the keeping, as an agent that ends does.
    async fn end(&mut self) {
        self.stopper = None;
        while self.keeping.next_end().await.is_some() {}
    }

    /// The runs, the oldest first, once they are as expected.
    async fn runs(
        &self,
        count: usize,
        is_expected: impl Fn(&RecordedCronRun) -> bool,
    ) -> Vec<RecordedCronRun> {
        let name = AppName::parse("coffee").unwrap();
        let looking = async {
            loop {
                let mut runs = self
                    .store
                    .handle()
                    .cron_runs(name.clone(), 100)
                    .await
                    .unwrap();
                runs.reverse();
                if runs.len() == count && runs.iter().all(&is_expected) {
                    return runs;
                }
                tokio::task::yield_now().await;
            }
        };
        let runs = tokio::time::timeout(PATIENCE, looking).await;
        runs.expect("the runs are as expected in time")
    }

    async fn outcomes(&self, count: usize) -> Vec<CronOutcome> {
        let runs = self.runs(count, |run| run.ended.is_some()).await;
        runs.into_iter()
            .map(|run| run.ended.unwrap().outcome)
            .collect()
    }

    /// What the owner was told.
    fn told(&mut self) -> Vec<String> {
        let told = std::iter::from_fn(|| self.news.try_recv().ok());
        told.map(|news| {
            assert_eq!(news.kind, ondol_model::event::EventKind::AppCron);
            news.message
        })
        .collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("coffee").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        ondol_base::file::replace(&self.path(name), text.as_bytes(), 0o644).unwrap();
    }
}

#[tokio::test]
async fn a_line_runs_when_it_is_due_and_what_it_says_is_in_the_log() {
    let mut stage = Stage::new(vec![line("14:01", "echo $ONDOL_APP; pwd")]).await;
    stage.begin().await;
    stage.at(MINUTE - 1).await;
    stage.at(MINUTE).await;
    let runs = stage.runs(1, |run| run.ended.is_some()).await;
    assert_eq!(runs[0].run.line, "14:01 echo $ONDOL_APP; pwd");
    assert_eq!(runs[0].run.due_at, BEGIN + MINUTE);
    let end = runs[0].ended.clone().unwrap();
    assert_eq!((end.outcome, &*end.message), (CronOutcome::Done, ""));
    let release = stage.path("");
    let folder = release.to_str().unwrap().trim_end_matches('/');
    assert_eq!(
        stage.surroundings.log.tail(Some("cron.1"), 9),
        ["coffee", folder]
    );
    // Not again on the same day.
    stage.at(2 * MINUTE).await;
    stage.at(9 * 3_600).await;
    assert_eq!(stage.outcomes(1).await, [CronOutcome::Done]);
    assert_eq!(stage.told(), [""; 0]);
}

#[tokio::test]
async fn a_failure_is_told_with_its_last_lines_and_then_ever_more_rarely() {
    let mut stage = Stage::new(vec![line("* * * * *", "sh ./job")]).await;
    stage.write("job", "echo counting beans; echo no beans left >&2; exit 3");
    stage.begin().await;
    for minute in 1..=11 {
        stage.at(minute * MINUTE).await;
        stage.outcomes(usize::try_from(minute).unwrap()).await;
    }
    let told = stage.told();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].starts_with(
            "`* * * * * sh ./job` of coffee failed: it ended with status 3, after 0 s; its last lines: counting beans | \
             no beans left. `ondol logs coffee --process cron.1`"
        ),
        "{told:#?}"
    );
    assert!(told[1].contains("failed 10 times in a row: "), "{told:#?}");

    stage.write("job", "true");
    stage.at(12 * MINUTE).await;
    let outcomes = stage.outcomes(12).await;
    assert_eq!(outcomes[..11], [CronOutcome::Failed; 11]);
    assert_eq!(outcomes[11], CronOutcome::Done);
    assert_eq!(
        stage.told(),
        ["`* * * * * sh ./job` of coffee ended well again"]
    );
}

#[tokio::test]
async fn a_run_that_lasts_keeps_the_next_one_out_unless_both_may_run() {
    let mut both = line("* * * * *", "exec sleep 600");
    both.overlap = CronOverlap::Allow;
    let mut stage = Stage::new(vec![line("* * * * *", "exec sleep 601"), both]).await;
    stage.begin().await;
    stage.at(MINUTE).await;
    stage.runs(2, |run| run.run.began_at.is_some()).await;
    stage.at(2 * MINUTE).await;
    let runs = stage.runs(4, |_| true).await;
    let left_out: Vec<_> = runs
        .iter()
        .filter(|run| run.run.began_at.is_none())
        .collect();
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].run.line, "* * * * * exec sleep 601");
    stage.end().await;
    let runs = stage.runs(4, |run| run.ended.is_some()).await;
    for run in runs {
        let expected = match run.run.began_at {
            Some(_) => CronOutcome::Interrupted,
            None => CronOutcome::Skipped,
        };
        assert_eq!(run.ended.unwrap().outcome, expected);
    }
    let told = stage.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(
        told[0].contains("was left out, for the run before still lasts"),
        "{told:#?}"
    );
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_killed() {
    let mut slow = line("* * * * *", "echo begun; sleep 600; echo never");
    slow.timeout = Duration::from_millis(500);
    let mut stage = Stage::new(vec![slow]).await;
    stage.begin().await;
    stage.at(MINUTE).await;
    assert_eq!(stage.outcomes(1).await, [CronOutcome::TimedOut]);
    let told = stage.told();
    assert!(
        told[0].contains("did not end within") && told[0].contains("begun"),
        "{told:#?}"
    );
}

/// What the store knows of a line that ran a day before the box went off.
async fn ran_yesterday(stage: &Stage, line: &str, is_ended: bool) {
    let run = NewCronRun {
        app: AppName::parse("coffee").unwrap(),
        line: line.to_owned(),
        due_at: BEGIN - 24 * 3_600 - 3_600,
        began_at: Some(BEGIN - 24 * 3_600),
    };
    let id = stage.store.handle().begin_cron_run(run).await.unwrap();
    if is_ended {
        let end = CronRunEnd {
            outcome: CronOutcome::Done,
            message: String::new(),
            at: BEGIN - 24 * 3_600,
        };
        stage.store.handle().end_cron_run(id, end).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_missed_while_the_box_was_off_is_made_up_for_once_or_left_out() {
    let mut left_out = line("13:00", "echo left out");
    left_out.missed = CronMissed::Skip;
    let lines = vec![
        line("13:00", "echo made up"),
        left_out,
        line("13:00", "echo new"),
    ];
    let mut stage = Stage::new(lines).await;
    ran_yesterday(&stage, "13:00 echo made up", true).await;
    ran_yesterday(&stage, "13:00 echo left out", true).await;
    stage.begin().await;
    let runs = stage.runs(4, |run| run.ended.is_some()).await;
    let of = |line: &str| {
        let last = runs.iter().rev().find(|run| run.run.line == line).unwrap();
        assert_eq!(last.run.due_at, BEGIN - 3_600);
        last.ended.clone().unwrap().outcome
    };
    assert_eq!(of("13:00 echo made up"), CronOutcome::Done);
    assert_eq!(of("13:00 echo left out"), CronOutcome::Missed);
    stage.at(60).await;
    stage.runs(4, |run| run.ended.is_some()).await;
    assert_eq!(stage.told(), [""; 0]);
}

#[tokio::test]
async fn a_run_that_the_agent_did_not_see_end_was_interrupted() {
    let mut stage = Stage::new(vec![line("20:00", "true")]).await;
    ran_yesterday(&stage, "20:00 true", false).await;
    NOW.set(BEGIN - 20 * 3_600);
    stage.begin().await;
    let name = AppName::parse("coffee").unwrap();
    let runs = stage.store.handle().cron_runs(name, 9).await.unwrap();
    let first = runs.last().unwrap().ended.clone().unwrap();
    assert_eq!(first.outcome, CronOutcome::Interrupted);
}

#[tokio::test]
async fn a_clock_that_is_not_set_yet_runs_nothing() {
    let mut stage = Stage::new(vec![line("* * * * *", "echo x")]).await;
    ran_yesterday(&stage, "* * * * * echo x", true).await;
    // Two days before that: a machine without a clock of its own has just begun.
    NOW.set(BEGIN - 72 * 3_600);
    let (stopper, stop) = Stopper::new();
    let keeper = Keeper {
        surroundings: stage.surroundings.clone(),
        history: History::open(
            AppName::parse("coffee").unwrap(),
            stage.store.handle(),
            stage.news_sender.clone(),
        )
        .await,
        timezone: None,
        lines: Vec::new(),
        runs: Group::default(),
        began_at: clock::now(),
        now_ms: || NOW.get() * 1_000,
    };
    stage.stopper = Some(stopper);
    stage
        .keeping
        .spawn("cron", keeper.run(stage.current.subscribe(), stop));
    stage.at(-70 * 3_600).await;
    stage.runs(1, |_| true).await;
    // Now it knows the time: one run makes up for all.
    stage.at(5).await;
    let runs = stage.runs(2, |run| run.ended.is_some()).await;
    assert_eq!(runs[1].run.due_at, BEGIN);
}

#[tokio::test]
async fn nothing_begins_while_the_app_is_stopped_and_changed_lines_are_taken_up() {
    let mut stage = Stage::new(vec![line("14:05", "echo five")]).await;
    stage.begin().await;
    let before = stage.current.send_replace(None).unwrap();
    stage.at(5 * MINUTE).await;
    stage.runs(0, |_| true).await;
    let mut app = plan::App::clone(&before.app);
    app.cron.push(line("14:10", "echo ten"));
    let current = Current {
        app: Arc::new(app),
        settings: Arc::clone(&before.settings),
        release: before.release.clone(),
        hidden: Arc::clone(&before.hidden),
        timezone: before.timezone.clone(),
    };
    stage.current.send_replace(Some(Arc::new(current)));
    let runs = stage.runs(1, |run| run.ended.is_some()).await;
    assert_eq!(runs[0].run.line, "14:05 echo five");
    stage.at(10 * MINUTE).await;
    stage.outcomes(2).await;
    assert_eq!(stage.surroundings.log.tail(Some("cron.2"), 9), ["ten"]);
}

#[test]
fn lines_tell_when_they_are_due_next() {
    let mut app = plan::App::named(AppName::parse("coffee").unwrap());
    let mut seoul = line("04:10", "digest");
    seoul.timezone = Some("Asia/Seoul".to_owned());
    app.cron = vec![line("04:10", "digest"), seoul];
    let statuses = statuses(&app, Some("UTC"), BEGIN);
    let next: Vec<_> = statuses
        .iter()
        .map(|status| status.next.unwrap() - BEGIN)
        .collect();
    // 04:10 UTC is 14 h 10 min away, 04:10 in Seoul is 19:10 UTC.
    assert_eq!(next, [14 * 3_600 + 600, 5 * 3_600 + 600]);
}
