//! The body of `/health`: `application/health+json`, as draft-inadarei-api-health-check-06 has it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;

use super::readiness::Check;
use crate::api;
use crate::api::HealthState;
use crate::api::Time;

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    status: &'static str,
    version: &'a str,
    release_id: &'a str,
    service_id: &'a str,
    description: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<&'a str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    output: String,
    checks: BTreeMap<String, Vec<Part<'a>>>,
}

/// How a part is, or one number of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    component_id: &'a str,
    component_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_value: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_unit: Option<&'static str>,
    /// One of three words; what can't be known has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Time>,
    #[serde(skip_serializing_if = "str::is_empty")]
    output: &'a str,
}

/// How the box is: as its worst part is that is known.
pub(super) fn overall(checks: &[Check], watch: &api::Watch) -> HealthState {
    if checks.iter().any(|check| check.trouble.is_some()) {
        return HealthState::Fail;
    }
    let subjects = watch.subjects.iter();
    let worst = subjects.map(|subject| subject.state).max();
    worst.map_or(HealthState::Pass, |worst| worst.max(HealthState::Pass))
}

/// `pass` and `warn` are good, for who reads only this.
pub(super) fn status_code(state: HealthState) -> StatusCode {
    match state {
        HealthState::Unknown | HealthState::Pass | HealthState::Warn => StatusCode::OK,
        HealthState::Fail => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// All that a stranger sees.
pub(super) fn status_alone(state: HealthState) -> String {
    format!("{{\"status\":\"{}\"}}\n", state.word())
}

/// All there is to say.
pub(super) fn full(
    state: HealthState,
    status: &api::Status,
    checks: &[Check],
    watch: &api::Watch,
) -> String {
    let mut parts = BTreeMap::<String, Vec<Part<'_>>>::new();
    for check in checks {
        let part = Part {
            component_id: "",
            component_type: "system",
            observed_value: None,
            observed_unit: None,
            status: Some(if check.trouble.is_none() {
                "pass"
            } else {
                "fail"
            }),
            time: None,
            output: check.trouble.as_deref().unwrap_or_default(),
        };
        parts.insert(format!("ready:{}", check.name), vec![part]);
    }
    for subject in &watch.subjects {
        let measurement = subject.took_ms.map_or("state", |_| "responseTime");
        let key = format!("{}:{measurement}", subject.kind);
        parts.entry(key).or_default().push(part(subject));
    }
    let failed = checks.iter().find_map(|check| check.trouble.clone());
    let wrong = watch
        .incidents
        .iter()
        .find(|incident| incident.ended_at.is_none());
    let report = Report {
        status: state.word(),
        version: "1",
        release_id: &status.version,
        service_id: &status.box_name,
        description: "how this box and its sites are",
        notes: watch.warnings.iter().map(String::as_str).collect(),
        output: failed
            .or_else(|| wrong.map(|incident| incident.sentence.clone()))
            .unwrap_or_default(),
        checks: parts,
    };
    // Such a value can always be written.
    serde_json::to_string(&report).unwrap_or_else(|_| status_alone(state))
}

fn part(subject: &api::WatchSubject) -> Part<'_> {
    let is_known = subject.state != HealthState::Unknown;
    let output = match (subject.sentence.is_empty(), is_known) {
        (true, false) => "it can't be known now",
        _ => &subject.sentence,
    };
    Part {
        component_id: &subject.name,
        component_type: match subject.kind.as_str() {
            "store" | "backup" => "datastore",
            "site" | "app" | "certificate" | "domain" | "heartbeat" | "channel" => "component",
            _ => "system",
        },
        observed_value: subject.took_ms,
        observed_unit: subject.took_ms.map(|_| "ms"),
        status: is_known.then(|| subject.state.word()),
        time: subject.seen_at,
        output,
    }
}
