//! Gandi LiveDNS: all texts of a name are one set, which is replaced whole.

use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use ondol_model::plan::Secret;
use serde::Deserialize;
use serde::Serialize;

use super::Change;
use super::Record;
use super::api;
use super::api::Api;
use super::api::Reply;
use super::api::encoded;
use super::changed;
use super::credential;
use super::failed;
use crate::failure::Failure;

/// Where it is asked.
pub(super) const BASE: &str = "https://api.gandi.net/v5/livedns";
/// The shortest that it takes, in seconds.
const TTL_MIN: u32 = 300;

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Gandi {
    api: Api,
    token: Secret,
}

#[derive(Serialize, Deserialize)]
struct Texts {
    rrset_ttl: u32,
    rrset_values: Vec<String>,
}

impl Gandi {
    pub(crate) fn new(base: &str, token: &Secret) -> Self {
        Self {
            api: Api::new("Gandi", base),
            token: token.clone(),
        }
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let token = self.token().await?;
        let domain = self.domain(&token, record).await?;
        let name = match record.below(domain) {
            "" => "@".to_owned(),
            below => encoded(below),
        };
        let path = format!("/domains/{}/records/{name}/TXT", encoded(domain));
        let reply = self
            .api
            .ask(self.request(Method::GET, &path, &token))
            .await?;
        let before = match reply.status {
            StatusCode::NOT_FOUND => Texts {
                rrset_ttl: TTL_MIN,
                rrset_values: Vec::new(),
            },
            status if status.is_success() => {
                reply.json().ok_or_else(|| self.api.unexpected(&reply))?
            }
            _ => return Err(self.refused(&reply, domain)),
        };
        let Some(rrset_values) = changed(change, &before.rrset_values, record.text) else {
            return Ok(());
        };
        let reply = if rrset_values.is_empty() {
            self.api
                .ask(self.request(Method::DELETE, &path, &token))
                .await?
        } else {
            let texts = Texts {
                rrset_values,
                ..before
            };
            self.api
                .tell(self.request(Method::PUT, &path, &token), &texts)
                .await?
        };
        if reply.status.is_success() {
            return Ok(());
        }
        Err(self.refused(&reply, domain))
    }

    async fn domain<'r>(
        &self,
        token: &HeaderValue,
        record: Record<'r>,
    ) -> Result<&'r str, Failure> {
        let mut denied = None;
        for domain in record.zones() {
            let path = format!("/domains/{}", encoded(domain));
            let reply = self
                .api
                .ask(self.request(Method::GET, &path, token))
                .await?;
            match reply.status {
                status if status.is_success() => return Ok(domain),
                // It says so too of domains that are not there.
                StatusCode::FORBIDDEN => denied = denied.or(Some(reply)),
                StatusCode::NOT_FOUND => {}
                _ => return Err(self.refused(&reply, domain)),
            }
        }
        Err(match denied {
            Some(reply) => self.refused(&reply, record.name),
            None => failed(format!(
                "Gandi has no LiveDNS domain for {} that the token in {} may see: give the token `Manage domain name technical configurations` for it",
                record.name,
                credential::place(&self.token)
            )),
        })
    }

    fn request(&self, method: Method, path: &str, token: &HeaderValue) -> http::request::Builder {
        self.api
            .request(method, path)
            .header(header::AUTHORIZATION, token)
    }

    async fn token(&self) -> Result<HeaderValue, Failure> {
        let what = "the token for Gandi";
        let token = credential::read(&self.token, what).await?;
        api::authorization("Bearer", &token, what)
    }

    fn refused(&self, reply: &Reply, zone: &str) -> Failure {
        let said = self.api.quoted(&String::from_utf8_lossy(&reply.body));
        let place = credential::place(&self.token);
        failed(match reply.status {
            StatusCode::UNAUTHORIZED => format!(
                "Gandi does not accept the token in {place} ({said}): make a new personal access token; they end after a year at most"
            ),
            StatusCode::FORBIDDEN => format!(
                "Gandi does not let the token in {place} change {zone} ({said}): give it `Manage domain name technical configurations` for the domain"
            ),
            status => format!("Gandi did not change {zone} ({status}): it said {said}"),
        })
    }
}
