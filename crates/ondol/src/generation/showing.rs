//! Which answers for issuers a data plane shows, or by which endpoints of apps it acts, as far as its owner
//! knows. Pure.
//!
//! One that has not answered yet is told nothing more: what is posted meanwhile is one value when it has. So
//! neither many changes nor a data plane of an older version, which never answers, fill a link.

/// What one data plane was told, and what it shows.
#[derive(Debug, Default)]
pub(super) struct Showing {
    told: Option<u64>,
    shown: Option<u64>,
    started_with: Option<u64>,
}

impl Showing {
    /// Of one that is started with this value.
    pub(super) fn from_start(sequence: u64) -> Self {
        Self {
            told: Some(sequence),
            shown: None,
            started_with: Some(sequence),
        }
    }

    /// Whether it is to be told the newest value now.
    pub(super) fn is_due(&self, newest: u64) -> bool {
        let has_answered = self.told == self.shown;
        has_answered && self.shown != Some(newest)
    }

    pub(super) fn told(&mut self, sequence: u64) {
        self.told = Some(sequence);
    }

    /// It says that it shows a value. One that it was not told last is none of this agent's.
    pub(super) fn heard(&mut self, sequence: u64) {
        if self.told == Some(sequence) {
            self.shown = Some(sequence);
        }
    }

    /// What it shows; `None` while that is not known.
    pub(super) fn shown(&self) -> Option<u64> {
        self.shown
    }

    /// The value that is the earliest which it can show from its first visitor on; `None` while that is not known.
    pub(super) fn least(&self) -> Option<u64> {
        self.shown.or(self.started_with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_under_way_at_a_time() {
        let mut showing = Showing::from_start(3);
        assert_eq!((showing.shown(), showing.least()), (None, Some(3)));
        assert!(!showing.is_due(4), "it has not said that it is ready");
        showing.heard(3);
        assert!(showing.is_due(4) && !showing.is_due(3));
        showing.told(4);
        assert!(!showing.is_due(9));
        assert_eq!(showing.shown(), Some(3));
        showing.heard(4);
        assert!(showing.is_due(9));
        assert_eq!((showing.shown(), showing.least()), (Some(4), Some(4)));
    }

    #[test]
    fn what_an_adopted_one_shows_is_unknown_until_it_was_told() {
        let mut showing = Showing::default();
        showing.heard(57); // It was told by the image before.
        assert_eq!((showing.shown(), showing.least()), (None, None));
        assert!(showing.is_due(0), "even that there is nothing to show");
        showing.told(0);
        showing.heard(57);
        assert_eq!(showing.shown(), None);
        showing.heard(0);
        assert_eq!(showing.shown(), Some(0));
    }

    #[test]
    fn one_that_never_answers_is_told_once() {
        let mut showing = Showing::default();
        showing.told(1);
        assert!((2..99).all(|newest| !showing.is_due(newest)));
        assert_eq!(showing.shown(), None);
    }
}
