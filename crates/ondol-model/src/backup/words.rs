//! The words of backups, the same in the store, the API, on the screen and in the repository.

/// A part of a backup, which is a snapshot of its own: so the small and needed ones are there before the large ones,
/// and come back before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The configuration with its secrets, certificates, account keys, and Ondol's own database.
    Box,
    /// The databases.
    Databases,
    /// What apps are started from: folders, releases, repositories.
    Apps,
    /// Data of apps, files of sites, and what else is named.
    Files,
}

impl Part {
    /// In the order in which they are taken, and come back.
    pub const ALL: [Self; 4] = [Self::Box, Self::Databases, Self::Apps, Self::Files];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Databases => "databases",
            Self::Apps => "apps",
            Self::Files => "files",
        }
    }

    /// The part of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobKind {
    /// Takes a backup of everything.
    Full,
    /// Takes a backup of the databases.
    Databases,
    /// Removes what is not to be kept.
    Prune,
    /// Reads back a share of what is stored.
    Check,
    /// Takes what is damaged out of the index, so that the next backup saves it anew.
    Repair,
    /// Restores files and databases of the newest backup, and compares.
    Prove,
    /// Starts the apps on what was restored.
    Drill,
    /// Puts something back.
    Restore,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Full,
        Self::Databases,
        Self::Prune,
        Self::Check,
        Self::Repair,
        Self::Prove,
        Self::Drill,
        Self::Restore,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Databases => "databases",
            Self::Prune => "prune",
            Self::Check => "check",
            Self::Repair => "repair",
            Self::Prove => "prove",
            Self::Drill => "drill",
            Self::Restore => "restore",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it takes a backup.
    pub fn takes(self) -> bool {
        matches!(self, Self::Full | Self::Databases)
    }

    /// Whether it shows that backups can be restored, or that they can't.
    pub fn proves(self) -> bool {
        matches!(self, Self::Check | Self::Prove | Self::Drill)
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobOutcome {
    /// As it should.
    Good,
    /// A backup was taken, but something could not be read: it never counts as good.
    Partial,
    /// It failed; what was there before is as it was.
    Failed,
    /// The agent or the machine ended before it did.
    Interrupted,
    /// It was left out, for a reason that its message says.
    Skipped,
}

impl JobOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Good,
        Self::Partial,
        Self::Failed,
        Self::Interrupted,
        Self::Skipped,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
        }
    }

    /// The outcome of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}
