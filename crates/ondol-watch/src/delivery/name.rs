//! What a channel of a person is called.

use std::fmt;

use ondol_model::Plan;
use ondol_model::plan::Channel;
use ondol_model::plan::Person;

/// The name of a channel of a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneName {
    pub(super) person: String,
    pub(super) channel: String,
}

impl LaneName {
    /// Those of a person, in the order of the configuration.
    pub(super) fn all_of(person: &Person) -> impl Iterator<Item = Self> {
        person.channel_names().map(|(channel, _)| Self {
            person: person.name.0.clone(),
            channel,
        })
    }

    /// Whose it is, and what; `None` when it is not in the configuration.
    pub(super) fn find<'a>(&self, plan: &'a Plan) -> Option<(&'a Person, &'a Channel)> {
        let people = &plan.care.people;
        let person = people.iter().find(|person| person.name.0 == self.person)?;
        let mut channels = person.channel_names();
        let (_, channel) = channels.find(|(name, _)| *name == self.channel)?;
        Some((person, channel))
    }
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.person, self.channel)
    }
}
