//! Words for people, made once, and the messages that carry them.

use ondol_base::clock;
use ondol_model::plan::Language;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::watch::Finding;
use ondol_model::watch::Incident;
use ondol_model::watch::Notice;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_model::watch::Subject;
use ondol_model::watch::words;
use ondol_model::watch::words::Story;
use ondol_model::watch::words::Telling;
use ondol_model::watch::words::Words;
use ondol_store::NewMessage;

use super::book::Book;

/// A message that can't be delivered for so long is of no use any more.
const EXPIRES: i64 = 7 * 24 * 60 * 60;

impl Book {
    /// One sentence about a subject, in English: for screens, events and machines.
    pub(super) fn sentence(&self, subject: &Subject, finding: &Finding) -> String {
        let zone = self.plan.timezone.clone();
        let local = move |at| clock::minute_in(zone.as_deref(), at);
        let telling = Telling {
            box_name: &self.plan.box_name,
            language: Language::English,
            role: Role::Operator,
            runbook: None,
            local: &local,
        };
        words::sentence(&telling, subject, finding)
    }

    pub(super) fn sentence_of(&self, incident: &Incident) -> String {
        self.sentence(&incident.subject, &self.finding_of(incident))
    }

    /// What a person is told of an incident.
    pub(super) fn words_of(&self, incident: &Incident, notice: &Notice, now: i64) -> Words {
        let finding = self.finding_of(incident);
        let also = incident.also();
        let story = Story {
            subject: &incident.subject,
            finding: &finding,
            also: &also,
            severity: incident.severity,
            began_at: incident.began_at,
            now,
            ended_at: incident.ended_at,
        };
        self.tell(&notice.person, |telling| match notice.kind {
            NoticeKind::Reminder => words::reminder(telling, &story),
            NoticeKind::Recovery => words::recovery(telling, &story),
            NoticeKind::Problem
            | NoticeKind::Summary
            | NoticeKind::Digest
            | NoticeKind::News
            | NoticeKind::Test
            | NoticeKind::Drill => words::problem(telling, &story),
        })
    }

    /// Words in the language of a person.
    pub(super) fn tell(
        &self,
        person: &PersonName,
        say: impl FnOnce(&Telling<'_>) -> Words,
    ) -> Words {
        let person = self.person(person);
        let zone = self.plan.timezone.clone();
        let local = move |at| clock::minute_in(zone.as_deref(), at);
        say(&Telling {
            box_name: &self.plan.box_name,
            language: person.map_or_else(Language::default, |person| person.language),
            role: person.map_or_else(Role::default, |person| person.role),
            runbook: person.and_then(|person| person.runbook.as_deref()),
            local: &local,
        })
    }

    /// A message for each channel of a person.
    pub(super) fn queue(&mut self, notice: &Notice, subject: &str, words: Words, now: i64) {
        let Some(person) = self.person(&notice.person) else {
            return;
        };
        let is_alarm = matches!(notice.kind, NoticeKind::Problem | NoticeKind::Reminder);
        let wants_answer =
            notice.kind == NoticeKind::Drill || (is_alarm && notice.severity == Severity::Critical);
        let messages = person.channel_names().map(|(channel, _)| NewMessage {
            incident: notice.incident,
            person: notice.person.0.clone(),
            channel,
            kind: notice.kind,
            severity: notice.severity,
            subject: subject.to_owned(),
            title: words.title.clone(),
            text: words.text.clone(),
            queued_at: now,
            not_before: notice.not_before,
            expires_at: now + EXPIRES,
            wants_answer,
        });
        let messages: Vec<_> = messages.collect();
        self.written.change.messages.extend(messages);
    }

    pub(super) fn person(&self, name: &PersonName) -> Option<&Person> {
        self.plan
            .care
            .people
            .iter()
            .find(|person| person.name == *name)
    }
}
