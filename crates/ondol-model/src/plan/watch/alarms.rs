//! How people are told: `[alarms]`.

use std::time::Duration;

use crate::plan::Often;
use crate::plan::PersonName;
use crate::plan::Secret;
use crate::plan::Value;

/// How people are told of what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarms {
    /// The server that takes mail; needed by people with `email`.
    pub smtp: Option<Smtp>,
    /// The token of a bot of Telegram; needed by people with `telegram`.
    pub telegram: Option<Value>,
    /// The token of an application of Pushover; needed by people with `pushover`.
    pub pushover: Option<Value>,
    /// Who is told when, of what is critical, until somebody answers; in the order of time. Empty: everybody at once.
    pub escalate: Vec<Escalation>,
    /// When what is not critical is held back.
    pub quiet: Option<Quiet>,
    /// How many messages a person gets in a day that are not critical; the others wait for a digest.
    pub budget: u32,
    /// How long after the first message somebody is reminded of what is still wrong; after the last of them, daily.
    pub reminders: Vec<Duration>,
    /// How often everybody gets a message that wants an answer.
    pub drill: Often,
    /// URLs outside of the house that are told every minute that the box lives (the protocol of Healthchecks).
    pub heartbeat: Vec<Value>,
    /// How often.
    pub heartbeat_interval: Duration,
}

impl Default for Alarms {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            smtp: None,
            telegram: None,
            pushover: None,
            escalate: Vec::new(),
            quiet: None,
            budget: 6,
            reminders: [HOUR, 4 * HOUR, 12 * HOUR]
                .map(Duration::from_secs)
                .to_vec(),
            drill: Often::Monthly,
            heartbeat: Vec::new(),
            heartbeat_interval: Duration::from_secs(60),
        }
    }
}

/// A server that takes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is kept from others' eyes.
    pub security: SmtpSecurity,
    /// The user, where it wants one.
    pub user: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
    /// Who the mail is from.
    pub from: String,
}

/// How a connection for mail is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS before anything else is said (port 587); never without.
    StartTls,
    /// None: for a server on this machine or in the local network.
    None,
}

/// A step of an escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// So long after the first message, unless somebody has answered.
    pub after: Duration,
    /// Who is told.
    pub to: To,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// One person.
    Person(PersonName),
    /// Everybody.
    Everybody,
}

/// A part of the day, in the box's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// Its first minute of the day.
    pub from: u16,
    /// The minute of the day when it is over; at or before `from` it is over on the next day.
    pub to: u16,
}

impl Quiet {
    /// Whether a minute of the day is in it.
    pub fn covers(self, minute: u16) -> bool {
        match self.from < self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_goes_over_midnight() {
        let night = Quiet {
            from: 1_410,
            to: 420,
        };
        let siesta = Quiet { from: 780, to: 840 };
        for (quiet, minute, expected) in [
            (night, 1_409, false),
            (night, 1_410, true),
            (night, 0, true),
            (night, 419, true),
            (night, 420, false),
            (siesta, 779, false),
            (siesta, 780, true),
            (siesta, 839, true),
            (siesta, 840, false),
        ] {
            assert_eq!(quiet.covers(minute), expected, "{quiet:?} {minute}");
        }
    }
}
