//! How long to wait after a failure.

use super::FailureKind;
use super::Try;
use super::chance;
use crate::host::HostPattern;

const MINUTE: i64 = 60;
/// What every wait grows to in the end: a box that is wrong for good asks once a day, for ever.
const DAY: i64 = 24 * 3600;

/// So many waits, of so many minutes each. After the last of a list comes a day.
type Steps = &'static [(usize, i64)];

/// What Let's Encrypt advises.
const USUAL: Steps = &[(1, 1), (1, 10), (1, 100)];
/// An issuer is away for minutes, or for hours; after some days it may be gone.
const UNREACHABLE: Steps = &[(1, 1), (1, 5), (1, 15), (2, 60), (2, 180), (12, 360)];
/// Only a look at the own side, which costs the issuer nothing: soon after the owner has mended it, the
/// certificate is there. An hour for three days, and a quarter of a day for four more.
const OWN_SIDE: Steps = &[(6, 5), (3, 10), (3, 20), (4, 30), (72, 60), (16, 360)];
/// The issuer said no more than that it was too much.
const RATE_LIMITED: Steps = &[(1, 60), (1, 180), (1, 720)];
/// The agent was ended in the middle, by a power cut or in a loop of crashes, after it had asked for an order:
/// at once some times, since orders are taken up again where they were.
const INTERRUPTED: Steps = &[(3, 0), (17, 1), (6, 10), (3, 100)];
/// The same before it had asked, or while it went on with an earlier order: that costs the issuer little.
const GOING_ON: Steps = &[(20, 0), (17, 1), (6, 10), (3, 100)];

/// The wait after the failure of this number (from 1) of its kind, a quarter more or less by chance.
pub(super) fn wait(kind: FailureKind, number: usize, name: &HostPattern, tried: &Try) -> i64 {
    let steps = match kind {
        FailureKind::Unreachable => UNREACHABLE,
        FailureKind::NotReady => OWN_SIDE,
        FailureKind::Machine if !tried.ordered => OWN_SIDE,
        FailureKind::RateLimited => RATE_LIMITED,
        FailureKind::Interrupted if tried.ordered => INTERRUPTED,
        FailureKind::Interrupted => GOING_ON,
        FailureKind::Unverified
        | FailureKind::Rejected
        | FailureKind::Account
        | FailureKind::Dns
        | FailureKind::WrongCertificate
        | FailureKind::Machine => USUAL,
    };
    jittered(step(steps, number), name, tried.at)
}

/// The wait after a certificate of which nothing is left, by how many of them there were.
pub(super) fn wait_after_loss(number: usize, name: &HostPattern, tried: &Try) -> i64 {
    jittered(step(USUAL, number), name, tried.at)
}

fn step(steps: Steps, number: usize) -> i64 {
    let mut before = number.saturating_sub(1);
    for (times, minutes) in steps {
        if before < *times {
            return minutes * MINUTE;
        }
        before -= times;
    }
    DAY
}

/// A wait, a quarter more or less by a chance that depends on the name and the try.
pub(super) fn jittered(wait: i64, name: &HostPattern, at: i64) -> i64 {
    wait - wait / 4 + chance::part_of(wait / 2, chance::number(name, at))
}
