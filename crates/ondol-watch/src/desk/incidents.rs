//! What follows from changes: rows, events, and messages to people.

use ondol_model::event::EventKind;
use ondol_model::plan::PersonName;
use ondol_model::watch::Change;
use ondol_model::watch::Circumstances;
use ondol_model::watch::Hold;
use ondol_model::watch::Incident;
use ondol_model::watch::Notice;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Sent;
use ondol_model::watch::Severity;
use ondol_model::watch::Track;
use ondol_model::watch::due;
use ondol_model::watch::recovery;
use ondol_store::RecordedIncident;
use ondol_store::RecordedState;

use super::book::Book;
use super::memory;
use super::memory::Care;

/// What is remembered of the last messages to a person: enough to see a storm.
const RECENT_MAX: usize = 16;

impl Book {
    /// Takes up what changed.
    pub(super) fn follow(&mut self, changes: Vec<Change>, now: i64) {
        for change in changes {
            match change {
                Change::State { subject, .. } => {
                    let track = self.watchman.tracks().find(|(one, _)| **one == subject);
                    let row = track.map(|(_, track)| state_row(subject.to_string(), track));
                    self.written.change.states.extend(row);
                }
                Change::Opened(id) => self.opened(id),
                Change::Grew(id) => self.grew(id),
                Change::Merged { from, into } => self.merged(*from, into, now),
                Change::Closed(incident) => self.closed(&incident, now),
            }
        }
    }

    /// Tells people what is wrong, as far as it is time.
    pub(super) fn tell_open(&mut self, now: i64) {
        let open: Vec<Incident> = self.watchman.open().cloned().collect();
        for incident in open {
            let mut care = self.care.remove(&incident.id).unwrap_or_default();
            let before = care.told.clone();
            let notices = self.with_circumstances(&incident, now, |circumstances| {
                due(now, &incident, &mut care.told, circumstances)
            });
            self.send(&incident, notices, now);
            if care.told != before {
                self.written
                    .change
                    .incidents
                    .push(memory::row(&incident, &care));
            }
            self.care.insert(incident.id, care);
        }
    }

    fn opened(&mut self, id: i64) {
        let Some(incident) = self.watchman.incident(id).cloned() else {
            return;
        };
        let sentence = self.sentence_of(&incident);
        self.say(
            EventKind::IncidentOpened,
            incident.subject.to_string(),
            format!("{sentence} (incident {id})"),
        );
        let care = Care {
            sentence,
            ..Care::default()
        };
        self.written
            .change
            .incidents
            .push(memory::row(&incident, &care));
        self.care.insert(id, care);
    }

    fn grew(&mut self, id: i64) {
        let Some(incident) = self.watchman.incident(id).cloned() else {
            return;
        };
        let sentence = self.sentence_of(&incident);
        let care = self.care.entry(id).or_default();
        care.sentence = sentence;
        let row = memory::row(&incident, care);
        self.written.change.incidents.push(row);
    }

    fn merged(&mut self, from: Incident, into: i64, now: i64) {
        let merged = self.care.remove(&from.id).unwrap_or_default();
        let row = memory::row(&from, &merged);
        self.written.change.incidents.push(RecordedIncident {
            ended_at: Some(now),
            sentence: format!("{} (a part of incident {into})", merged.sentence),
            ..row
        });
        // Who was told of one of them has to hear the end of both.
        let care = self.care.entry(into).or_default();
        for (person, at) in merged.told.people {
            care.told.people.entry(person).or_insert(at);
        }
        if let Some(first) = merged.told.first_at {
            let first_at = care.told.first_at.get_or_insert(first);
            *first_at = first.min(*first_at);
            let severity = merged.told.severity;
            care.told.severity = care.told.severity.max(severity);
            care.told.steps = care.told.steps.max(merged.told.steps);
        }
    }

    fn closed(&mut self, incident: &Incident, now: i64) {
        let care = self.care.remove(&incident.id).unwrap_or_default();
        let notices = self.with_circumstances(incident, now, |circumstances| {
            recovery(now, incident, &care.told, circumstances)
        });
        self.send(incident, notices, now);
        self.written
            .change
            .incidents
            .push(memory::row(incident, &care));
        let ended = incident.ended_at.unwrap_or(now);
        let lasted = u64::try_from(ended - incident.began_at).unwrap_or(0);
        let lasted = ondol_model::watch::words::span(ondol_model::plan::Language::English, lasted);
        self.say(
            EventKind::IncidentClosed,
            incident.subject.to_string(),
            format!(
                "well again after {lasted}: {} (incident {})",
                care.sentence, incident.id
            ),
        );
    }

    fn with_circumstances<T>(
        &self,
        incident: &Incident,
        now: i64,
        decide: impl FnOnce(&Circumstances<'_>) -> T,
    ) -> T {
        let care = &self.plan.care;
        let hold = Hold {
            minute: self.minute(now),
            quiet: care.alarms.quiet,
            budget: care.alarms.budget,
            spent: &self.spent,
            recent: &self.recent,
        };
        decide(&Circumstances {
            people: &care.people,
            alarms: &care.alarms,
            is_silenced: self.silences.hold(incident),
            has_suspected_cause: self.watchman.has_suspected_cause(incident),
            hold: &hold,
        })
    }

    /// Queues the messages of notices.
    fn send(&mut self, incident: &Incident, notices: Vec<Notice>, now: i64) {
        for notice in notices {
            self.count(&notice);
            let words = self.words_of(incident, &notice, now);
            self.queue(&notice, &incident.subject.to_string(), words, now);
        }
    }

    fn count(&mut self, notice: &Notice) {
        let recent = self.recent.entry(notice.person.clone()).or_default();
        recent.push(Sent {
            at: notice.not_before,
            severity: notice.severity,
        });
        let surplus = recent.len().saturating_sub(RECENT_MAX);
        recent.drain(..surplus);
        if notice.severity < Severity::Critical && notice.kind != NoticeKind::Recovery {
            let person: PersonName = notice.person.clone();
            *self.spent.entry(person).or_default() += 1;
        }
    }
}

fn state_row(subject: String, track: &Track) -> RecordedState {
    RecordedState {
        subject,
        state: track.state(),
        since: track.since(),
        memory: String::new(),
    }
}
