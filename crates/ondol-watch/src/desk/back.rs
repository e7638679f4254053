//! The box was away and is back: one message, when it is known what came back with it.

use ondol_model::event::EventKind;
use ondol_model::plan::Language;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::watch::Notice;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::words;
use ondol_model::watch::words::Away;
use tokio::sync::oneshot;

use super::book::Book;
use crate::absence::Absence;
use crate::absence::AbsenceKind;

/// So long what comes up by itself may take, before it counts as not back.
const SETTLE: i64 = 45;
/// So long it is waited for the first look at everything.
const SETTLE_MAX: i64 = 150;

/// How the box came back.
#[derive(Debug)]
pub(super) struct Comeback {
    since: i64,
    /// What people are to be told of, and who waits for that.
    pending: Option<(Absence, oneshot::Sender<()>)>,
    /// The last of them, as a sentence.
    pub(super) sentence: Option<String>,
}

impl Comeback {
    /// The desk begins; nothing is known of it yet.
    pub(super) fn begin(since: i64) -> Self {
        Self {
            since,
            pending: None,
            sentence: None,
        }
    }

    /// The box was away.
    pub(super) fn of(&mut self, absence: Absence, told: oneshot::Sender<()>, now: i64) {
        self.since = now;
        self.pending = Some((absence, told));
    }

    /// The clock was set. How long the box was off was told by the right clock.
    pub(super) fn shift(&mut self, seconds: i64) {
        self.since += seconds;
    }
}

impl Book {
    /// Tells people that the box is back, once it is known what is not.
    pub(super) fn come_back(&mut self, now: i64) {
        if self.comeback.pending.is_none() {
            return;
        }
        let waited = now - self.comeback.since;
        let is_settled = waited >= SETTLE && self.coming().next().is_none();
        if !is_settled && waited < SETTLE_MAX {
            return;
        }
        let not_back = self.not_back();
        let Some((absence, told)) = self.comeback.pending.take() else {
            return;
        };
        let Absence {
            kind,
            last_seen_at,
            back_at,
            evidence,
            damage,
        } = absence;
        let seconds = u64::try_from(back_at - last_seen_at).unwrap_or(0);
        let (away, severity) = match kind {
            AbsenceKind::PowerCut => (Away::PowerCut, Severity::Warning),
            AbsenceKind::Shutdown => (Away::Shutdown, Severity::Info),
            AbsenceKind::Rest => (Away::Rest, Severity::Warning),
            AbsenceKind::Crash => (Away::Crash, Severity::Warning),
        };
        for person in self.owners() {
            let words = self.tell(&person, |telling| {
                words::back(telling, away, seconds, &evidence, &damage, &not_back)
            });
            let notice = Notice {
                person,
                incident: None,
                kind: NoticeKind::News,
                severity,
                not_before: now,
            };
            self.queue(&notice, &Subject::Box.to_string(), words, now);
        }
        let sentence = sentence(kind, seconds, &not_back);
        self.say(EventKind::Back, Subject::Box.to_string(), sentence.clone());
        self.comeback.sentence = Some(sentence);
        let _ = told.send(()); // Who waits for it may have ended.
    }

    /// Those who know the box; everybody where nobody does.
    fn owners(&self) -> Vec<PersonName> {
        let people = &self.plan.care.people;
        let operators = people.iter().filter(|person| person.role == Role::Operator);
        let names: Vec<_> = operators.map(|person| person.name.clone()).collect();
        match names.is_empty() {
            true => people.iter().map(|person| person.name.clone()).collect(),
            false => names,
        }
    }

    /// Sites and apps of which nothing is known yet.
    fn coming(&self) -> impl Iterator<Item = Subject> {
        let sites = self.plan.sites.iter().filter(|site| site.check.is_some());
        let sites = sites.map(|site| Subject::Site(site.name.to_string()));
        let apps = self.plan.apps.iter();
        let apps = apps.map(|app| Subject::App(app.name.to_string()));
        sites
            .chain(apps)
            .filter(|subject| !self.looks.contains_key(subject))
    }

    /// What is not well now, a sentence each.
    fn not_back(&self) -> Vec<String> {
        let bad = self.watchman.tracks().filter(|(subject, track)| {
            track.state() == State::Fail || (track.is_suspected() && is_served(subject))
        });
        let bad = bad.map(|(subject, _)| match self.watchman.finding(subject) {
            Some(finding) => self.sentence(subject, finding),
            None => subject.to_string(),
        });
        bad.collect()
    }
}

fn is_served(subject: &Subject) -> bool {
    matches!(subject, Subject::Site(_) | Subject::App(_))
}

fn sentence(kind: AbsenceKind, seconds: u64, not_back: &[String]) -> String {
    let span = words::span(Language::English, seconds);
    let how = match kind {
        AbsenceKind::PowerCut => {
            format!("the box was off for {span}: it lost its power, or crashed")
        }
        AbsenceKind::Shutdown => format!("the box was off for {span}: it had been shut down"),
        AbsenceKind::Rest => {
            format!("the box was off for {span}: it had come to rest before its battery was empty")
        }
        AbsenceKind::Crash => format!("Ondol was away for {span}: it ended without being told to"),
    };
    match not_back {
        [] => format!("{how}; everything is back"),
        not_back => format!("{how}; not back: {}", not_back.join("; ")),
    }
}
