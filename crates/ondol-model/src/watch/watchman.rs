//! States and incidents, of what is observed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Finding;
use super::Incident;
use super::Observation;
use super::State;
use super::Subject;
use super::Track;
use super::Tree;
use super::What;
use super::incident::severity;

/// What nobody could look at for so long keeps no incident open.
const UNKNOWN_MAX: i64 = 24 * 60 * 60;

/// Makes states and incidents of what is observed.
#[derive(Debug, Clone, Default)]
pub struct Watchman {
    tree: Tree,
    tracks: BTreeMap<Subject, Track>,
    /// What was found last of what is not well.
    findings: BTreeMap<Subject, Finding>,
    open: BTreeMap<i64, Incident>,
    next: i64,
}

/// What an observation changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another state counts.
    State {
        /// Of what.
        subject: Subject,
        /// Before.
        from: State,
        /// Now.
        to: State,
    },
    /// An incident began.
    Opened(i64),
    /// It has another cause, more members, or matters more.
    Grew(i64),
    /// It turned out to be a part of another one, and is none any more.
    Merged {
        /// The one that is none any more, as it was.
        from: Box<Incident>,
        /// The other one.
        into: i64,
    },
    /// All is well again; it is open no more.
    Closed(Box<Incident>),
}

impl Watchman {
    /// Goes on from what was written down: the states, the open incidents, and the number of the next one.
    pub fn restored(
        states: impl IntoIterator<Item = (Subject, State, i64)>,
        incidents: impl IntoIterator<Item = Incident>,
        next: i64,
    ) -> Self {
        let tracks = states
            .into_iter()
            .map(|(subject, state, since)| (subject, Track::restored(state, since)));
        let open: BTreeMap<_, _> = incidents
            .into_iter()
            .map(|incident| (incident.id, incident))
            .collect();
        Self {
            tracks: tracks.collect(),
            next: open.keys().last().map_or(next, |last| next.max(last + 1)),
            open,
            ..Self::default()
        }
    }

    /// What is known of each subject.
    pub fn tracks(&self) -> impl Iterator<Item = (&Subject, &Track)> {
        self.tracks.iter()
    }

    /// The state of a subject that counts.
    pub fn state(&self, subject: &Subject) -> State {
        self.tracks
            .get(subject)
            .map_or(State::Unknown, Track::state)
    }

    /// Whether nothing speaks against a subject: it is well, nobody looks at it, or the last look found nothing.
    pub fn is_well_or_unknown(&self, subject: &Subject) -> bool {
        let track = self.tracks.get(subject);
        track.is_none_or(|track| track.state() <= State::Pass && !track.is_suspected())
    }

    /// What was found last of a subject that is not well.
    pub fn finding(&self, subject: &Subject) -> Option<&Finding> {
        self.findings.get(subject)
    }

