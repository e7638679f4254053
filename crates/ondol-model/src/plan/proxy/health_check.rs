//! How a server is asked whether it is well.

use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(5);
/// One answer too late is no reason to send everyone elsewhere.
const FAILS: u8 = 3;
const PASSES: u8 = 2;

/// A request that is sent to a server again and again, and what it should answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// The path, with a query if it has one; begins with `/`.
    pub path: String,
    /// The host that is asked for; `None` means the server's own address.
    pub host: Option<String>,
    /// From one to the next.
    pub interval: Duration,
    /// How long the answer may take to begin.
    pub timeout: Duration,
    /// The answers of a server that is well.
    pub statuses: Vec<Statuses>,
    /// So many bad answers in a row, and the server is down.
    pub fails: u8,
    /// So many good ones in a row, and it is up again.
    pub passes: u8,
}

/// Statuses that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statuses {
    /// `2xx` and its like: 1 to 5.
    Class(u8),
    /// One alone.
    One(u16),
}

impl HealthCheck {
    /// A check of this path, with defaults for the rest.
    pub fn of(path: String) -> Self {
        Self {
            path,
            host: None,
            interval: INTERVAL,
            timeout: TIMEOUT,
            statuses: vec![Statuses::Class(2)],
            fails: FAILS,
            passes: PASSES,
        }
    }

    /// Whether this is the answer of a server that is well.
    pub fn accepts(&self, status: u16) -> bool {
        self.statuses.iter().any(|statuses| statuses.cover(status))
    }
}

impl Statuses {
    /// Reads `2xx` or `204`; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok()?;
            return (2..=5).contains(&class).then_some(Self::Class(class));
        }
        let status = text.parse().ok()?;
        (200..=599).contains(&status).then_some(Self::One(status))
    }

    /// Whether a status is one of them.
    pub fn cover(self, status: u16) -> bool {
        match self {
            Self::Class(class) => status / 100 == u16::from(class),
            Self::One(one) => status == one,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_a_class_or_one_alone() {
        for (text, expected) in [
            ("2xx", Some(Statuses::Class(2))),
            ("204", Some(Statuses::One(204))),
            ("1xx", None),
            ("6xx", None),
            ("xx", None),
            ("99", None),
            ("2XX", None),
        ] {
            assert_eq!(Statuses::parse(text), expected, "{text}");
        }
        let mut check = HealthCheck::of("/".to_owned());
        check.statuses.push(Statuses::One(401));
        let accepted = [200, 204, 299, 401].map(|status| check.accepts(status));
        assert_eq!(accepted, [true; 4]);
        let refused = [301, 400, 403, 500].map(|status| check.accepts(status));
        assert_eq!(refused, [false; 4]);
    }
}
