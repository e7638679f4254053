//! How each person's channels are, for the desk and for people.

use std::collections::BTreeMap;

use ondol_model::Plan;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::name::LaneName;
use crate::status::PersonStatus;

/// How a channel is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// When it last took a message.
    pub(super) delivered_at: Option<i64>,
    /// Why it does not take messages now.
    pub(super) trouble: Option<String>,
    /// Whether it failed so often that the owner should know.
    pub(super) is_in_trouble: bool,
}

/// How all people's channels are, in the order of the plan.
pub(super) fn people(plan: &Plan, conditions: &BTreeMap<LaneName, Condition>) -> Vec<PersonStatus> {
    let of_lane = |lane: LaneName| {
        let condition = conditions.get(&lane).cloned().unwrap_or_default();
        (lane.channel, condition.delivered_at, condition.trouble)
    };
    let people = plan.care.people.iter();
    people
        .map(|person| PersonStatus {
            name: person.name.0.clone(),
            channels: LaneName::all_of(person).map(of_lane).collect(),
            answered_at: None,
        })
        .collect()
}

/// How all people's channels are, as something that is watched. While the internet is away nobody can know.
pub(super) fn observations(
    plan: &Plan,
    conditions: &BTreeMap<LaneName, Condition>,
    is_online: bool,
) -> Vec<Observation> {
    let lanes = plan.care.people.iter().flat_map(LaneName::all_of);
    lanes
        .map(|lane| {
            let condition = conditions.get(&lane).cloned().unwrap_or_default();
            let subject = Subject::Channel(lane.to_string());
            match condition {
                Condition {
                    is_in_trouble: false,
                    ..
                } => Observation::pass(subject),
                Condition { trouble, .. } if is_online => {
                    let sentence = trouble.unwrap_or_default();
                    let finding = Finding::saying(What::Undeliverable, sentence);
                    Observation::warn(subject, finding).certain()
                }
                Condition { .. } => Observation::unknown(subject),
            }
        })
        .collect()
}