    /// The open incidents, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.values()
    }

    /// An open incident.
    pub fn incident(&self, id: i64) -> Option<&Incident> {
        self.open.get(&id)
    }

    /// Whether the cause of an incident may be something that is being looked at still.
    pub fn has_suspected_cause(&self, incident: &Incident) -> bool {
        let suspects = self.tracks.iter().filter(|(_, track)| track.is_suspected());
        let mut causes = suspects.map(|(subject, _)| subject);
        causes.any(|cause| self.tree.is_cause(cause, &incident.subject))
    }

    /// Another plan counts: what can be the cause of what, and what is watched at all. What is not watched any more
    /// is forgotten, and keeps no incident open.
    pub fn take_plan(
        &mut self,
        tree: Tree,
        at: i64,
        is_watched: impl Fn(&Subject) -> bool,
    ) -> Vec<Change> {
        self.tree = tree;
        let gone: Vec<_> = self
            .tracks
            .keys()
            .filter(|one| !is_watched(one))
            .cloned()
            .collect();
        let mut changes = Vec::new();
        for subject in gone {
            self.tracks.remove(&subject);
            self.well(&subject, at, &mut changes);
        }
        changes
    }

    /// Takes up what was observed.
    pub fn observe(&mut self, at: i64, observation: &Observation) -> Vec<Change> {
        let subject = &observation.subject;
        let track = self
            .tracks
            .entry(subject.clone())
            .or_insert_with(|| Track::new(at));
        let turn = track.look(at, observation.state, observation.is_certain);
        let (state, since, is_flapping) = (track.state(), track.since(), track.is_flapping());
        let mut changes = Vec::new();
        if let Some(turn) = turn.filter(|turn| turn.from != turn.to) {
            changes.push(Change::State {
                subject: subject.clone(),
                from: turn.from,
                to: turn.to,
            });
        }
        let is_bad = state > State::Pass || is_flapping;
        if is_bad && observation.state != State::Unknown {
            let finding = match &observation.finding {
                Some(finding) if state > State::Pass => finding.clone(),
                _ => Finding::of(What::Flapping),
            };
            // A single good look among bad ones found nothing, and explains nothing.
            if observation.finding.is_some() || !self.findings.contains_key(subject) {
                self.findings.insert(subject.clone(), finding);
            }
        }
        if is_bad && turn.is_some() && state != State::Unknown {
            let since = if state > State::Pass { since } else { at };
            self.bad(subject, (state, since), at, &mut changes);
        } else if state == State::Pass && !is_flapping {
            let is_new = turn.is_some_and(|turn| turn.from != turn.to);
            self.well(subject, if is_new { since } else { at }, &mut changes);
        }
        changes
    }

    /// Ends what nobody can know any more.
    pub fn tick(&mut self, at: i64) -> Vec<Change> {
        let is_lost =
            |track: &Track| track.state() == State::Unknown && at - track.since() > UNKNOWN_MAX;
        let lost: Vec<_> = self
            .tracks
            .iter()
            .filter(|(subject, track)| {
                is_lost(track) && self.open.values().any(|one| one.bad.contains(subject))
            })
            .map(|(subject, _)| subject.clone())
            .collect();
        let mut changes = Vec::new();
        for subject in lost {
            self.well(&subject, at, &mut changes);
        }
        changes
    }

    /// The clock was set: what is remembered moves with it.
    pub fn shift(&mut self, seconds: i64) {
        for track in self.tracks.values_mut() {
            track.shift(seconds);
        }
        for incident in self.open.values_mut() {
            incident.began_at += seconds;
            incident.noticed_at += seconds;
        }
    }

    fn bad(
        &mut self,
        subject: &Subject,
        (state, since): (State, i64),
        at: i64,
        changes: &mut Vec<Change>,
    ) {
        let finding = self.findings.get(subject).cloned();
        let finding = finding.unwrap_or_else(|| Finding::of(What::Flapping));
        let severity = severity(subject, state, &finding);
        let related: Vec<i64> = self
            .open
            .values()
            .filter(|incident| self.is_related(incident, subject))
            .map(|incident| incident.id)
            .collect();
        let Some((&id, others)) = related.split_first() else {
            let id = self.next;
            self.next += 1;
            let incident = Incident {
                id,
                subject: subject.clone(),
                finding,
                severity,
                began_at: since,
                noticed_at: at,
                ended_at: None,
                bad: BTreeSet::from([subject.clone()]),
                members: BTreeSet::from([subject.clone()]),
            };
            self.open.insert(id, incident);
            changes.push(Change::Opened(id));
            return;
        };
        for other in others {
            self.merge(*other, id, changes);
        }
        let Some(incident) = self.open.get_mut(&id) else {
            return;
        };
        let before = incident.clone();
        incident.bad.insert(subject.clone());
        incident.members.insert(subject.clone());
        incident.severity = incident.severity.max(severity);
        self.name_cause(id);
        if self.open.get(&id) != Some(&before) {
            changes.push(Change::Grew(id));
        }
    }

    fn is_related(&self, incident: &Incident, subject: &Subject) -> bool {
        incident
            .bad
            .iter()
            .any(|one| one == subject || self.explains(one, subject) || self.explains(subject, one))
    }

    /// Whether `cause` may be why `subject` is not well. A disk that only wants a look breaks nothing: a site that goes
    /// down meanwhile is told for itself.
    fn explains(&self, cause: &Subject, subject: &Subject) -> bool {
        let is_bad_enough = match cause {
            Subject::Disk(_) | Subject::Drive(_) => self.state(cause) == State::Fail,
            _ => true,
        };
        is_bad_enough && self.tree.is_cause(cause, subject)
    }

    fn merge(&mut self, from: i64, into: i64, changes: &mut Vec<Change>) {
        let Some(merged) = self.open.remove(&from) else {
            return;
        };
        if let Some(incident) = self.open.get_mut(&into) {
            incident.bad.extend(merged.bad.iter().cloned());
            incident.members.extend(merged.members.iter().cloned());
            incident.severity = incident.severity.max(merged.severity);
            incident.began_at = incident.began_at.min(merged.began_at);
        }
        changes.push(Change::Merged {
            from: Box::new(merged),
            into,
        });
    }

    /// The cause is what no other member explains; among several, the one that is the cause of most.
    fn name_cause(&mut self, id: i64) {
        let Some(incident) = self.open.get(&id) else {
            return;
        };
        let is_explained = |subject: &Subject| {
            let mut others = incident.bad.iter();
            others.any(|other| self.explains(other, subject))
        };
        let explains = |subject: &Subject| {
            let others = incident.bad.iter();
            others.filter(|other| self.explains(subject, other)).count()
        };
        let unexplained = incident.bad.iter().filter(|one| !is_explained(one));
        // The present cause stays when another explains no more.
        let best = unexplained.max_by_key(|one| (explains(one), **one == incident.subject));
        let Some(cause) = best.cloned() else { return };
        let finding = self.findings.get(&cause).cloned();
        if let Some(incident) = self.open.get_mut(&id) {
            if let Some(finding) = finding {
                incident.finding = finding;
            }
            incident.subject = cause;
        }
    }

    fn well(&mut self, subject: &Subject, at: i64, changes: &mut Vec<Change>) {
        self.findings.remove(subject);
        let holding = self.open.values_mut().find(|one| one.bad.contains(subject));
        let Some(incident) = holding else { return };
        incident.bad.remove(subject);
        let id = incident.id;
        if !incident.bad.is_empty() {
            self.name_cause(id);
            changes.push(Change::Grew(id));
            return;
        }
        if let Some(mut closed) = self.open.remove(&id) {
            closed.ended_at = Some(at.max(closed.began_at));
            changes.push(Change::Closed(Box::new(closed)));
        }
    }
}

#[cfg(test)]
mod tests;
