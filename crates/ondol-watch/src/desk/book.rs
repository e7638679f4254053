//! The desk's book: all that is known, and what is to be written down of it. It waits for nothing, so that tests can let
//! years pass in it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ondol_base::clock::Zone;
use ondol_model::Plan;
use ondol_model::plan::PersonName;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::PowerState;
use ondol_model::watch::Sent;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::Tree;
use ondol_model::watch::Watchman;
use ondol_store::HistorySlice;
use ondol_store::WatchChange;
use ondol_store::WatchMemory;
use tokio::sync::oneshot;

use super::back::Comeback;
use super::history::History;
use super::memory;
use super::memory::Care;
use super::silences;
use super::silences::Silences;
use crate::facts::Facts;
use crate::ground::Known;
use crate::news::News;
use crate::status::HeartbeatStatus;
use crate::status::PersonStatus;
use crate::status::PowerStatus;

/// The days that the share of time in which something was well is told of.
pub(super) const UPTIME_DAYS: i64 = 30;
const DAY: i64 = 24 * 60 * 60;
/// What was remembered later than now by less than this is as good as now.
const AHEAD_MIN: i64 = 60;
/// What nobody looked at for so long is not known any more: a disk that was taken out, a domain that was given up.
const OUT_OF_SIGHT: i64 = DAY;

/// All that the desk knows.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) plan: Arc<Plan>,
    /// When it was opened.
    begun_at: i64,
    pub(super) zone: Zone,
    pub(super) watchman: Watchman,
    pub(super) care: BTreeMap<i64, Care>,
    /// The last look at each subject.
    pub(super) looks: BTreeMap<Subject, Look>,
    pub(super) silences: Silences,
    pub(super) history: History,
    pub(super) facts: BTreeMap<String, String>,
    pub(super) people: Vec<PersonStatus>,
    pub(super) heartbeats: Vec<HeartbeatStatus>,
    pub(super) heartbeat_at: Option<i64>,
    pub(super) power: PowerStatus,
    pub(super) outbox: (u64, Option<i64>),
    pub(super) unclean_boots: u64,
    pub(super) comeback: Comeback,
    /// What people were sent today, that is not critical, and which day that was.
    pub(super) spent: BTreeMap<PersonName, u32>,
    pub(super) spent_on: i64,
    /// When each person was sent the last messages.
    pub(super) recent: BTreeMap<PersonName, Vec<Sent>>,
    pub(super) uptimes: BTreeMap<String, f64>,
    pub(super) written: Written,
}

/// A look at a subject.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub(super) at: i64,
    pub(super) took_ms: Option<u32>,
    pub(super) values: Vec<(&'static str, f64)>,
}

/// The numbers of messages that somebody waits for, and where they are among those of the change.
type Awaited = (oneshot::Sender<Result<Vec<i64>, String>>, Range<usize>);

/// What is to be written down.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) change: WatchChange,
    pub(super) tests: Vec<Awaited>,
    pub(super) facts: Vec<(String, String)>,
    pub(super) history: Vec<HistorySlice>,
    /// Subjects that are not watched any more.
    pub(super) forgotten: Vec<String>,
    pub(super) wants_uptimes: bool,
    pub(super) news: Vec<News>,
}

impl Book {
    /// Goes on from what was written down.
    pub(super) fn restored(plan: Arc<Plan>, memory: WatchMemory, now: i64) -> Self {
        let WatchMemory {
            incidents,
            states,
            next_incident,
            facts,
            spent,
        } = memory;
        let mut written = Written::default();
        let (mut open, mut care) = (Vec::new(), BTreeMap::new());
        for row in incidents {
            match memory::incident(row.clone()) {
                Some((incident, cared)) => {
                    care.insert(incident.id, cared);
                    open.push(incident);
                }
                None => written
                    .change
                    .incidents
                    .push(ondol_store::RecordedIncident {
                        ended_at: Some(now),
                        ..row
                    }),
            }
        }
        let states = states.into_iter().filter_map(|row| {
            let subject = Subject::parse(&row.subject)?;
            Some((subject, row.state, row.since))
        });
        let spent = spent.into_iter();
        let silences = facts.get(silences::FACT).map(|text| Silences::parse(text));
        let mut book = Self {
            begun_at: now,
            zone: Zone::of(plan.timezone.as_deref()),
            watchman: Watchman::restored(states, open, next_incident),
            care,
            looks: BTreeMap::new(),
            silences: silences.unwrap_or_default(),
            history: History::begin(now),
            people: Vec::new(),
            heartbeats: Vec::new(),
            heartbeat_at: None,
            power: PowerStatus::default(),
            outbox: (0, None),
            unclean_boots: 0,
            comeback: Comeback::begin(now),
            spent: spent
                .map(|(name, count)| (PersonName(name), count))
                .collect(),
            spent_on: 0,
            recent: BTreeMap::new(),
            uptimes: BTreeMap::new(),
            written,
            facts,
            plan: Arc::clone(&plan),
        };
        book.spent_on = book.day(now);
        book.written.wants_uptimes = true;
        book.take_plan(plan, now);
        book
    }

