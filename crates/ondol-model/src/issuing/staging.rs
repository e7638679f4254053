//! Whether the next try goes to staging. A box that can't be reached fails there until it can, and keeps its
//! few failures at production for when they count.

use super::Environment;
use super::Try;
use super::fault::Told;
use super::fault::failure;
use super::fault::told;

/// After so many failures in a row on staging production is tried all the same: staging itself may be what
/// is broken.
const FAILURES_MAX: usize = 3;

/// The directory for the next try of an issuer that has staging, by its tries since the last certificate,
/// oldest first: staging after a failure that would be the same there, until it passes there.
pub(super) fn environment<'t>(tries: impl DoubleEndedIterator<Item = &'t Try>) -> Environment {
    let mut failed_on_staging = 0;
    for one in tries.rev() {
        let Some(kind) = failure(one) else {
            return Environment::Production;
        };
        match (one.environment, told(kind)) {
            (Environment::Production, Told::Alike) => return Environment::Staging,
            (Environment::Staging, Told::Alike) => failed_on_staging += 1,
            (Environment::Staging, Told::Away) => return Environment::Production,
            (Environment::Production, Told::Away) | (_, Told::Nothing) => {}
        }
        if failed_on_staging == FAILURES_MAX {
            return Environment::Production;
        }
    }
    match failed_on_staging {
        0 => Environment::Production,
        _ => Environment::Staging,
    }
}
