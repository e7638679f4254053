//! deSEC: all texts of a name are one set, which is replaced whole.

use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use ondol_model::plan::Secret;
use serde::Deserialize;
use serde::Serialize;

use super::Change;
use super::Record;
use super::TTL;
use super::api;
use super::api::Api;
use super::api::Reply;
use super::api::encoded;
use super::changed;
use super::credential;
use super::failed;
use crate::failure::Failure;

/// Where it is asked.
pub(super) const BASE: &str = "https://desec.io/api/v1";

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Desec {
    api: Api,
    token: Secret,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
    minimum_ttl: u32,
}

#[derive(Deserialize)]
struct Texts {
    records: Vec<String>,
    ttl: u32,
}

#[derive(Serialize)]
struct NewTexts<'t> {
    subname: &'t str,
    #[serde(rename = "type")]
    kind: &'static str,
    ttl: u32,
    records: Vec<String>,
}

impl Desec {
    pub(crate) fn new(base: &str, token: &Secret) -> Self {
        Self {
            api: Api::new("deSEC", base),
            token: token.clone(),
        }
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let token = self.token().await?;
        let domain = self.domain(&token, record).await?;
        let subname = record.below(&domain.name);
        let before = self.texts(&token, &domain, subname).await?;
        let ttl = before
            .as_ref()
            .map_or(domain.minimum_ttl.max(TTL), |texts| texts.ttl);
        let before = before.map(|texts| texts.records).unwrap_or_default();
        let Some(records) = changed(change, &before, record.text) else {
            return Ok(());
        };
        // In bulk a set is made, replaced, or removed when it is empty, all by the same request.
        let new = [NewTexts {
            subname,
            kind: "TXT",
            ttl,
            records,
        }];
        let path = format!("/domains/{}/rrsets/", encoded(&domain.name));
        let request = self.request(Method::PUT, &path, &token);
        let reply = self.api.tell(request, &new).await?;
        if reply.status.is_success() {
            return Ok(());
        }
        Err(self.refused(&reply, &domain.name))
    }

    async fn domain(&self, token: &HeaderValue, record: Record<'_>) -> Result<Domain, Failure> {
        let path = format!("/domains/?owns_qname={}", encoded(record.name));
        let reply = self
            .api
            .ask(self.request(Method::GET, &path, token))
            .await?;
        if !reply.status.is_success() {
            return Err(self.refused(&reply, record.name));
        }
        let domains: Vec<Domain> = reply.json().ok_or_else(|| self.api.unexpected(&reply))?;
        domains.into_iter().next().ok_or_else(|| {
            failed(format!(
                "deSEC has no domain for {} in the account of the token in {}: add it there, or use a token of the account that has it",
                record.name,
                credential::place(&self.token)
            ))
        })
    }

    async fn texts(
        &self,
        token: &HeaderValue,
        domain: &Domain,
        subname: &str,
    ) -> Result<Option<Texts>, Failure> {
        let at = match subname {
            "" => "@".to_owned(),
            subname => encoded(subname),
        };
        let path = format!("/domains/{}/rrsets/{at}/TXT/", encoded(&domain.name));
        let reply = self
            .api
            .ask(self.request(Method::GET, &path, token))
            .await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(self.refused(&reply, &domain.name));
        }
        reply
            .json()
            .map(Some)
            .ok_or_else(|| self.api.unexpected(&reply))
    }

    fn request(&self, method: Method, path: &str, token: &HeaderValue) -> http::request::Builder {
        self.api
            .request(method, path)
            .header(header::AUTHORIZATION, token)
    }

    async fn token(&self) -> Result<HeaderValue, Failure> {
        let what = "the token for deSEC";
        let token = credential::read(&self.token, what).await?;
        api::authorization("Token", &token, what)
    }

    fn refused(&self, reply: &Reply, zone: &str) -> Failure {
        let said = self.api.quoted(&String::from_utf8_lossy(&reply.body));
        let place = credential::place(&self.token);
        failed(match reply.status {
            StatusCode::UNAUTHORIZED => format!(
                "deSEC does not accept the token in {place} ({said}): make a new one in its token management"
            ),
            StatusCode::FORBIDDEN => format!(
                "deSEC does not let the token in {place} change {zone} ({said}): see the token's policies and the addresses it may be used from"
            ),
            status => format!("deSEC did not change {zone} ({status}): it said {said}"),
        })
    }
}