    /// Another plan counts.
    pub(super) fn take_plan(&mut self, plan: Arc<Plan>, now: i64) {
        self.zone = Zone::of(plan.timezone.as_deref());
        self.plan = Arc::clone(&plan);
        let tree = Tree::of(&plan);
        self.watch_only(tree, now, |subject| is_watched(&plan, subject));
    }

    /// Certificates and parts of the agent that are not there any more are not watched.
    pub(super) fn take_facts(&mut self, facts: &Facts, now: i64) {
        if facts.services.is_empty() {
            return; // Nothing was told yet.
        }
        let is_there = |subject: &Subject| match subject {
            Subject::Certificate(name) => facts.certificates.iter().any(|one| one.name == *name),
            Subject::Service(name) => facts.services.iter().any(|one| one.name == *name),
            _ => true,
        };
        let tree = Tree::of(&self.plan);
        self.watch_only(tree, now, is_there);
    }

    /// Forgets what is not watched any more.
    fn watch_only(&mut self, tree: Tree, now: i64, is_watched: impl Fn(&Subject) -> bool) {
        let subjects = self.watchman.tracks().map(|(subject, _)| subject);
        let gone = subjects.filter(|subject| !is_watched(subject));
        self.written.forgotten.extend(gone.map(ToString::to_string));
        let changes = self.watchman.take_plan(tree, now, &is_watched);
        self.looks.retain(|subject, _| is_watched(subject));
        self.follow(changes, now);
    }

    /// Takes up how something was found.
    pub(super) fn observe(&mut self, mut observation: Observation, now: i64) {
        if !is_watched(&self.plan, &observation.subject) {
            return; // It was looked at before the plan changed.
        }
        if !self.is_online() && is_outbound(&observation.subject) {
            observation = Observation::unknown(observation.subject);
        }
        let look = Look {
            at: now,
            took_ms: observation.took_ms,
            values: std::mem::take(&mut observation.values),
        };
        if let Some(took) = look.took_ms {
            self.history.answered(&observation.subject, took);
        }
        self.looks.insert(observation.subject.clone(), look);
        let changes = self.watchman.observe(now, &observation);
        self.follow(changes, now);
    }

    /// What time brings.
    pub(super) fn tick(&mut self, now: i64) {
        self.lose_sight(now);
        let changes = self.watchman.tick(now);
        self.follow(changes, now);
        if self.silences.end(now) {
            self.remember(silences::FACT, self.silences.text());
        }
        let day = self.day(now);
        if day != self.spent_on {
            self.spent_on = day;
            self.spent.clear();
        }
        self.tell_open(now);
        self.drill(now);
        self.come_back(now);
        self.keep_history(now);
    }

    /// What was not looked at for long is not known any more.
    fn lose_sight(&mut self, now: i64) {
        let is_lost = |subject: &Subject| {
            let look = self.looks.get(subject).map(|look| look.at);
            now - look.unwrap_or(self.begun_at) > OUT_OF_SIGHT
        };
        let tracks = self.watchman.tracks();
        let known = tracks.filter(|(_, track)| track.state() != State::Unknown);
        let lost: Vec<_> = known
            .map(|(subject, _)| subject)
            .filter(|subject| is_lost(subject))
            .cloned()
            .collect();
        for subject in lost {
            let changes = self.watchman.observe(now, &Observation::unknown(subject));
            self.follow(changes, now);
        }
    }

    /// The clock was set: what is remembered moves with it.
    pub(super) fn shift(&mut self, seconds: i64) {
        self.begun_at += seconds;
        self.history.shift(seconds);
        self.comeback.shift(seconds);
        self.move_past(seconds);
        let message = format!(
            "the clock of the box was set by {seconds} s: what is remembered moved with it"
        );
        self.say(
            ondol_model::event::EventKind::Alarm,
            Subject::Clock.to_string(),
            message,
        );
    }

    /// What was remembered before the start is later than the clock shows, which will be set: it is moved to now.
    /// Returns by how many seconds.
    pub(super) fn come_down(&mut self, latest: Option<i64>, now: i64) -> Option<i64> {
        let ahead = latest?.saturating_sub(now);
        (ahead >= AHEAD_MIN).then(|| {
            self.move_past(-ahead);
            -ahead
        })
    }

