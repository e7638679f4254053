//! What is to be remembered of an incident besides its row, as JSON: who was told of it.

use std::collections::BTreeMap;

use ondol_model::plan::PersonName;
use ondol_model::watch::Finding;
use ondol_model::watch::Incident;
use ondol_model::watch::Severity;
use ondol_model::watch::Subject;
use ondol_model::watch::Told;
use ondol_model::watch::What;
use ondol_store::RecordedIncident;
use serde::Deserialize;
use serde::Serialize;

/// Who was told of an open incident, and who looks after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Care {
    pub(super) told: Told,
    pub(super) answered_by: Option<String>,
    /// A sentence about it, in English, for screens and events.
    pub(super) sentence: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Written {
    people: BTreeMap<String, i64>,
    severity: Option<String>,
    first_at: Option<i64>,
    steps: usize,
    reminders: usize,
    reminded_at: Option<i64>,
    bad: Vec<String>,
}

/// The row of an incident.
pub(super) fn row(incident: &Incident, care: &Care) -> RecordedIncident {
    let Told {
        people,
        severity,
        first_at,
        steps,
        reminders,
        reminded_at,
        answered_at,
    } = &care.told;
    let people = people.iter();
    let written = Written {
        people: people.map(|(name, at)| (name.0.clone(), *at)).collect(),
        severity: severity.map(|severity| severity.word().to_owned()),
        first_at: *first_at,
        steps: *steps,
        reminders: *reminders,
        reminded_at: *reminded_at,
        bad: incident.bad.iter().map(ToString::to_string).collect(),
    };
    RecordedIncident {
        id: incident.id,
        subject: incident.subject.to_string(),
        members: incident.members.iter().map(ToString::to_string).collect(),
        severity: incident.severity,
        sentence: care.sentence.clone(),
        began_at: incident.began_at,
        ended_at: incident.ended_at,
        acknowledged_by: care.answered_by.clone(),
        acknowledged_at: *answered_at,
        memory: serde_json::to_string(&written).unwrap_or_default(),
    }
}

/// The incident of a row; `None` for one of a later version.
pub(super) fn incident(row: RecordedIncident) -> Option<(Incident, Care)> {
    let subject = Subject::parse(&row.subject)?;
    let written: Written = serde_json::from_str(&row.memory).unwrap_or_default();
    let parsed = |texts: &[String]| {
        texts
            .iter()
            .filter_map(|text| Subject::parse(text))
            .collect()
    };
    let people = written.people.into_iter();
    let care = Care {
        told: Told {
            people: people.map(|(name, at)| (PersonName(name), at)).collect(),
            severity: written.severity.as_deref().and_then(Severity::parse),
            first_at: written.first_at,
            steps: written.steps,
            reminders: written.reminders,
            reminded_at: written.reminded_at,
            answered_at: row.acknowledged_at,
        },
        answered_by: row.acknowledged_by,
        sentence: row.sentence.clone(),
    };
    let incident = Incident {
        id: row.id,
        subject,
        finding: Finding::saying(What::Remembered, row.sentence),
        severity: row.severity,
        began_at: row.began_at,
        noticed_at: row.began_at,
        ended_at: row.ended_at,
        bad: parsed(&written.bad),
        members: parsed(&row.members),
    };
    // One that nothing keeps open could never be closed.
    (!incident.bad.is_empty()).then_some((incident, care))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_incident_is_remembered_with_who_was_told_of_it() {
        let subject = Subject::parse("site:a.test").unwrap();
        let incident = Incident {
            id: 4,
            subject: subject.clone(),
            finding: Finding::saying(What::Remembered, "a.test does not answer"),
            severity: Severity::Critical,
            began_at: 10,
            noticed_at: 10,
            ended_at: None,
            bad: BTreeSet::from([subject.clone()]),
            members: BTreeSet::from([subject, Subject::Router]),
        };
        let care = Care {
            told: Told {
                people: BTreeMap::from([(PersonName("me".to_owned()), 50)]),
                severity: Some(Severity::Critical),
                first_at: Some(40),
                steps: 2,
                reminders: 1,
                reminded_at: Some(45),
                answered_at: Some(48),
            },
            answered_by: Some("me".to_owned()),
            sentence: "a.test does not answer".to_owned(),
        };
        assert_eq!(
            super::incident(row(&incident, &care)),
            Some((incident, care))
        );
    }

    #[test]
    fn a_memory_that_cannot_be_read_loses_no_incident_for_ever() {
        let row = RecordedIncident {
            id: 1,
            subject: "site:a.test".to_owned(),
            members: Vec::new(),
            severity: Severity::Critical,
            sentence: String::new(),
            began_at: 0,
            ended_at: None,
            acknowledged_by: None,
            acknowledged_at: None,
            memory: "<html>".to_owned(),
        };
        assert_eq!(incident(row), None, "it is found anew by the next look");
    }
}
