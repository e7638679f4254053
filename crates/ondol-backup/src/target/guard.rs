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
    let pace = Arc::new(Pace::new(limits, timezone, Arc::clone(time)));
    let pacing = target.pace(&pace);
    match pacing {
        Pacing::Needless => target,
        Pacing::ByPiece => Arc::new(Metered::new(target)),
        Pacing::ByObject => Arc::new(Limited {
            target: Arc::new(Metered::new(target)),
            pace,
        }),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Folder;
    use super::super::Object;
    use super::super::TargetError;
    use super::super::conformance;
    use super::super::local;
    use super::super::meter::Traffic;
    use super::super::time::played::Played;
    use super::*;

    /// A folder that claims to be reached by a line.
    #[derive(Debug)]
    struct Far(Arc<dyn Target>);

    impl Target for Far {
        fn place(&self) -> String {
            self.0.place()
        }

        fn create(&self) -> Result<(), TargetError> {
            self.0.create()
        }

        fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
            self.0.list(folder)
        }

        fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
            self.0.read(object)
        }

        fn read_range(&self, object: &Object, at: u64, length: u64) -> Result<Bytes, TargetError> {
            self.0.read_range(object, at, length)
        }

        fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
            self.0.write(object, content)
        }

        fn remove(&self, object: &Object) -> Result<(), TargetError> {
            self.0.remove(object)
        }
    }

    const SLOW: [BandwidthLimit; 1] = [BandwidthLimit {
        from: 0,
        to: 0,
        rate: Some(1_000_000),
    }];

    fn folder(scratch: &tempfile::TempDir) -> Arc<dyn Target> {
        local::open(&scratch.path().join("ondol"), None).unwrap()
    }

    #[test]
    fn a_guarded_target_does_what_every_target_does() {
        let scratch = tempfile::tempdir().unwrap();
        let far = Arc::new(Far(folder(&scratch)));
        let patience = Duration::from_secs(1);
        let guarded = guarded(far, &[], None, patience, &Reporter::silent());
        conformance::check(&*guarded, conformance::Unable::default());
    }

    #[test]
    fn what_goes_by_a_line_keeps_to_the_pace_and_is_counted() {
        let scratch = tempfile::tempdir().unwrap();
        let played = Arc::new(Played::at(0));
        let time: Arc<dyn Time> = Arc::clone(&played) as _;
        let target = paced(Arc::new(Far(folder(&scratch))), &SLOW, None, &time);
        target.create().unwrap();
        assert_eq!(
            target.traffic().sentence().unwrap(),
            "Sent 0 B and received 0 B in 1 call."
        );
        let content = [Bytes::from(vec![7; 5_000_000])];
        for _ in 0..2 {
            target.write(&Object::Config, &content).unwrap();
        }
        assert_eq!(target.read(&Object::Config).unwrap().len(), 5_000_000);
        target.read_range(&Object::Config, 0, 500_000).unwrap();
        target.remove(&Object::Config).unwrap();
        target.read(&Object::Config).unwrap_err();
        // The second write waited for the first, and the part for the whole; what is missing is not waited for.
        let took = played.elapsed().as_secs_f64();
        assert!((10.0..10.6).contains(&took), "{took} s");
        assert_eq!(
            target.traffic(),
            Traffic {
                sent: 10_000_000,
                received: 5_500_000,
                calls: 7
            }
        );
    }

    #[test]
    fn a_folder_of_this_machine_uses_no_line() {
        let scratch = tempfile::tempdir().unwrap();
        let played = Arc::new(Played::at(0));
        let time: Arc<dyn Time> = Arc::clone(&played) as _;
        let target = paced(folder(&scratch), &SLOW, None, &time);
        target.create().unwrap();
        for _ in 0..3 {
            target
                .write(&Object::Config, &[Bytes::from(vec![7; 5_000_000])])
                .unwrap();
        }
        assert_eq!(played.elapsed(), Duration::ZERO);
        assert_eq!(target.traffic().sentence(), None);
    }
}
