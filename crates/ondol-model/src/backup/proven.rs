//! What counts as proven: the newest backup that was restored and compared, as long as no proof has failed since.

use super::JobKind;
use super::JobOutcome;

/// A proof that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which kind: [`JobKind::Check`], [`JobKind::Prove`] or [`JobKind::Drill`].
    pub kind: JobKind,
    /// How it ended.
    pub outcome: JobOutcome,
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// The moment whose data it restored; `None` for a check, which restores nothing.
    pub as_of: Option<i64>,
    /// What it said.
    pub message: String,
}

/// What is proven of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// The moment whose data was shown to be restorable; `None` when none was, or a proof failed since.
    pub as_of: Option<i64>,
    /// What the failed proof said, as long as none of its kind has succeeded since.
    pub failed: Option<String>,
}

/// What is proven, from the proofs of a target in any order. One that was interrupted, or could not be done for a
/// reason of this machine (`skipped`), shows nothing.
pub fn proven(proofs: &[Proof]) -> Proven {
    let newest = |kind: JobKind| {
        let of_kind = proofs.iter().filter(|proof| {
            proof.kind == kind && matches!(proof.outcome, JobOutcome::Good | JobOutcome::Failed)
        });
        of_kind.max_by_key(|proof| proof.at)
    };
    let [restored, drilled, read] = [JobKind::Prove, JobKind::Drill, JobKind::Check].map(newest);
    // A drill restores and compares first: one that went well makes good what a restore before it has found.
    let is_made_good = |proof: &&Proof| {
        drilled.is_some_and(|drill| drill.outcome == JobOutcome::Good && drill.at > proof.at)
    };
    let restored = restored.filter(|proof| !is_made_good(proof));
    let mut failed = [restored, drilled, read]
        .into_iter()
        .flatten()
        .filter(|proof| proof.outcome == JobOutcome::Failed);
    if let Some(proof) = failed.next() {
        return Proven {
            as_of: None,
            failed: Some(proof.message.clone()),
        };
    }
    let good = proofs
        .iter()
        .filter(|proof| proof.outcome == JobOutcome::Good);
    Proven {
        as_of: good.filter_map(|proof| proof.as_of).max(),
        failed: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(kind: JobKind, outcome: JobOutcome, at: i64) -> Proof {
        Proof {
            kind,
            outcome,
            at,
            as_of: (kind != JobKind::Check).then_some(at - 10),
            message: format!("at {at}"),
        }
    }

    #[test]
    fn the_newest_restore_counts_until_a_proof_fails() {
        let mut proofs = vec![
            proof(JobKind::Prove, JobOutcome::Good, 100),
            proof(JobKind::Check, JobOutcome::Good, 200),
            proof(JobKind::Prove, JobOutcome::Good, 300),
        ];
        assert_eq!(proven(&proofs).as_of, Some(290));
        proofs.push(proof(JobKind::Drill, JobOutcome::Interrupted, 350));
        assert_eq!(proven(&proofs).as_of, Some(290));
        proofs.push(proof(JobKind::Check, JobOutcome::Failed, 400));
        let now = proven(&proofs);
        assert_eq!((now.as_of, now.failed.as_deref()), (None, Some("at 400")));
        // A restore that works does not make good what a check has found.
        proofs.push(proof(JobKind::Prove, JobOutcome::Good, 500));
        assert_eq!(proven(&proofs).as_of, None);
        proofs.push(proof(JobKind::Check, JobOutcome::Good, 600));
        assert_eq!(proven(&proofs).as_of, Some(490));
    }

    #[test]
    fn a_drill_makes_good_what_a_restore_has_found_but_not_the_other_way_round() {
        let mut proofs = vec![
            proof(JobKind::Prove, JobOutcome::Failed, 100),
            proof(JobKind::Drill, JobOutcome::Good, 200),
        ];
        assert_eq!(proven(&proofs).as_of, Some(190));
        proofs.push(proof(JobKind::Drill, JobOutcome::Failed, 300));
        proofs.push(proof(JobKind::Prove, JobOutcome::Good, 400));
        assert_eq!(proven(&proofs).failed.as_deref(), Some("at 300"));
    }

    #[test]
    fn without_a_restore_nothing_is_proven() {
        assert_eq!(proven(&[]), Proven::default());
        let check = proof(JobKind::Check, JobOutcome::Good, 100);
        assert_eq!(proven(&[check]), Proven::default());
    }
}
