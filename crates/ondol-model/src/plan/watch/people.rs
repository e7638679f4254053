//! Who is told: `[people.NAME]`.

use crate::plan::Secret;

/// The name of a person: the key in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonName(pub String);

/// Somebody who answers when something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: PersonName,
    /// What messages to this person are written in.
    pub language: Language,
    /// What the person can do.
    pub role: Role,
    /// What somebody with [`Role::Hands`] is asked to do, in the owner's words.
    pub runbook: Option<String>,
    /// Ways to reach the person; each is used.
    pub channels: Vec<Channel>,
}

impl Person {
    /// The channels with what they are called: the word of their kind, and a number when the person has several of it
    /// (`email`, `email-2`).
    pub fn channel_names(&self) -> impl Iterator<Item = (String, &Channel)> {
        let before = |at: usize| self.channels.iter().take(at);
        self.channels.iter().enumerate().map(move |(at, channel)| {
            let word = channel.word();
            let same = before(at).filter(|other| other.word() == word).count();
            let name = match same {
                0 => word.to_owned(),
                before => format!("{word}-{}", before + 1),
            };
            (name, channel)
        })
    }
}

/// What messages are written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

/// What a person can do about the box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// Knows the box.
    #[default]
    Operator,
    /// Is near it, and does what the runbook says.
    Hands,
}

/// A way to reach a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// Mail, by `alarms.smtp`.
    Email(String),
    /// A topic of an ntfy server.
    Ntfy(Topic),
    /// A chat of Telegram, by `alarms.telegram`.
    Telegram(String),
    /// An incoming webhook of Slack (or Mattermost).
    Slack(Value),
    /// A webhook of Discord.
    Discord(Value),
    /// A user's key of Pushover, by `alarms.pushover`.
    Pushover(Value),
    /// A URL that takes JSON.
    Webhook(Hook),
    /// A program of the owner's: run with these arguments, it reads JSON from its standard input.
    Exec(Vec<String>),
}

impl Channel {
    /// The key of this kind in the configuration; names the channel of a person in the store and on the screen.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Ntfy(_) => "ntfy",
            Self::Telegram(_) => "telegram",
            Self::Slack(_) => "slack",
            Self::Discord(_) => "discord",
            Self::Pushover(_) => "pushover",
            Self::Webhook(_) => "webhook",
            Self::Exec(_) => "exec",
        }
    }
}

/// A topic of an ntfy server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its URL (`https://ntfy.sh/TOPIC`).
    pub url: Value,
    /// What lets Ondol in where a topic is protected: an access token (`tk_…`).
    pub token: Option<Value>,
}

/// A URL that takes JSON by POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The URL.
    pub url: Value,
    /// Header fields besides; their values may be secrets.
    pub headers: Vec<(String, Value)>,
    /// What is sent instead of Ondol's own JSON: a text with `{title}`, `{text}`, `{severity}`, `{site}`, `{state}` and
    /// `{url}` in it, put in as JSON has them.
    pub template: Option<String>,
}

/// Something that may be a secret: written in the configuration, or kept elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// As it is in the configuration.
    Plain(String),
    /// Kept elsewhere.
    Secret(Secret),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Plain(…)"), // A topic that nobody can guess must not get into a log.
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_a_kind_are_told_apart() {
        let email = |address: &str| Channel::Email(address.to_owned());
        let person = Person {
            name: PersonName("me".to_owned()),
            language: Language::default(),
            role: Role::default(),
            runbook: None,
            channels: vec![
                email("a@example.com"),
                Channel::Telegram("1".to_owned()),
                email("b@example.com"),
                email("c@example.com"),
            ],
        };
        let names: Vec<_> = person.channel_names().map(|(name, _)| name).collect();
        assert_eq!(names, ["email", "telegram", "email-2", "email-3"]);
    }
}
