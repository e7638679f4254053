//! The list of an issuer's URLs and what it offers (RFC 8555 §7.1.1).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::Response;
use http::Uri;
use ondol_base::clock;
use ondol_base::https::Https;
use ondol_base::https::HttpsError;
use ondol_model::Hostname;
use serde::Deserialize;
use serde::Deserializer;
use tokio::time::Instant;

use super::client::Seen;

/// What issuers offer changes rarely; their lists are small, but the box asks for many certificates.
const FRESH: Duration = Duration::from_secs(3600);

/// More names in CAA records than any issuer has.
const IDENTITIES_MAX: usize = 16;

/// An issuer's directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) url: Box<str>,
    /// As the issuer sent it.
    pub(super) text: Bytes,
    pub(super) listed: Listed,
    /// What the issuer's clock said more than this machine's when it was sent, in seconds.
    pub(super) clock_ahead: Option<i64>,
    fetched: Instant,
}

/// What is understood of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    pub(super) new_nonce: String,
    pub(super) new_account: String,
    new_order: String,
    pub(super) key_change: Option<String>,
    pub(super) renewal_info: Option<String>,
    #[serde(default)]
    pub(super) meta: Meta,
}

/// What the issuer says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    /// The kinds of certificates, with what they are.
    pub(super) profiles: BTreeMap<String, String>,
    pub(super) external_account_required: bool,
    /// What it is called in CAA records. Owners write it into their zones, so what is no name is left out.
    #[serde(deserialize_with = "names")]
    pub(super) caa_identities: Vec<String>,
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let mut names = Vec::<String>::deserialize(from)?;
    names.retain(|name| Hostname::parse(name).is_ok());
    names.truncate(IDENTITIES_MAX);
    Ok(names)
}

impl Listed {
    /// What of it is no URL that is as safe as the directory's own.
    fn without_url(&self, own: &str) -> Option<&'static str> {
        let Self {
            new_nonce,
            new_account,
            new_order,
            key_change,
            renewal_info,
            meta: _,
        } = self;
        let needed = [
            ("newNonce", Some(new_nonce)),
            ("newAccount", Some(new_account)),
            ("newOrder", Some(new_order)),
            ("keyChange", key_change.as_ref()),
            ("renewalInfo", renewal_info.as_ref()),
        ];
        let bad = |url: &str| {
            let uri = url.parse::<Uri>();
            !uri.is_ok_and(|uri| is_as_safe(&uri, own))
        };
        let mut bad = needed
            .into_iter()
            .filter(|(_, url)| url.is_some_and(|url| bad(url)));
        bad.next().map(|(which, _)| which)
    }
}

/// Whether a URL that an issuer names may be used by one whose directory is at this URL: without TLS only
/// where that has none either, on this machine itself.
pub(super) fn is_as_safe(uri: &Uri, directory: &str) -> bool {
    let is_safe = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => directory.starts_with("http://"),
        Some(_) | None => false,
    };
    is_safe && uri.host().is_some()
}

/// Why there is no directory.
#[derive(Debug)]
pub(super) enum NoDirectory {
    /// It was not answered.
    Unreachable(HttpsError),
    /// What was answered is none.
    NotOne(Seen),
    /// It has this, but not as a URL that can be asked.
    NoUrl(&'static str),
}

impl Directory {
    pub(super) async fn fetch(https: &Https, url: &str) -> Result<Self, NoDirectory> {
        let bad = |_| NoDirectory::Unreachable(HttpsError::Url(url.into()));
        let request = Request::get(url).body(Bytes::new()).map_err(bad)?;
        let answer = https.request(request).await;
        Self::of(url, &answer.map_err(NoDirectory::Unreachable)?)
    }

    fn of(url: &str, answer: &Response<Bytes>) -> Result<Self, NoDirectory> {
        let mut seen = Seen::default();
        seen.remember(answer);
        let listed = serde_json::from_slice::<Listed>(answer.body());
        match listed {
            Ok(listed) if answer.status().is_success() => {
                // The ACME library takes its word for that, and panics.
                if let Some(which) = listed.without_url(url) {
                    return Err(NoDirectory::NoUrl(which));
                }
                Ok(Self {
                    url: url.into(),
                    text: answer.body().clone(),
                    listed,
                    clock_ahead: seen.clock_ahead,
                    fetched: clock::now(),
                })
            }
            Ok(_) | Err(_) => Err(NoDirectory::NotOne(seen)),
        }
    }

    /// Whether it may be used without asking again.
    pub(super) fn is_fresh(&self) -> bool {
        self.fetched.elapsed() < FRESH
    }

    /// Whether the issuer offers certificates of this kind.
    pub(super) fn offers(&self, profile: &str) -> bool {
        self.listed.meta.profiles.contains_key(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_owners_write_into_their_zones_is_names() {
        let body = r#"{ "newNonce": "https://ca.example/n", "newAccount": "https://ca.example/a", "newOrder": "https://ca.example/o",
            "meta": { "caaIdentities": ["ca.example", "x\" IN A 1.2.3.4", "\u001b[2J", "ca.example; a=b", "", "other.example"] } }"#;
        let answer = Response::new(Bytes::from_static(body.as_bytes()));
        let directory = Directory::of("https://ca.example/dir", &answer).unwrap();
        let identities = directory.listed.meta.caa_identities;
        assert_eq!(identities, ["ca.example", "other.example"]);
    }
}
