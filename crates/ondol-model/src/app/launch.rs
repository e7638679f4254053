//! Why a launch is begun and how it ends, in the words of the store, the API and the screen.

/// Why a launch is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaunchKind {
    /// The box came up, the app is new, it was stopped, or it woke.
    Start,
    /// Another release was made for it.
    Deploy,
    /// An earlier release takes the place of the present one.
    Rollback,
    /// Its owner asked for the same release anew.
    Restart,
    /// Its settings in the configuration are others.
    Settings,
}

/// How a launch ended: whether visitors got it for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaunchOutcome {
    /// It took the place of the one before, and stood the watch.
    Done,
    /// It never got to visitors, or there was none to go back to.
    Failed,
    /// Visitors had it, and got the one before back.
    RolledBack,
    /// The agent ended before it was over, or the app was stopped before it began: it has not happened.
    Interrupted,
}

impl LaunchKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Start,
        Self::Deploy,
        Self::Rollback,
        Self::Restart,
        Self::Settings,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Restart => "restart",
            Self::Settings => "settings",
        }
    }

    /// The kind of a word; `None` for a word of a later version.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl LaunchOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [
        Self::Done,
        Self::Failed,
        Self::RolledBack,
        Self::Interrupted,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
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
    fn each_word_leads_back_to_what_it_is_of() {
        for kind in LaunchKind::ALL {
            assert_eq!(LaunchKind::parse(kind.word()), Some(kind));
        }
        for outcome in LaunchOutcome::ALL {
            assert_eq!(LaunchOutcome::parse(outcome.word()), Some(outcome));
        }
        assert_eq!(LaunchKind::parse("done"), None);
        assert_eq!(LaunchOutcome::parse("start"), None);
    }
}
