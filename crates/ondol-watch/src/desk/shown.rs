//! How everything is, for those who look.

use std::cmp::Reverse;

use ondol_model::watch::Incident;

use super::book::Book;
use crate::status::IncidentStatus;
use crate::status::PersonStatus;
use crate::status::SubjectStatus;
use crate::status::WatchStatus;

impl Book {
    /// What is wrong, as one sentence; `None` when nothing is.
    pub(super) fn headline(&self) -> Option<String> {
        let incidents = self.incidents();
        let first = incidents.first()?;
        Some(match incidents.len() {
            1 => first.sentence.clone(),
            count => format!("{}, and {} more", first.sentence, count - 1),
        })
    }

    /// How everything is.
    pub(super) fn shown(&self, now: i64) -> WatchStatus {
        let (outbox, outbox_since) = self.outbox;
        WatchStatus {
            subjects: self.subjects(),
            incidents: self.incidents(),
            people: self.shown_people(),
            outbox,
            outbox_since,
            heartbeats: self.heartbeats.clone(),
            heartbeat_at: self.heartbeat_at,
            power: self.power.clone(),
            unclean_boots: self.unclean_boots,
            last_absence: self.comeback.sentence.clone(),
            silenced_until: self.silences.of_all().filter(|until| *until > now),
            warnings: self.warnings(),
        }
    }

    fn subjects(&self) -> Vec<SubjectStatus> {
        let subjects = self.watchman.tracks().map(|(subject, track)| {
            let look = self.looks.get(subject);
            let finding = self.watchman.finding(subject);
            SubjectStatus {
                subject: subject.clone(),
                state: track.state(),
                since: track.since(),
                sentence: finding.map_or_else(String::new, |one| self.sentence(subject, one)),
                seen_at: look.map(|look| look.at),
                took_ms: look.and_then(|look| look.took_ms),
                uptime: self.uptimes.get(&subject.to_string()).copied(),
                values: look.map(|look| look.values.clone()).unwrap_or_default(),
                silenced_until: self.silences.of(subject),
            }
        });
        subjects.collect()
    }

    /// The worst first, of those the oldest.
    fn incidents(&self) -> Vec<IncidentStatus> {
        let mut incidents: Vec<_> = self.watchman.open().map(|one| self.incident(one)).collect();
        incidents.sort_by_key(|one| (Reverse(one.severity), one.began_at));
        incidents
    }

    fn incident(&self, incident: &Incident) -> IncidentStatus {
        let care = self.care.get(&incident.id);
        let told = care.map(|care| care.told.people.keys().map(|name| name.0.clone()).collect());
        IncidentStatus {
            id: incident.id,
            subject: incident.subject.clone(),
            also: incident.also(),
            severity: incident.severity,
            began_at: incident.began_at,
            ended_at: incident.ended_at,
            sentence: self.sentence_of(incident),
            acknowledged_by: care.and_then(|care| care.answered_by.clone()),
            told: told.unwrap_or_default(),
        }
    }

    /// The people of the plan, with what is known of their channels.
    fn shown_people(&self) -> Vec<PersonStatus> {
        let people = self.plan.care.people.iter().map(|person| {
            let name = &person.name.0;
            let known = self.people.iter().find(|one| one.name == *name);
            let channels = person.channel_names().map(|(channel, _)| {
                let mut channels = known.into_iter().flat_map(|one| &one.channels);
                let known = channels.find(|(word, ..)| *word == channel).cloned();
                known.unwrap_or((channel, None, None))
            });
            PersonStatus {
                name: name.clone(),
                channels: channels.collect(),
                answered_at: self.answered_at(name),
            }
        });
        people.collect()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.plan.care.people.is_empty() {
            warnings.push("nobody is told when something is wrong: add a section [people.me] with an address to the configuration".to_owned());
        }
        if self.plan.care.alarms.heartbeat.is_empty() {
            warnings.push("nobody outside notices when the box dies: set alarms.heartbeat to a URL of a service like healthchecks.io, or of another Ondol".to_owned());
        }
        warnings
    }
}
