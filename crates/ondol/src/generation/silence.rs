//! Notices that the data plane that serves says nothing any more. Pure: it is told who spoke and what time it is.

use std::time::Duration;

use tokio::time::Instant;

use crate::generation::roster::Number;

/// How often silence is looked for; a data plane says something every second.
const PERIOD: Duration = Duration::from_secs(2);
/// So many looks in a row without a word, and it stands still. Looks are counted instead of time: an agent
/// that stood still itself, with the whole machine, looks once afterwards.
const LOOKS: u32 = 5;
/// What it takes to be noticed.
pub(super) const STILL: Duration = Duration::from_secs(PERIOD.as_secs() * LOOKS as u64);

/// How long the data plane that serves has said nothing.
#[derive(Debug, Default)]
pub(super) struct Silence {
    listening: Option<Listening>,
}

#[derive(Debug)]
struct Listening {
    to: Number,
    looks: u32,
    look_at: Instant,
}

impl Silence {
    /// Listens to the one that serves from now on, if there is one.
    pub(super) fn listen(&mut self, serving: Option<Number>, now: Instant) {
        let current = self.listening.as_ref().map(|listening| listening.to);
        if current != serving {
            self.listening = serving.map(|to| Listening {
                to,
                looks: 0,
                look_at: now + PERIOD,
            });
        }
    }

    /// It said something.
    pub(super) fn heard(&mut self, number: Number) {
        if let Some(listening) = &mut self.listening
            && listening.to == number
        {
            listening.looks = 0;
        }
    }

    /// When [`Silence::look`] has something to do.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.listening.as_ref().map(|listening| listening.look_at)
    }

    /// Looks, if it is time; returns one that stands still.
    pub(super) fn look(&mut self, now: Instant) -> Option<Number> {
        let listening = self.listening.as_mut()?;
        if now < listening.look_at {
            return None;
        }
        listening.look_at = now + PERIOD;
        listening.looks += 1;
        let is_still = listening.looks >= LOOKS;
        if is_still {
            listening.looks = 0;
        }
        is_still.then_some(listening.to)
    }
}

#[cfg(test)]
mod tests;
