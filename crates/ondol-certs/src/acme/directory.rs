//! The list of an issuer's URLs and what it offers (RFC 8555 §7.1.1).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::Response;
use ondol_base::clock;
use serde::Deserialize;
use tokio::time::Instant;

use super::client::Seen;
use crate::https::Https;
use crate::https::HttpsError;

/// What issuers offer changes rarely; their lists are small, but the box asks for many certificates.
const FRESH: Duration = Duration::from_secs(3600);

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
    #[expect(dead_code, reason = "without it a list is no directory")]
    pub(super) new_order: String,
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
    /// What it is called in CAA records.
    pub(super) caa_identities: Vec<String>,
}

/// Why there is no directory.
#[derive(Debug)]
pub(super) enum NoDirectory {
    /// It was not answered.
    Unreachable(HttpsError),
    /// What was answered is none.
    NotOne(Seen),
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
            Ok(listed) if answer.status().is_success() => Ok(Self {
                url: url.into(),
                text: answer.body().clone(),
                listed,
                clock_ahead: seen.clock_ahead,
                fetched: clock::now(),
            }),
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
