//! Whether an answer is a good one. Pure.

use ondol_model::plan::SiteCheck;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use serde_json::Value;

use super::ask::Answer;
use super::ask::BODY_BYTES_MAX;

/// As much of a value as people are told.
const TOLD_CHARS_MAX: usize = 80;

/// How a site is that answered so.
pub(super) fn judge(subject: Subject, check: &SiteCheck, answer: &Answer) -> Observation {
    let took_ms = u32::try_from(answer.took.as_millis()).unwrap_or(u32::MAX);
    let seen = match wrong(check, answer) {
        Some(finding) => Observation::fail(subject, finding),
        None => match check.max {
            Some(max) if answer.took > max => {
                let max_ms = u32::try_from(max.as_millis()).unwrap_or(u32::MAX);
                Observation::warn(subject, Finding::of(What::Slow(took_ms, max_ms)))
            }
            Some(_) | None => Observation::pass(subject),
        },
    };
    Observation {
        took_ms: Some(took_ms),
        ..seen
    }
}

fn wrong(check: &SiteCheck, answer: &Answer) -> Option<Finding> {
    let status = answer.status?;
    if !check.is_good(status) {
        return Some(Finding::of(What::Status(status)));
    }
    let content = |detail| Some(Finding::saying(What::Content, detail));
    if let Some(wanted) = &check.contains
        && !contains(&answer.body, wanted.as_bytes())
    {
        return content(format!("`{}` is not in it", told(wanted)));
    }
    if check.json.is_empty() {
        return None;
    }
    let value: Value = match serde_json::from_slice(&answer.body) {
        Ok(value) => value,
        Err(_) if answer.body.len() >= BODY_BYTES_MAX => {
            return content(format!("it is longer than {BODY_BYTES_MAX} bytes"));
        }
        Err(error) => return content(format!("it is no JSON: {error}")),
    };
    let mut values = check.json.iter();
    values.find_map(|(path, wanted)| {
        let found = at(&value, path).map(text);
        let differs = match found {
            Some(found) if found == *wanted => return None,
            Some(found) => format!("`{path}` is `{}`, not `{}`", told(&found), told(wanted)),
            None => format!("`{path}` is not in it"),
        };
        content(differs)
    })
}

fn contains(body: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || body.windows(wanted.len()).any(|window| window == wanted)
}

/// What is at a dotted path; the parts of a list go by their numbers.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(values) => values.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// A value as the configuration has it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn told(text: &str) -> String {
    let mut told: String = text.chars().take(TOLD_CHARS_MAX).collect();
    if told.len() < text.len() {
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ondol_model::plan::Statuses;
    use ondol_model::watch::State;

    use super::*;

    fn seen(check: &SiteCheck, status: u16, body: &str, ms: u64) -> Observation {
        let answer = Answer {
            status: Some(status),
            body: body.to_owned().into(),
            took: Duration::from_millis(ms),
        };
        judge(Subject::Site("a.test".to_owned()), check, &answer)
    }

    fn detail(seen: Observation) -> String {
        seen.finding
            .map(|finding| finding.detail)
            .unwrap_or_default()
    }

    #[test]
    fn statuses_are_good_by_what_the_owner_says() {
        let mut check = SiteCheck::default();
        assert_eq!(seen(&check, 404, "", 1).state, State::Pass);
        let bad = seen(&check, 502, "", 12);
        assert_eq!(bad.finding, Some(Finding::of(What::Status(502))));
        assert_eq!(bad.took_ms, Some(12));
        check.status = vec![Statuses::One(200)];
        assert_eq!(seen(&check, 204, "", 1).state, State::Fail);
    }

    #[test]
    fn an_answer_that_is_good_but_late_is_worth_a_word() {
        let check = SiteCheck {
            max: Some(Duration::from_secs(2)),
            ..SiteCheck::default()
        };
        assert_eq!(seen(&check, 200, "", 2000).state, State::Pass);
        let late = seen(&check, 200, "", 2001);
        assert_eq!(late.state, State::Warn);
        assert_eq!(late.finding.unwrap().what, What::Slow(2001, 2000));
        assert_eq!(seen(&check, 500, "", 9000).state, State::Fail);
    }

    #[test]
    fn what_must_be_in_it_is_looked_for() {
        let check = SiteCheck {
            contains: Some("all well".to_owned()),
            ..SiteCheck::default()
        };
        assert_eq!(seen(&check, 200, "so: all well!", 1).state, State::Pass);
        let bad = seen(&check, 200, "all  well", 1);
        assert_eq!(detail(bad), "`all well` is not in it");
    }

    #[test]
    fn values_of_json_are_compared_by_their_text() {
        let json = [
            ("db.state", "up"),
            ("queues.1.waiting", "0"),
            ("ok", "true"),
        ];
        let check = SiteCheck {
            json: json
                .map(|(path, text)| (path.to_owned(), text.to_owned()))
                .to_vec(),
            ..SiteCheck::default()
        };
        let good = r#"{"db":{"state":"up"},"queues":[{},{"waiting":0}],"ok":true}"#;
        assert_eq!(seen(&check, 200, good, 1).state, State::Pass);
        for (body, said) in [
            (
                r#"{"db":{"state":"down"}}"#,
                "`db.state` is `down`, not `up`",
            ),
            (r#"{"db":"up"}"#, "`db.state` is not in it"),
            (
                r#"{"db":{"state":"up"},"queues":[]}"#,
                "`queues.1.waiting` is not in it",
            ),
            ("<html>", "it is no JSON: expected value at line 1 column 1"),
        ] {
            assert_eq!(detail(seen(&check, 200, body, 1)), said);
        }
    }
}
