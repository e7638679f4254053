//! What the owner wants to hear nothing of, and until when.

use std::collections::BTreeMap;

use ondol_model::watch::Incident;
use ondol_model::watch::Subject;

/// The fact by which they are remembered.
pub(super) const FACT: &str = "silences";
/// The text for everything.
const ALL: &str = "*";

/// Silences; `None` is for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Silences(BTreeMap<Option<Subject>, i64>);

impl Silences {
    /// As they were written down; what can't be read is none.
    pub(super) fn parse(text: &str) -> Self {
        let entries: BTreeMap<String, i64> = serde_json::from_str(text).unwrap_or_default();
        let entries = entries.into_iter().filter_map(|(text, until)| {
            let subject = match text.as_str() {
                ALL => None,
                text => Some(Subject::parse(text)?),
            };
            Some((subject, until))
        });
        Self(entries.collect())
    }

    /// To be written down.
    pub(super) fn text(&self) -> String {
        let entries = self.0.iter().map(|(subject, until)| {
            let text = subject.as_ref().map_or(ALL.to_owned(), ToString::to_string);
            (text, *until)
        });
        let entries: BTreeMap<_, _> = entries.collect();
        serde_json::to_string(&entries).unwrap_or_default()
    }

    /// Begins one, or ends it where `until` has passed already. With that for everything all others end, too.
    pub(super) fn set(&mut self, subject: Option<Subject>, until: i64, now: i64) {
        if until > now {
            self.0.insert(subject, until);
        } else if subject.is_none() {
            self.0.clear();
        } else {
            self.0.remove(&subject);
        }
    }

    /// Forgets those that are over; whether there were some.
    pub(super) fn end(&mut self, now: i64) -> bool {
        let before = self.0.len();
        self.0.retain(|_, until| *until > now);
        self.0.len() != before
    }

    /// Until when nobody is told of a subject.
    pub(super) fn of(&self, subject: &Subject) -> Option<i64> {
        self.0.get(&Some(subject.clone())).copied()
    }

    /// Until when nobody is told of anything.
    pub(super) fn of_all(&self) -> Option<i64> {
        self.0.get(&None).copied()
    }

    /// Whether nobody is told of an incident: of its cause, or of all that is not well.
    pub(super) fn hold(&self, incident: &Incident) -> bool {
        let each = || incident.bad.iter().all(|one| self.of(one).is_some());
        self.of_all().is_some()
            || self.of(&incident.subject).is_some()
            || (!incident.bad.is_empty() && each())
    }

    /// The clock was set.
    pub(super) fn shift(&mut self, seconds: i64) {
        for until in self.0.values_mut() {
            *until += seconds;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_remembered_and_end() {
        let site = Subject::parse("site:a.test").unwrap();
        let mut silences = Silences::default();
        silences.set(Some(site.clone()), 100, 0);
        silences.set(None, 50, 0);
        assert_eq!(Silences::parse(&silences.text()), silences);
        assert_eq!(
            (silences.of(&site), silences.of_all()),
            (Some(100), Some(50))
        );
        assert!(silences.end(60));
        assert_eq!((silences.of(&site), silences.of_all()), (Some(100), None));
        silences.set(Some(site.clone()), 0, 60);
        assert_eq!(silences.of(&site), None);
        silences.set(Some(site.clone()), 100, 60);
        silences.set(None, 60, 60);
        assert_eq!(silences, Silences::default());
        assert_eq!(Silences::parse("<html>"), Silences::default());
    }
}
