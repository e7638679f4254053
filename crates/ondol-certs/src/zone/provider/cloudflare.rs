//! Cloudflare: each record has an id of its own.

use http::Method;
use http::StatusCode;
use http::header;
use ondol_model::plan::Secret;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Change;
use super::Record;
use super::TTL;
use super::api;
use super::api::Api;
use super::api::encoded;
use super::credential;
use super::failed;
use super::unquoted;
use crate::failure::Failure;

/// Where it is asked.
pub(super) const BASE: &str = "https://api.cloudflare.com/client/v4";
/// "An identical record already exists", in its two forms.
const IDENTICAL: [u32; 2] = [81057, 81058];
/// What it says to tokens that it does not know, or that may not do what they are used for.
const DENIED: [u32; 6] = [6003, 6111, 9106, 9109, 10000, 10001];

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Cloudflare {
    api: Api,
    token: Secret,
}

#[derive(Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    errors: Vec<Mistake>,
    success: bool,
    result: Option<T>,
}

#[derive(Deserialize)]
struct Mistake {
    code: u32,
    message: String,
}

#[derive(Deserialize)]
struct ZoneRow {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct RecordRow {
    id: String,
    content: String,
}

#[derive(Serialize)]
struct NewRecord<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'r str,
    content: String,
    ttl: u32,
}

/// Why something was not done.
enum Refusal {
    /// In the provider's own numbers and words.
    Told {
        status: StatusCode,
        mistakes: Vec<Mistake>,
    },
    Other(Failure),
}

impl Cloudflare {
    pub(crate) fn new(base: &str, token: &Secret) -> Self {
        Self {
            api: Api::new("Cloudflare", base),
            token: token.clone(),
        }
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let zone = self.zone(record).await?;
        let refused = |refusal| self.refused(refusal, &zone.name);
        match change {
            Change::Add => self.add(&zone, record).await.map_err(refused),
            Change::Remove => self.remove(&zone, record).await.map_err(refused),
        }
    }

    async fn zone(&self, record: Record<'_>) -> Result<ZoneRow, Failure> {
        for name in record.zones() {
            let path = format!("/zones?name={}", encoded(name));
            let found: Vec<ZoneRow> = self
                .call(Method::GET, &path, None)
                .await
                .map_err(|refusal| self.refused(refusal, name))?;
            if let Some(zone) = found.into_iter().find(|zone| zone.name == name) {
                return Ok(zone);
            }
        }
        Err(failed(format!(
            "Cloudflare knows no zone for {} with the token in {}: give the token `Zone.Zone: Read` and `Zone.DNS: Edit` for it",
            record.name,
            credential::place(&self.token)
        )))
    }

    async fn add(&self, zone: &ZoneRow, record: Record<'_>) -> Result<(), Refusal> {
        let new = NewRecord {
            kind: "TXT",
            name: record.name,
            content: super::quoted(record.text),
            ttl: TTL,
        };
        let path = format!("/zones/{}/dns_records", encoded(&zone.id));
        let added = self
            .call::<RecordRow>(Method::POST, &path, Some(&new))
            .await;
        match added {
            Err(Refusal::Told { mistakes, .. })
                if mistakes
                    .iter()
                    .any(|mistake| IDENTICAL.contains(&mistake.code)) =>
            {
                Ok(())
            }
            added => added.map(drop),
        }
    }

    async fn remove(&self, zone: &ZoneRow, record: Record<'_>) -> Result<(), Refusal> {
        let records = format!("/zones/{}/dns_records", encoded(&zone.id));
        let path = format!(
            "{records}?type=TXT&per_page=100&name={}",
            encoded(record.name)
        );
        let found: Vec<RecordRow> = self.call(Method::GET, &path, None).await?;
        let same = found
            .into_iter()
            .filter(|row| unquoted(&row.content) == record.text);
        for row in same {
            let path = format!("{records}/{}", encoded(&row.id));
            let removed = self
                .call::<serde_json::Value>(Method::DELETE, &path, None)
                .await;
            match removed {
                // Somebody was quicker.
                Err(Refusal::Told {
                    status: StatusCode::NOT_FOUND,
                    ..
                }) => {}
                removed => drop(removed?),
            }
        }
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&NewRecord<'_>>,
    ) -> Result<T, Refusal> {
        let what = "the token for Cloudflare";
        let token = credential::read(&self.token, what).await?;
        let token = api::authorization("Bearer", &token, what)?;
        let request = self
            .api
            .request(method, path)
            .header(header::AUTHORIZATION, token);
        let reply = match body {
            Some(body) => self.api.tell(request, body).await?,
            None => self.api.ask(request).await?,
        };
        let Some(envelope) = reply.json::<Envelope<T>>() else {
            return Err(self.api.unexpected(&reply).into());
        };
        match envelope.result {
            Some(result) if envelope.success => Ok(result),
            Some(_) | None => Err(Refusal::Told {
                status: reply.status,
                mistakes: envelope.errors,
            }),
        }
    }

    fn refused(&self, refusal: Refusal, zone: &str) -> Failure {
        let (status, mistakes) = match refusal {
            Refusal::Told { status, mistakes } => (status, mistakes),
            Refusal::Other(failure) => return failure,
        };
        let said = mistakes
            .iter()
            .map(|mistake| format!("{}: {}", mistake.code, mistake.message));
        let said = self.api.quoted(&said.collect::<Vec<_>>().join("; "));
        let is_denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
            || mistakes
                .iter()
                .any(|mistake| DENIED.contains(&mistake.code));
        if is_denied {
            return failed(format!(
                "Cloudflare does not accept the token in {} for the zone {zone} ({said}): it needs `Zone.Zone: Read` and `Zone.DNS: Edit` for it",
                credential::place(&self.token)
            ));
        }
        failed(format!(
            "Cloudflare did not change the zone {zone} ({status}): it said {said}"
        ))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}
