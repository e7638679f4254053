//! What has become of a certificate that is being renewed, from what the agent shows of it. Pure.

use std::time::Duration;

use ondol_admin::api::Cert;
use ondol_admin::api::CertState;
use ondol_admin::api::Certs;
use ondol_admin::api::LastResult;
use ondol_admin::api::Time;

use crate::span;

/// A try that is so near, in seconds, is waited for: the next issuer is asked, or the same one again.
const NEAR: i64 = 15;
/// So long it may take until what was asked for is begun.
const BEGINNING: Duration = Duration::from_secs(5);
/// After this nobody watches any more; what is under way goes on.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// How a certificate was when a new one was asked for.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) name: String,
    last: Option<LastResult>,
    failures: u32,
    next_at: Option<Time>,
}

/// What has become of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It is being got; what is done now, in a few words.
    UnderWay(String),
    /// A new one is in use.
    Renewed(Box<Cert>),
    /// There is none, and why, as a sentence without a full stop.
    Failed(String),
}

impl Before {
    /// How the certificate is that is called so.
    pub(super) fn of(certs: &Certs, name: &str) -> Self {
        let certificate = find(certs, name);
        Self {
            name: name.to_owned(),
            last: certificate.and_then(|cert| cert.last.clone()),
            failures: certificate.map_or(0, |cert| cert.failures),
            next_at: certificate.and_then(|cert| cert.next_at),
        }
    }

    /// What has become of it so long after the question.
    pub(super) fn judge(&self, certs: &Certs, now: i64, waited: Duration) -> Verdict {
        let Some(certificate) = find(certs, &self.name) else {
            let gone = "it is not wanted from an issuer any more: the configuration has changed";
            return Verdict::Failed(gone.to_owned());
        };
        let is_tried = certificate.last != self.last || certificate.failures != self.failures;
        let last = certificate.last.as_ref().filter(|_| is_tried);
        if let Some(last) = last
            && last.good
            && !certificate.is_stand_in()
        {
            return Verdict::Renewed(Box::new(certificate.clone()));
        }
        if waited >= PATIENCE {
            let minutes = PATIENCE.as_secs() / 60;
            return Verdict::Failed(format!(
                "it is not there after {minutes} min; it is still tried for, and `ondol certs` shows how far it is"
            ));
        }
        let failed = last.filter(|last| !last.good);
        if is_over(certificate, failed, now, waited) {
            return Verdict::Failed(self.why_not(certificate, failed, now));
        }
        Verdict::UnderWay(step(certificate))
    }

    fn why_not(&self, certificate: &Cert, failed: Option<&LastResult>, now: i64) -> String {
        // A renewal that is as far off as before was not asked for at all.
        let is_put_off = match certificate.state {
            CertState::Waiting | CertState::Ordering => true,
            CertState::Held => certificate.next_at != self.next_at,
            CertState::Nobody => false,
        };
        let at = |at: Time| span::relative(at.unix_seconds(), now);
        match (failed, certificate.next_at, &certificate.problem) {
            (Some(failed), Some(next), _) if certificate.state == CertState::Waiting => {
                format!("{}; the next try is {}", failed.message, at(next))
            }
            (Some(failed), _, _) => failed.message.clone(),
            // What the owner asks for is begun at once, unless that would annoy the issuer.
            (None, Some(next), problem) if is_put_off => {
                let before = problem.as_deref().map_or(String::new(), |problem| {
                    format!("; before that: {}", problem.trim_end_matches('.'))
                });
                format!(
                    "it is asked for {}, not at once: the issuer wants to be left alone so long, or has given as many as it may{before}",
                    at(next)
                )
            }
            (None, _, Some(problem)) => problem.trim_end_matches('.').to_owned(),
            (None, _, None) => "it was not begun".to_owned(),
        }
    }
}

/// The certificate that is called so: the one of an issuer, else what stands in for it.
fn find<'c>(certs: &'c Certs, name: &str) -> Option<&'c Cert> {
    let is_it = |cert: &&Cert| cert.wanted.first().is_some_and(|first| first == name);
    let all = || certs.certificates.iter().filter(is_it);
    all()
        .find(|cert| !cert.is_stand_in())
        .or_else(|| all().next())
}

/// Whether nothing more is done for it soon.
fn is_over(certificate: &Cert, failed: Option<&LastResult>, now: i64, waited: Duration) -> bool {
    let is_far = certificate
        .next_at
        .is_none_or(|at| at.unix_seconds() - now > NEAR);
    match certificate.state {
        CertState::Ordering => false,
        CertState::Nobody => true,
        CertState::Waiting | CertState::Held => is_far && (failed.is_some() || waited >= BEGINNING),
    }
}

fn step(certificate: &Cert) -> String {
    match (&certificate.asked, &certificate.step) {
        (Some(issuer), Some(step)) => format!("{issuer}, {step}"),
        (None, Some(step)) => step.clone(),
        (Some(issuer), None) => issuer.clone(),
        (None, None) => "is about to begin".to_owned(),
    }
}

#[cfg(test)]
mod tests;
