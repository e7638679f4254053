//! Messages that want an answer, so that it is known that messages arrive.

use ondol_model::plan::PersonName;
use ondol_model::watch::DrillDeed;
use ondol_model::watch::Drilled;
use ondol_model::watch::Finding;
use ondol_model::watch::Notice;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Observation;
use ondol_model::watch::PowerState;
use ondol_model::watch::Severity;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use ondol_model::watch::words;

use super::book::Book;

/// The fact that tells when a person answered last.
pub(super) fn answered(person: &str) -> String {
    format!("answered/{person}")
}

fn sent(person: &str) -> String {
    format!("drilled/{person}")
}

fn known(person: &str) -> String {
    format!("known/{person}")
}

impl Book {
    /// Sends drills whose time has come, and notices those that nobody answered.
    pub(super) fn drill(&mut self, now: i64) {
        let people = self.plan.care.people.iter();
        let names: Vec<PersonName> = people.map(|person| person.name.clone()).collect();
        for name in names {
            let person = &name.0;
            let since = self.moment(&known(person)).unwrap_or_else(|| {
                self.remember(&known(person), now.to_string());
                now
            });
            let drilled = Drilled {
                known_since: since,
                sent_at: self.moment(&sent(person)),
                answered_at: self.moment(&answered(person)),
            };
            let often = self.plan.care.alarms.drill;
            let deed = ondol_model::watch::drill(now, self.minute(now), often, &drilled);
            let subject = Subject::Channel(person.clone());
            match deed {
                // On a battery everybody has something better to do; it is due with the mains.
                DrillDeed::Send if self.power_state() != PowerState::Mains => {}
                DrillDeed::Send => self.send_drill(name, now),
                DrillDeed::Unanswered => {
                    let finding = Finding::of(What::DrillUnanswered);
                    self.observe(Observation::warn(subject, finding).certain(), now);
                }
                DrillDeed::Nothing if self.watchman.finding(&subject).is_some() => {
                    self.observe(Observation::pass(subject).certain(), now);
                }
                DrillDeed::Nothing => {}
            }
        }
    }

    /// The clock was set.
    pub(super) fn shift_drills(&mut self, seconds: i64) {
        let people = self.plan.care.people.iter();
        let names = people.flat_map(|person| {
            let name = &person.name.0;
            [answered(name), sent(name), known(name)]
        });
        for fact in names.collect::<Vec<_>>() {
            if let Some(at) = self.moment(&fact) {
                self.remember(&fact, (at + seconds).to_string());
            }
        }
    }

    /// When a person answered last.
    pub(super) fn answered_at(&self, person: &str) -> Option<i64> {
        self.moment(&answered(person))
    }

    fn send_drill(&mut self, person: PersonName, now: i64) {
        self.remember(&sent(&person.0), now.to_string());
        let words = self.tell(&person, words::drill);
        let notice = Notice {
            person,
            incident: None,
            kind: NoticeKind::Drill,
            severity: Severity::Info,
            not_before: now,
        };
        self.queue(&notice, "", words, now);
    }

    fn moment(&self, fact: &str) -> Option<i64> {
        self.facts.get(fact)?.parse().ok()
    }
}
