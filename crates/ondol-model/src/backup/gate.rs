//! Whether anything may be removed from a repository. What was never shown to work is no reason to remove what might.

/// What is known of a repository before something is removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateFacts {
    /// Whether what is there can't be removed with the box's credential.
    pub is_append_only: bool,
    /// Whether a proof failed, and none of its kind has succeeded since.
    pub has_failed_proof: bool,
    /// Whether a check was ever done, and the last one found nothing wrong.
    pub is_checked: bool,
    /// Whether the newest backup has shrunk so much that something may be missing.
    pub has_shrunk: bool,
}

/// Whether anything may be removed; if not, why, as a sentence without a full stop.
pub fn may_prune(facts: GateFacts) -> Result<(), &'static str> {
    match facts {
        GateFacts {
            is_append_only: true,
            ..
        } => Err(
            "the target is append-only: old backups are removed with another credential alone (`ondol backup prune --with FILE`)",
        ),
        GateFacts {
            has_failed_proof: true,
            ..
        } => Err("a proof has failed: nothing is removed until another has succeeded"),
        GateFacts {
            has_shrunk: true, ..
        } => Err(
            "the newest backup is less than half of the one before: nothing is removed while that is so",
        ),
        GateFacts {
            is_checked: false, ..
        } => Err("nothing of it was read back yet: nothing is removed before"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_keeps_everything() {
        let sure = GateFacts {
            is_append_only: false,
            has_failed_proof: false,
            is_checked: true,
            has_shrunk: false,
        };
        assert_eq!(may_prune(sure), Ok(()));
        let doubts = [
            GateFacts {
                is_append_only: true,
                ..sure
            },
            GateFacts {
                has_failed_proof: true,
                ..sure
            },
            GateFacts {
                is_checked: false,
                ..sure
            },
            GateFacts {
                has_shrunk: true,
                ..sure
            },
        ];
        for doubt in doubts {
            assert!(may_prune(doubt).is_err(), "{doubt:?}");
        }
    }
}
