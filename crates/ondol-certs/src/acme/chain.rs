//! What an issuer sends is looked at before anybody believes it: whose key it has, which names, when.

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::certificate::Validity;
use ondol_model::issuing::FailureKind;
use ondol_model::limits::CERTIFICATE_BYTES_MAX;

use super::begin::clocks;
use crate::failure::Failure;
use crate::files;
use crate::files::ChainOrder;

/// A clock that is wrong by less than this is not worth a word.
const CLOCK_TOLERANCE: i64 = 300;

/// An issuer and its clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'i> {
    /// What the owner calls the issuer.
    pub(super) issuer: &'i str,
    /// What its clock says more than this machine's, in seconds.
    pub(super) clock_ahead: Option<i64>,
}

impl Sender<'_> {
    /// Whether a chain is what was ordered: for this key, these names, and now.
    pub(super) fn check(
        self,
        chain_pem: &str,
        key_pem: &str,
        names: &[HostPattern],
    ) -> Result<(), Failure> {
        let wrong = |why: String| {
            let sentence = format!(
                "{} sent a certificate that {why}; it was not kept",
                self.issuer
            );
            Failure::new(FailureKind::WrongCertificate, sentence)
        };
        if chain_pem.len() as u64 > CERTIFICATE_BYTES_MAX {
            // It could be kept, but not be read again.
            return Err(wrong(format!(
                "is larger than {CERTIFICATE_BYTES_MAX} bytes"
            )));
        }
        let pair = files::parse(chain_pem, key_pem)
            .map_err(|error| wrong(format!("cannot be used ({})", Chain(&error))))?;
        if let Some(name) = names.iter().find(|name| !pair.facts.covers(name)) {
            return Err(wrong(format!("does not cover {name}")));
        }
        if pair.order == ChainOrder::Broken {
            return Err(wrong(
                "does not lead to its issuer, certificate by certificate".to_owned(),
            ));
        }
        match self.time_trouble(pair.facts.validity, clock::unix_seconds()) {
            Some(why) => Err(wrong(why)),
            None => Ok(()),
        }
    }

    fn time_trouble(self, validity: Validity, now: i64) -> Option<String> {
        let (verb, moment) = if validity.is_expired(now) {
            ("ended on", validity.not_after)
        } else if validity.not_before > now + CLOCK_TOLERANCE {
            ("begins on", validity.not_before)
        } else {
            return None;
        };
        let moment = clock::rfc3339(moment);
        let ahead = self.clock_ahead.unwrap_or(0);
        Some(if ahead.abs() > CLOCK_TOLERANCE {
            format!("{verb} {moment}: {}", clocks(self.issuer, now, ahead))
        } else {
            format!("{verb} {moment}")
        })
    }
}

#[cfg(test)]
mod tests;
