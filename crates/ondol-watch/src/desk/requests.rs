//! What the owner asks, and what people answer.

use ondol_model::event::EventKind;
use ondol_model::plan::Language;
use ondol_model::plan::PersonName;
use ondol_model::watch::Notice;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_model::watch::Subject;
use ondol_model::watch::words;
use tokio::sync::mpsc;

use super::book::Book;
use super::drill;
use super::memory;
use super::silences;
use crate::request::Ping;
use crate::request::Request;

/// Nobody may wish to hear nothing for ever.
const SILENCE_MAX: u64 = 90 * 24 * 60 * 60;

impl Book {
    /// Answers what was asked; replies whose askers have gone are nobody's.
    pub(super) fn answer(&mut self, request: Request, now: i64, reports: &mpsc::Sender<Ping>) {
        match request {
            Request::Test { person, reply } => {
                let first = self.written.change.messages.len();
                match self.test(person.as_deref(), now) {
                    Ok(()) => {
                        let range = first..self.written.change.messages.len();
                        self.written.tests.push((reply, range));
                    }
                    Err(why) => {
                        let _ = reply.send(Err(why));
                    }
                }
            }
            Request::Acknowledge {
                incident,
                by,
                reply,
            } => {
                let _ = reply.send(self.acknowledge(incident, by.as_deref(), now));
            }
            Request::Silence {
                subject,
                seconds,
                reply,
            } => {
                let _ = reply.send(self.silence(subject, seconds, now));
            }
            Request::Ping(ping) => {
                if reports.try_send(ping).is_err() {
                    tracing::warn!("a report was dropped: too many came at once");
                }
            }
        }
    }

    /// Somebody answered by a channel: they are well reached, and look after what they were told of.
    pub(super) fn answered(&mut self, person: &str, incident: Option<i64>, now: i64) {
        self.remember(&drill::answered(person), now.to_string());
        let name = PersonName(person.to_owned());
        let of_theirs = |id: &i64| match incident {
            Some(wanted) => *id == wanted,
            None => self
                .care
                .get(id)
                .is_some_and(|care| care.told.people.contains_key(&name)),
        };
        let ids: Vec<i64> = self.care.keys().copied().filter(of_theirs).collect();
        for id in ids {
            self.look_after(id, person, now);
        }
    }

    fn test(&mut self, person: Option<&str>, now: i64) -> Result<(), String> {
        let people = &self.plan.care.people;
        let wanted = |name: &PersonName| person.is_none_or(|person| name.0 == person);
        let names: Vec<_> = people
            .iter()
            .map(|one| one.name.clone())
            .filter(wanted)
            .collect();
        if names.is_empty() {
            let known: Vec<_> = people.iter().map(|one| one.name.0.as_str()).collect();
            return Err(match (person, known.is_empty()) {
                (_, true) => "there is nobody to tell: add a section [people.me] with an address to the configuration".to_owned(),
                (Some(person), false) => format!("there is nobody called {person}: the configuration has {}", known.join(", ")),
                (None, false) => "there is nobody to tell".to_owned(),
            });
        }
        for person in names {
            let words = self.tell(&person, words::test);
            let notice = Notice {
                person,
                incident: None,
                kind: NoticeKind::Test,
                severity: Severity::Info,
                not_before: now,
            };
            self.queue(&notice, "", words, now);
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        incident: Option<i64>,
        by: Option<&str>,
        now: i64,
    ) -> Result<String, String> {
        let open: Vec<i64> = self.watchman.open().map(|one| one.id).collect();
        let ids = match incident {
            Some(id) if open.contains(&id) => vec![id],
            Some(id) => {
                return Err(format!(
                    "incident {id} is not open: `ondol alarm list` shows those that are"
                ));
            }
            None => open,
        };
        if ids.is_empty() {
            return Err("nothing is wrong, so there is nothing to look after".to_owned());
        }
        let by = by.unwrap_or("the owner");
        for id in &ids {
            self.look_after(*id, by, now);
        }
        let which = match ids.as_slice() {
            [id] => format!("incident {id}"),
            ids => format!("{} incidents", ids.len()),
        };
        Ok(format!(
            "{by} looks after {which}: nobody else is told, and reminders wait for 8 hours"
        ))
    }

    fn look_after(&mut self, id: i64, by: &str, now: i64) {
        let Some(incident) = self.watchman.incident(id).cloned() else {
            return;
        };
        let care = self.care.entry(id).or_default();
        care.told.answer(now);
        care.answered_by = Some(by.to_owned());
        let row = memory::row(&incident, care);
        self.written.change.incidents.push(row);
        let message = format!("{by} looks after incident {id} ({})", incident.subject);
        self.say(EventKind::Alarm, incident.subject.to_string(), message);
    }

    fn silence(
        &mut self,
        subject: Option<Subject>,
        seconds: u64,
        now: i64,
    ) -> Result<String, String> {
        if seconds > SILENCE_MAX {
            return Err("a silence lasts 90 days at most".to_owned());
        }
        if let Some(subject) = &subject
            && !self.watchman.tracks().any(|(one, _)| one == subject)
        {
            return Err(format!(
                "{subject} is not watched: `ondol status --verbose` shows what is"
            ));
        }
        let what = subject
            .as_ref()
            .map_or("anything".to_owned(), ToString::to_string);
        let again = subject.as_ref().map_or("everything", |_| &what);
        let until = now + i64::try_from(seconds).unwrap_or(0);
        self.silences.set(subject.clone(), until, now);
        self.remember(silences::FACT, self.silences.text());
        let message = match seconds {
            0 => format!("people are told of {again} again"),
            seconds => format!(
                "nobody is told of {what} for {}; it is watched on, and who knows that something is wrong hears when it is over",
                words::span(Language::English, seconds)
            ),
        };
        let about = subject.map_or_else(String::new, |subject| subject.to_string());
        self.say(EventKind::Alarm, about, message.clone());
        Ok(message)
    }
}
