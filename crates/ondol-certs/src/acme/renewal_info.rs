//! When an issuer suggests to renew a certificate (RFC 9773).

use bytes::Bytes;
use http::Request;
use http::StatusCode;
use instant_acme::CertificateIdentifier;
use ondol_base::clock;
use ondol_model::issuing::FailureKind;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Session;
use super::explain;
use crate::failure::Failure;

/// When an issuer does not say when to ask again (RFC 9773 §4.3.2 wants that it does).
const ASK_AGAIN: i64 = 6 * 3600;
/// What it says is kept within these: a minute that is forgotten does no harm, and a week too much.
const ASK_AGAIN_MIN: i64 = 60;
const ASK_AGAIN_MAX: i64 = 24 * 3600;
/// The longest page that is passed on.
const PAGE_MAX: usize = 1000;

/// When an issuer suggests to renew. Times are seconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RenewalInfo {
    /// The window's beginning.
    pub(crate) start: i64,
    /// The window's end.
    pub(crate) end: i64,
    /// Where the issuer explains the window.
    pub(crate) explanation: Option<String>,
    /// When to ask again.
    pub(crate) retry_at: i64,
}

impl Session {
    /// Asks about a certificate. `None` when the issuer suggests nothing, or does not know it.
    pub(crate) async fn renewal_info(
        &self,
        chain_pem: &str,
    ) -> Result<Option<RenewalInfo>, Failure> {
        let client = self.client().await?;
        let Some(url) = &client.directory().listed.renewal_info else {
            return Ok(None);
        };
        let Some(identifier) = identifier(chain_pem) else {
            return Ok(None);
        };
        let url = format!("{}/{identifier}", url.trim_end_matches('/'));
        let request = Request::get(url).body(Bytes::new());
        let request = request.map_err(|error| self.failure(&client, &error.into()))?;
        let answer = client.send(request).await;
        let answer = answer.map_err(|error| explain::unreachable(&self.inner.called, &error))?;
        if [StatusCode::NOT_FOUND, StatusCode::GONE].contains(&answer.status()) {
            return Ok(None);
        }
        let info = serde_json::from_slice::<instant_acme::RenewalInfo>(answer.body());
        match info {
            Ok(info) if answer.status().is_success() => {
                let info = RenewalInfo::of(info, client.retry_at(), clock::unix_seconds());
                info.map(Some).ok_or_else(|| self.no_window())
            }
            Ok(_) | Err(_) => {
                match serde_json::from_slice::<instant_acme::Problem>(answer.body()) {
                    Ok(problem) if !answer.status().is_success() => {
                        Err(self.failure(&client, &problem.into()))
                    }
                    Ok(_) | Err(_) => Err(explain::not_acme(&self.inner.called, &client.seen())),
                }
            }
        }
    }

    fn no_window(&self) -> Failure {
        let sentence = format!(
            "{} suggests to renew in a time that ends before it begins",
            self.inner.called
        );
        Failure::new(FailureKind::Unreachable, sentence)
    }
}

impl RenewalInfo {
    fn of(info: instant_acme::RenewalInfo, retry_at: Option<i64>, now: i64) -> Option<Self> {
        let window = info.suggested_window;
        let (start, end) = (window.start.unix_timestamp(), window.end.unix_timestamp());
        let wait = retry_at.map_or(ASK_AGAIN, |at| {
            (at - now).clamp(ASK_AGAIN_MIN, ASK_AGAIN_MAX)
        });
        let explanation = info.explanation_url;
        (start <= end).then(|| Self {
            start,
            end,
            explanation: explanation.map(|url| explain::printable(&url, PAGE_MAX)),
            retry_at: now + wait,
        })
    }
}

/// What the issuer calls a certificate (RFC 9773 §4.1).
fn identifier(chain_pem: &str) -> Option<String> {
    let der = CertificateDer::from_pem_slice(chain_pem.as_bytes()).ok()?;
    let identifier = CertificateIdentifier::try_from(&der).ok()?;
    Some(identifier.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(json: &str) -> instant_acme::RenewalInfo {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_window_is_asked_for_again_when_the_issuer_says_or_in_six_hours() {
        let text = r#"{ "suggestedWindow": { "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z" },
            "explanationURL": "https://ca.example/\nwhy" }"#;
        let now = 1_772_337_906;
        let of = |retry_at| RenewalInfo::of(info(text), retry_at, now).unwrap();
        let RenewalInfo {
            start,
            end,
            explanation,
            retry_at,
        } = of(None);
        assert_eq!((start, end), (1_772_323_200, 1_772_409_600));
        assert_eq!(explanation.as_deref(), Some("https://ca.example/ why"));
        assert_eq!(retry_at, now + 6 * 3600);
        for (said, kept) in [(0, 60), (7200, 7200), (1_000_000, 24 * 3600)] {
            assert_eq!(of(Some(now + said)).retry_at, now + kept, "{said}");
        }
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_none() {
        let text = r#"{ "suggestedWindow": { "start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z" } }"#;
        assert_eq!(RenewalInfo::of(info(text), None, 0), None);
    }
}
