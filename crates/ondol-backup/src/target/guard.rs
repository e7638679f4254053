//! What stands between a job and its target: patience, a pace, a meter.

use std::sync::Arc;
use std::time::Duration;

use super::Target;
use super::limit::Limited;
use super::limit::Pace;
use super::limit::Pacing;
use super::meter::Metered;
use super::retry::Patient;
use super::time::Machine;
use super::time::Time;
use crate::access::BandwidthLimit;
use crate::reporter::Reporter;

/// The target with all that: waits of at most `patience` for one that does not answer, and no faster than the
/// limits, by the time of day in that zone. What is tried again keeps to the pace too.
pub(crate) fn guarded(
    target: Arc<dyn Target>,
    limits: &[BandwidthLimit],
    timezone: Option<&str>,
    patience: Duration,
    reporter: &Reporter,
) -> Arc<dyn Target> {
    let time: Arc<dyn Time> = Arc::new(Machine);
    let paced = paced(target, limits, timezone, &time);
    Arc::new(Patient::new(paced, patience, reporter.clone(), time))
}

fn paced(
    target: Arc<dyn Target>,
    limits: &[BandwidthLimit],
    timezone: Option<&str>,
    time: &Arc<dyn Time>,
) -> Arc<dyn Target> {
    let pace = Pace::new(limits, timezone, Arc::clone(time));
    let pace = (!limits.is_empty()).then(|| Arc::new(pace));
    let pacing = pace.as_ref().map(|pace| target.pace(pace));
    let target = Arc::new(Metered::new(target));
    match (pace, pacing) {
        (Some(pace), Some(Pacing::ByObject)) => Arc::new(Limited { target, pace }),
        (_, None | Some(Pacing::ByPiece | Pacing::Needless | Pacing::ByObject)) => target,
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::super::local;
    use super::super::meter::Traffic;
    use super::*;

    #[test]
    fn a_guarded_target_does_what_every_target_does_and_its_traffic_is_counted() {
        let scratch = tempfile::tempdir().unwrap();
        let target = local::open(&scratch.path().join("ondol"), None).unwrap();
        let limits = [BandwidthLimit {
            from: 0,
            to: 0,
            rate: Some(1),
        }];
        let patience = Duration::from_secs(1);
        let guarded = guarded(target, &limits, None, patience, &Reporter::silent());
        assert_eq!(guarded.traffic(), Traffic::default());
        // A folder of this machine uses no line: the limit does not slow it.
        conformance::check(&*guarded, conformance::Unable::default());
        let traffic = guarded.traffic();
        assert!(traffic.sent > 30_000_000 && traffic.received > 30_000_000);
        assert!(traffic.calls > 1_400, "{traffic:?}");
    }
}
