//! When a server is left out, and when it is used again.
//!
//! Times are microseconds of a clock that never goes back; what is kept of them is in the data plane.

use std::collections::VecDeque;
use std::time::Duration;

use crate::plan::Failing;
use crate::plan::HealthCheck;

/// What a server's weight is counted in, so that a small part of it is still a number.
const FULL: u32 = 100;
/// Of one server the owner hears so often within the window: three times down and up again.
const NEWS_MAX: usize = 6;
const NEWS_WINDOW: Duration = Duration::from_secs(600);

/// What may be sent to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its share of the requests.
    In,
    /// One request, to see whether it is well again.
    Due,
    /// Nothing, while there are others.
    Out,
}

/// What a request would cost if the server that it tries fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// Nothing: it is sent to another.
    Harmless,
    /// It may fail, so it is the last choice for a trial.
    Costly,
}

/// How a server stands that is left out until a time; 0 means that it is not.
pub fn standing(out_until: u64, now: u64, trial: Trial, failing: &Failing) -> Standing {
    let more = match trial {
        Trial::Harmless => 0,
        // Where nobody sends anything else, it is tried with what there is.
        Trial::Costly => microseconds(failing.out),
    };
    match out_until {
        0 => Standing::In,
        until if until.saturating_add(more) <= now => Standing::Due,
        _ => Standing::Out,
    }
}

/// What a server counts that has been back for so long; `None` means that it never was away.
pub fn share(weight: u8, back_for: Option<u64>, slow_start: Duration) -> u32 {
    let full = u32::from(weight) * FULL;
    let slow_start = microseconds(slow_start);
    match back_for {
        Some(back_for) if back_for < slow_start => {
            let grown = u128::from(full) * u128::from(back_for) / u128::from(slow_start);
            u32::try_from(grown).unwrap_or(full).max(1)
        }
        Some(_) | None => full,
    }
}

/// The recent failures of a server.
#[derive(Debug, Default)]
pub struct Fails(VecDeque<u64>);

impl Fails {
    /// Notes one; true when they are as many as may be, and the server is to be left out.
    pub fn add(&mut self, now: u64, failing: &Failing) -> bool {
        if failing.max_fails == 0 {
            return false;
        }
        let since = now.saturating_sub(microseconds(failing.window));
        self.0.retain(|at| *at >= since);
        self.0.push_back(now);
        let is_enough = self.0.len() >= usize::from(failing.max_fails);
        if is_enough {
            self.0.clear();
        }
        is_enough
    }
}

/// What checks have said of a server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    health: Health,
    /// Results in a row that say the opposite.
    against: u8,
}

/// Whether a server is well.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers as it should. What was never checked is believed to.
    #[default]
    Up,
    /// It does not.
    Down,
}

impl Checked {
    /// What checks said before, if others are to go on where they ended.
    pub fn from(health: Health) -> Self {
        Self { health, against: 0 }
    }

    /// Whether it is well.
    pub fn health(self) -> Health {
        self.health
    }

    /// After another result.
    #[must_use]
    pub fn after(self, result: Health, check: &HealthCheck) -> Self {
        if result == self.health {
            return Self { against: 0, ..self };
        }
        let needed = match result {
            Health::Up => check.passes,
            Health::Down => check.fails,
        };
        let against = self.against.saturating_add(1);
        if against < needed {
            return Self { against, ..self };
        }
        Self {
            health: result,
            against: 0,
        }
    }
}

/// How long until a server is asked again: the interval and up to a tenth more or less, by a random
/// number, so that not all servers are asked at once.
pub fn pause(check: &HealthCheck, random: u64) -> Duration {
    let interval = microseconds(check.interval);
    let spread = interval / 5;
    Duration::from_micros(interval - spread / 2 + random % (spread + 1))
}

/// What the owner was told of a server's health.
#[derive(Debug, Default)]
pub struct News {
    told: Health,
    at: VecDeque<u64>,
}

impl News {
    /// Whether this is to be told now. A server that comes and goes all the time is told of so often
    /// and no more; how it is in the end is told when it may be again.
    pub fn is_due(&mut self, health: Health, now: u64) -> bool {
        if health == self.told {
            return false;
        }
        let window = microseconds(NEWS_WINDOW);
        self.at.retain(|at| now.saturating_sub(*at) < window);
        if self.at.len() >= NEWS_MAX {
            return false;
        }
        self.at.push_back(now);
        self.told = health;
        true
    }
}

/// A time as it is kept here.
pub fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