    fn move_past(&mut self, seconds: i64) {
        self.watchman.shift(seconds);
        if self.facts.contains_key(silences::FACT) {
            self.silences.shift(seconds);
            self.remember(silences::FACT, self.silences.text());
        }
        self.shift_drills(seconds);
        for care in self.care.values_mut() {
            care.told.shift(seconds);
        }
        let recent = self.recent.values_mut().flatten();
        let recent = recent.map(|sent| &mut sent.at);
        for at in recent.chain(self.looks.values_mut().map(|look| &mut look.at)) {
            *at += seconds;
        }
    }

    /// What is to be written down since the last time.
    pub(super) fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    /// A fact that is to be known after a restart.
    pub(super) fn remember(&mut self, name: &str, value: String) {
        self.facts.insert(name.to_owned(), value.clone());
        self.written.facts.push((name.to_owned(), value));
    }

    /// What the box should remember as an event.
    pub(super) fn say(
        &mut self,
        kind: ondol_model::event::EventKind,
        subject: String,
        message: String,
    ) {
        self.written.news.push(News {
            kind,
            subject,
            message,
        });
    }

    /// Whether the internet is there, as far as is known.
    pub(super) fn is_online(&self) -> bool {
        self.watchman.is_well_or_unknown(&Subject::Internet)
    }

    /// What those beside the desk act by.
    pub(super) fn known(&self) -> Known {
        let headline = self.headline();
        Known {
            is_online: self.is_online(),
            power: self.power.state,
            is_well: headline.is_none(),
            headline: headline.unwrap_or_else(|| "all is well".to_owned()),
        }
    }

    pub(super) fn power_state(&self) -> PowerState {
        self.power.state
    }

    pub(super) fn take_uptimes(&mut self, uptimes: Vec<(String, f64)>) {
        self.uptimes = uptimes.into_iter().collect();
    }

    /// The day of a moment, where the box is, in days since the Unix epoch.
    pub(super) fn day(&self, now: i64) -> i64 {
        (now + self.zone.offset(now).0).div_euclid(DAY)
    }

    /// The minute of the day, where the box is.
    pub(super) fn minute(&self, now: i64) -> u16 {
        let second = (now + self.zone.offset(now).0).rem_euclid(DAY);
        u16::try_from(second / 60).unwrap_or(0)
    }

    /// What was found of an incident's cause: the newest that is known.
    pub(super) fn finding_of(&self, incident: &ondol_model::watch::Incident) -> Finding {
        let newest = self.watchman.finding(&incident.subject);
        newest.unwrap_or(&incident.finding).clone()
    }
}

/// The latest moment of which something is known.
pub(super) fn latest(memory: &WatchMemory) -> Option<i64> {
    let incidents = memory.incidents.iter();
    let incidents = incidents.flat_map(|one| [Some(one.began_at), one.acknowledged_at]);
    let states = memory.states.iter().map(|one| one.since);
    incidents.flatten().chain(states).max()
}

/// Seconds since midnight, where the box is.
pub(super) fn seconds_of_day(plan: &Plan, now: i64) -> i64 {
    let offset = Zone::of(plan.timezone.as_deref()).offset(now).0;
    (now + offset).rem_euclid(DAY)
}

/// Whether a plan has a subject, where subjects come from plans.
fn is_watched(plan: &Plan, subject: &Subject) -> bool {
    let people = &plan.care.people;
    match subject {
        Subject::Site(name) => {
            let mut sites = plan.sites.iter();
            sites.any(|site| site.check.is_some() && site.name.to_string() == *name)
        }
        Subject::App(name) => plan.apps.iter().any(|app| app.name.as_str() == name),
        Subject::Backup(name) => {
            let mut targets = plan.backup.to.iter();
            targets.any(|target| target.name.as_str() == name)
        }
        Subject::Heartbeat(name) => plan.care.heartbeats.iter().any(|one| one.name == *name),
        it if *it == Subject::outside() => !plan.care.alarms.heartbeat.is_empty(),
        Subject::Channel(name) => people.iter().any(|person| {
            let channel = name.strip_prefix(&person.name.0);
            channel.is_some_and(|rest| {
                let mut names = person.channel_names().map(|(name, _)| name);
                rest.is_empty() || names.any(|name| rest.strip_prefix('/') == Some(name.as_str()))
            })
        }),
        Subject::Power
        | Subject::Link
        | Subject::Router
        | Subject::Internet
        | Subject::Dns
        | Subject::Clock
        | Subject::Memory
        | Subject::Temperature
        | Subject::Disk(_)
        | Subject::Drive(_)
        | Subject::Service(_)
        | Subject::Store
        | Subject::DataPlane
        | Subject::Certificate(_)
        | Subject::Domain(_)
        | Subject::Box => true,
    }
}

/// Whether how a subject is can't be known while the internet is away.
fn is_outbound(subject: &Subject) -> bool {
    matches!(
        subject,
        Subject::Domain(_) | Subject::Heartbeat(_) | Subject::Channel(_)
    )
}
