//! What there is to say about a launch, from what the agent tells of it. Pure.

use ondol_admin::api::Following;
use ondol_admin::api::FollowingEnd;

use super::plain::plain;
use crate::span;

/// When nobody watches any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Visitors get the launch.
    Live,
    /// It is over, for good or ill.
    Over,
}

/// How far a launch that is followed has been told.
#[derive(Debug)]
pub(super) struct Course {
    until: Until,
    step: String,
    /// The number of the next line.
    pub(super) next: u64,
    /// For the next question.
    pub(super) seen: Option<u64>,
}

/// Something to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It is at another step.
    Step(String),
    /// Something that a command wrote, or Ondol says.
    Line(String),
}

/// What has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    UnderWay,
    /// Visitors get it, and more is not waited for.
    Live,
    /// It is over: whether it is good, and a sentence, which may have lines of a log below it.
    Over(bool, String),
}

impl Course {
    pub(super) fn new(until: Until) -> Self {
        Self {
            until,
            step: String::new(),
            next: 0,
            seen: None,
        }
    }

    /// Of one that others have followed: what was is not told again.
    pub(super) fn from_now_on(until: Until) -> Self {
        Self {
            next: u64::MAX,
            ..Self::new(until)
        }
    }

    /// Takes an answer: what is to be printed of it, and what has become of the launch.
    pub(super) fn take(&mut self, following: Following) -> (Vec<Told>, Verdict) {
        let mut told = Vec::new();
        for line in following.lines {
            self.step(&line.step, &mut told);
            told.push(Told::Line(plain(&line.text)));
        }
        // That it waits is worth a word when it does so for a while.
        let only_begins = following.step == "waiting" && self.seen.is_none();
        if following.outcome.is_none() && !only_begins {
            self.step(&following.step, &mut told);
        }
        self.next = following.next;
        self.seen = Some(following.seen);
        let verdict = match following.outcome {
            Some(FollowingEnd { good, message }) => Verdict::Over(good, message),
            None if following.live && self.until == Until::Live => Verdict::Live,
            None => Verdict::UnderWay,
        };
        (told, verdict)
    }

    fn step(&mut self, step: &str, told: &mut Vec<Told>) {
        if self.step != step && step != "done" {
            step.clone_into(&mut self.step);
            told.push(Told::Step(step.to_owned()));
        }
    }

    /// What is done now, for the line that goes away.
    pub(super) fn now(&self, seconds: u64) -> String {
        let time = span::span(seconds);
        if self.step.is_empty() {
            format!("{time}  beginning")
        } else {
            format!("{time}  {}", self.step)
        }
    }
}

#[cfg(test)]
mod tests;
