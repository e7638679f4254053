//! What name servers say now: addresses, CAA, aliases, zones and texts.
//!
//! Nothing is remembered: an owner who has just corrected a record must not wait for Ondol. What the
//! asked name servers remember is beyond it, so answers come with the time for which they may.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use hickory_proto::rr::Name;
use hickory_proto::rr::RData;
use hickory_proto::rr::Record;
use hickory_proto::rr::RecordType;
use ondol_model::caa::Caa;

mod answer;
pub(crate) mod ask;
mod error;
#[cfg(test)]
pub(crate) mod name_server;
mod resolvers;
mod zone;

pub(crate) use error::LookupError;

use answer::Said;
use ask::Recursion;

/// How many aliases in a row are followed; more than zones that work have.
pub(crate) const ALIASES_MAX: usize = 8;

/// Asks name servers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    /// Empty: those of the machine, read each time.
    resolvers: Arc<[SocketAddr]>,
}

/// The addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Of version 4, then of version 6; never empty.
    pub(crate) list: Vec<IpAddr>,
    /// For how many seconds name servers may repeat them after a change.
    pub(crate) ttl: u32,
}

impl Lookup {
    /// Asks these, or those of the machine (`/etc/resolv.conf`) when there are none.
    pub(crate) fn new(resolvers: &[SocketAddr]) -> Self {
        Self {
            resolvers: resolvers.into(),
        }
    }

    /// The addresses of a name, of both versions; an error when it has neither.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Addresses, LookupError> {
        let (v4, v6) = tokio::join!(
            self.records(name, RecordType::A),
            self.records(name, RecordType::AAAA)
        );
        let records = match (v4, v6) {
            (Ok(v4), Ok(v6)) => [v4, v6].concat(),
            (Ok(some), Err(error)) | (Err(error), Ok(some)) if error.is_absent() => some,
            (Err(absent), Err(error)) if absent.is_absent() && !error.is_absent() => {
                return Err(error);
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
        let list = records.iter().filter_map(|record| record.data.ip_addr());
        Ok(Addresses {
            list: list.collect(),
            ttl,
        })
    }

    /// The CAA records that stand at a name itself (RFC 8659 §4); empty when it has none.
    pub(crate) async fn caa(&self, name: &str) -> Result<Vec<Caa>, LookupError> {
        let records = unless_absent(self.records(name, RecordType::CAA).await)?;
        Ok(records.iter().filter_map(caa).collect())
    }

    /// What a name is an alias of, one step far; `None` when it is none.
    pub(crate) async fn cname(&self, name: &str) -> Result<Option<String>, LookupError> {
        let records = unless_absent(self.records(name, RecordType::CNAME).await)?;
        Ok(records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) => Some(text_of(&target.0)),
            _ => None,
        }))
    }

    /// The texts (TXT) that one name server has at a name, asked itself; empty when it has none.
    pub(crate) async fn texts_at(
        &self,
        server: SocketAddr,
        name: &str,
    ) -> Result<Vec<String>, LookupError> {
        let recursion = if self.servers().await.contains(&server) {
            Recursion::Wanted
        } else {
            Recursion::Unwanted
        };
        let name = parse(name)?;
        let said = ask::ask(&[server], &name, RecordType::TXT, recursion).await?;
        let texts = said.answers.iter().filter_map(|record| match &record.data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        });
        Ok(texts
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect())
    }

    /// The records of a name, of the one it is an alias of, and so on; never empty.
    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, LookupError> {
        let servers = self.servers().await;
        let mut name = parse(name)?;
        for _ in 0..ALIASES_MAX {
            let said = ask::ask(&servers, &name, kind, Recursion::Wanted).await?;
            match said.records(&name, kind)? {
                Said::Records(records) => return Ok(records),
                Said::Alias(target) => name = target,
            }
        }
        Err(LookupError::AliasesEndless {
            name: text_of(&name),
        })
    }

    /// Whether the name servers are those that the plan names.
    pub(crate) fn is_chosen(&self) -> bool {
        !self.resolvers.is_empty()
    }

    /// Who is asked.
    pub(crate) async fn servers(&self) -> Arc<[SocketAddr]> {
        if self.resolvers.is_empty() {
            resolvers::of_machine().await
        } else {
            Arc::clone(&self.resolvers)
        }
    }
}

fn unless_absent(records: Result<Vec<Record>, LookupError>) -> Result<Vec<Record>, LookupError> {
    match records {
        Err(error) if error.is_absent() => Ok(Vec::new()),
        records => records,
    }
}

fn caa(record: &Record) -> Option<Caa> {
    let RData::CAA(caa) = &record.data else {
        return None;
    };
    Some(Caa {
        is_critical: caa.issuer_critical,
        tag: caa.tag.to_ascii_lowercase(),
        value: String::from_utf8_lossy(&caa.value).into_owned(),
    })
}

fn parse(name: &str) -> Result<Name, LookupError> {
    let mut parsed = Name::from_ascii(name).map_err(|_| LookupError::NotAName {
        name: name.to_owned(),
    })?;
    parsed.set_fqdn(true);
    Ok(parsed)
}

/// A name as people write it: lower-case, without the dot at its end.
fn text_of(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
