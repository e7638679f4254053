//! Porkbun: each record has an id of its own, and the keys are in every request's body.

use std::fmt;

use http::Method;
use ondol_base::secret::SecretText;
use ondol_model::plan::Secret;
use serde::Deserialize;
use serde::Serialize;

use super::Change;
use super::Record;
use super::api::Api;
use super::api::Sent;
use super::api::encoded;
use super::credential;
use super::failed;
use super::unquoted;
use crate::failure::Failure;

/// Where it is asked.
pub(super) const BASE: &str = "https://api.porkbun.com/api/json/v3";
/// The shortest that it takes, in seconds.
const TTL_MIN: &str = "600";

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Porkbun {
    api: Api,
    api_key: Secret,
    secret_key: Secret,
}

struct Keys {
    api: SecretText,
    secret: SecretText,
}

#[derive(Serialize)]
struct Question<'q> {
    apikey: &'q str,
    secretapikey: &'q str,
    #[serde(flatten)]
    new: Option<NewRecord<'q>>,
}

#[derive(Serialize)]
struct NewRecord<'r> {
    name: &'r str,
    #[serde(rename = "type")]
    kind: &'static str,
    content: &'r str,
    ttl: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    records: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    content: String,
}

/// It gives some ids as text, and some as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

/// A domain, and the texts at the record's name in it.
struct Found<'r> {
    domain: &'r str,
    below: &'r str,
    rows: Vec<Row>,
}

impl Porkbun {
    pub(crate) fn new(base: &str, api_key: &Secret, secret_key: &Secret) -> Self {
        Self {
            api: Api::new("Porkbun", base),
            api_key: api_key.clone(),
            secret_key: secret_key.clone(),
        }
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let keys = Keys {
            api: credential::read(&self.api_key, "the API key for Porkbun").await?,
            secret: credential::read(&self.secret_key, "the secret API key for Porkbun").await?,
        };
        let found = self.find(&keys, record).await?;
        let same = found
            .rows
            .iter()
            .filter(|row| unquoted(&row.content) == record.text);
        match change {
            Change::Add if same.clone().next().is_some() => Ok(()),
            Change::Add => self.add(&keys, &found, record).await,
            Change::Remove => {
                for row in same {
                    let path = format!(
                        "/dns/delete/{}/{}",
                        encoded(found.domain),
                        encoded(&row.id.to_string())
                    );
                    self.ask(&keys, &path, None)
                        .await?
                        .map_err(|said| self.refused(&said, found.domain))?;
                }
                Ok(())
            }
        }
    }

    async fn add(&self, keys: &Keys, found: &Found<'_>, record: Record<'_>) -> Result<(), Failure> {
        let new = NewRecord {
            name: found.below,
            kind: "TXT",
            content: record.text,
            ttl: TTL_MIN,
        };
        let path = format!("/dns/create/{}", encoded(found.domain));
        let added = self.ask(keys, &path, Some(new)).await?;
        added
            .map(drop)
            .map_err(|said| self.refused(&said, found.domain))
    }

    /// Porkbun has no list of zones by name: the one that it lets be read is the right one.
    async fn find<'r>(&self, keys: &Keys, record: Record<'r>) -> Result<Found<'r>, Failure> {
        let mut first_said = None;
        for domain in record.zones() {
            let below = record.below(domain);
            let mut path = format!("/dns/retrieveByNameType/{}/TXT", encoded(domain));
            if !below.is_empty() {
                path.push('/');
                path.push_str(&encoded(below));
            }
            match self.ask(keys, &path, None).await? {
                Ok(answer) => {
                    let rows = answer.records;
                    return Ok(Found {
                        domain,
                        below,
                        rows,
                    });
                }
                Err(said) if is_of_keys(&said) => return Err(self.refused(&said, domain)),
                Err(said) => {
                    first_said.get_or_insert((said, domain));
                }
            }
        }
        Err(match first_said {
            Some((said, domain)) => self.refused(&said, domain),
            None => failed(format!(
                "Porkbun keeps no domain that {} is in",
                record.name
            )),
        })
    }

    async fn ask(
        &self,
        keys: &Keys,
        path: &str,
        new: Option<NewRecord<'_>>,
    ) -> Result<Result<Answer, String>, Failure> {
        let question = Question {
            apikey: keys.api.as_str().trim(),
            secretapikey: keys.secret.as_str().trim(),
            new,
        };
        let secrets = Sent(vec![keys.api.clone(), keys.secret.clone()]);
        let request = self.api.request(Method::POST, path).extension(secrets);
        let reply = self.api.tell(request, &question).await?;
        let answer: Answer = reply.json().ok_or_else(|| self.api.unexpected(&reply))?;
        Ok(if answer.status == "SUCCESS" {
            Ok(answer)
        } else {
            Err(answer.message)
        })
    }

    fn refused(&self, said: &str, domain: &str) -> Failure {
        let told = self.api.quoted(said);
        if is_of_keys(said) {
            return failed(format!(
                "Porkbun does not accept the keys in {} and {} ({told}): make new ones under API Access",
                credential::place(&self.api_key),
                credential::place(&self.secret_key)
            ));
        }
        failed(format!(
            "Porkbun did not change {domain} ({told}): the domain must be in the account of the keys, with API Access switched on in its details"
        ))
    }
}

fn is_of_keys(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("api key") || said.contains("apikey")
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}
