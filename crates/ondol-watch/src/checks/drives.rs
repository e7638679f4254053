//! What drives say of their own health (SMART), by `smartctl` of smartmontools where the owner has it. Nobody is woken:
//! a drive that sleeps is left asleep.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::program;
use ondol_model::watch::Observation;

mod errors;
mod report;

use errors::Errors;
use report::Report;

const PROGRAM: &str = "smartctl";
/// A drive that has to think, or does not answer.
const LIMIT: Duration = Duration::from_secs(20);
/// A drive with a long history says some 60 KiB.
const REPORT_BYTES_MAX: usize = 512 * 1024;
/// Drives that are asked.
const DRIVES_MAX: usize = 32;

/// Asks drives, and remembers what each said last.
#[derive(Debug, Default)]
pub(super) struct DrivesWatch {
    last: BTreeMap<String, Observation>,
}

impl DrivesWatch {
    /// Looks once. Without the program, or the right to ask, nothing is said.
    pub(super) async fn look(&mut self, store: &ondol_store::Handle) -> Vec<Observation> {
        let arguments = ["--scan", "-j"].map(str::to_owned).to_vec();
        let Some(listed) = smartctl(arguments).await else {
            return Vec::new();
        };
        let mut seen = BTreeMap::new();
        for drive in report::drives(&listed).into_iter().take(DRIVES_MAX) {
            let mut arguments = ["-j", "-a", "-n", "standby,0"].map(str::to_owned).to_vec();
            arguments.extend(drive.arguments);
            let Some(text) = smartctl(arguments).await else {
                continue;
            };
            let observation = match Report::parse(&text) {
                Some(report) => {
                    let errors = remembered(store, &report).await;
                    Some(report.judge(&drive.name, errors, clock::unix_seconds()))
                }
                // It sleeps, or may not be asked.
                None => self.last.remove(&drive.name),
            };
            if let Some(observation) = observation {
                seen.insert(drive.name, observation);
            }
        }
        self.last.clone_from(&seen);
        seen.into_values().collect()
    }
}

/// What it writes; `None` when it isn't there. By its exit code it says much more than that, which is in the text too.
async fn smartctl(arguments: Vec<String>) -> Option<Vec<u8>> {
    let ran = program::run_for_output(PROGRAM, arguments, REPORT_BYTES_MAX, LIMIT).await;
    ran.ok().map(|(_, output)| output)
}

/// The errors of a drive, compared with those of before, which are kept by its serial number.
async fn remembered(store: &ondol_store::Handle, report: &Report) -> Errors {
    let fact = format!("drive {}", report.serial);
    let before = store.watch_fact(&fact).await.ok().flatten();
    let before = before.as_deref().and_then(Errors::parse);
    let errors = Errors::compared(before, report.errors, clock::unix_seconds());
    if before != Some(errors)
        && let Err(error) = store.set_watch_fact(&fact, &errors.to_string()).await
    {
        tracing::warn!(%error, "the errors of a drive could not be written down");
    }
    errors
}
