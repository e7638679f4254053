//! How a run of a cron line ended, in the words of the store, the API and the screen.

/// How a run of a cron line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CronOutcome {
    /// The command ended well.
    Done,
    /// It ended otherwise, or could not be started.
    Failed,
    /// It took too long and was ended.
    TimedOut,
    /// It was left out, because the run before still lasted or the app was stopped.
    Skipped,
    /// It was left out, because the box was off.
    Missed,
    /// The agent ended before it did.
    Interrupted,
}

impl CronOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Failed,
        Self::TimedOut,
        Self::Skipped,
        Self::Missed,
        Self::Interrupted,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The outcome of a word; `None` for a word of a later version.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_leads_back_to_its_outcome() {
        for outcome in CronOutcome::ALL {
            assert_eq!(CronOutcome::parse(outcome.word()), Some(outcome));
        }
        assert_eq!(CronOutcome::parse("well"), None);
    }
}
