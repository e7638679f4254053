//! Records in the owner's zone that show issuers whose the names are (RFC 8555 §8.4).
//!
//! A record is in the journal before it is in the zone, is waited for on the zone's own name servers, and
//! is taken out exactly: what else stands at its name is never touched. It must not know issuers.

use std::net::SocketAddr;

use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;
use ondol_model::plan::DnsProvider;

use crate::failure::Failure;
use crate::lookup::ALIASES_MAX;
use crate::lookup::Lookup;

mod journal;
mod propagate;
mod provider;

pub(crate) use journal::ZoneJournal;

use journal::Needed;
use journal::Written;
use provider::Change;
use provider::Provider;
use provider::Record;

/// The label that issuers ask at (RFC 8555 §8.4).
const LABEL: &str = "_acme-challenge";

/// How much of what was left by others is taken out in one go.
#[derive(Debug, Clone, Copy)]
struct Effort {
    records: usize,
    failures: u32,
}

/// After an order, which others may wait for.
const AFTER_ORDER: Effort = Effort {
    records: 10,
    failures: 1,
};
/// At the start, when nobody waits.
const AT_START: Effort = Effort {
    records: 1_000,
    failures: 3,
};

/// Writes challenge records into the zones of one provider.
#[derive(Debug)]
pub(crate) struct Zone {
    provider: Provider,
    lookup: Lookup,
    journal: ZoneJournal,
}

/// A record that issuers can see. When this is dropped the record is still there: [`Zone::remove`] takes it
/// out at once, [`Zone::clean_up`] and later orders do what was forgotten.
#[derive(Debug)]
pub(crate) struct Published {
    written: Written,
    needed: Needed,
}

/// Where a record is to be.
struct Place {
    /// The full name, after all aliases.
    name: String,
    /// The zone it is in, and its name servers; `None` when nobody knows.
    zone: Option<(String, Vec<SocketAddr>)>,
}

impl Zone {
    /// The zones of a provider. Whether it lets Ondol in is only seen when a record is written.
    pub(crate) fn new(
        provider: &DnsProvider,
        lookup: &Lookup,
        journal: ZoneJournal,
    ) -> Result<Self, Failure> {
        Ok(Self {
            provider: Provider::new(provider)?,
            lookup: lookup.clone(),
            journal,
        })
    }

    /// Adds the record of a name, beside what is there, and waits until every name server of the zone
    /// shows it. `value` is what the issuer wants to see.
    pub(crate) async fn publish(
        &self,
        name: &HostPattern,
        value: &str,
    ) -> Result<Published, Failure> {
        let asked = challenge_name(name)?;
        let place = self.place(&asked).await?;
        let explained = |mut failure: Failure| {
            if place.name != asked {
                let alias = format!(" ({asked} is an alias of {})", place.name);
                failure.sentence.push_str(&alias);
            }
            failure
        };
        let written = Written {
            provider: self.provider.identity().into(),
            zone: place.zone.as_ref().map(|(zone, _)| zone.as_str().into()),
            name: place.name.as_str().into(),
            text: value.into(),
        };
        let needed = self.journal.note(&written).await?;
        let published = Published { written, needed };
        let shown = match self.change(Change::Add, &published.written).await {
            Ok(()) => self.wait(&place, value).await,
            Err(failure) => Err(failure),
        };
        match shown {
            Ok(()) => Ok(published),
            Err(failure) => {
                // Even what failed may have been done.
                self.remove(published).await;
                Err(explained(failure))
            }
        }
    }

    /// Takes a record out again. One that could not be taken out is kept in mind, and tried again at the
    /// end of each order and at the next start.
    pub(crate) async fn remove(&self, published: Published) {
        let Published { written, needed } = published;
        drop(needed);
        if self.take_out(&written).await {
            self.take_out_left(AFTER_ORDER).await;
        }
    }

    /// Takes out what an earlier run of Ondol left.
    pub(crate) async fn clean_up(&self) {
        match self.journal.give_up_old().await {
            Ok(records) => {
                for Written { name, text, .. } in records {
                    tracing::warn!(
                        "The challenge record `{text}` at {name} could not be removed for a month, so Ondol gives it up. It does no harm; remove it by hand if you like."
                    );
                }
            }
            Err(failure) => tracing::warn!("{failure}."),
        }
        self.take_out_left(AT_START).await;
    }

    async fn take_out_left(&self, effort: Effort) {
        let mut failures = 0;
        let provider = self.provider.identity();
        for written in self.journal.left(provider, effort.records).await {
            if self.take_out(&written).await {
                continue;
            }
            failures += 1;
            if failures >= effort.failures {
                return;
            }
        }
    }

    /// Whether the record is out now, or is somebody else's to take out.
    async fn take_out(&self, written: &Written) -> bool {
        if !self.journal.is_left(written).await {
            return true;
        }
        match self.change(Change::Remove, written).await {
            Ok(()) => {
                if let Err(failure) = self.journal.forget(written).await {
                    tracing::warn!("{failure}. The record is removed again at the next start.");
                }
                true
            }
            Err(failure) => {
                tracing::warn!(
                    "The challenge record at {} could not be removed: {failure}. It does no harm, and Ondol tries again after each order and at each start.",
                    written.name
                );
                self.journal.put_last(written).await;
                false
            }
        }
    }

    async fn change(&self, change: Change, written: &Written) -> Result<(), Failure> {
        let record = Record {
            zone: written.zone.as_deref(),
            name: &written.name,
            text: &written.text,
        };
        let _turn = self.journal.turn(self.provider.turn(&record)).await;
        if change == Change::Remove && !self.journal.is_left(written).await {
            return Ok(()); // Somebody came to need it while this waited.
        }
        // What providers need is large as a future: callers would carry it in theirs.
        Box::pin(self.provider.change(change, record)).await
    }

    /// Follows aliases: owners lead issuers to a zone where records can be written.
    async fn place(&self, asked: &str) -> Result<Place, Failure> {
        let mut name = asked.to_owned();
        for _ in 0..ALIASES_MAX {
            // Who can't ask name servers may still be able to write: the provider says what is wrong.
            match self.lookup.cname(&name).await {
                Ok(Some(target)) => name = target,
                Ok(None) | Err(_) => {
                    let zone = self.lookup.zone_of(&name).await.ok();
                    return Ok(Place { name, zone });
                }
            }
        }
        Err(failed(format!(
            "{asked} is an alias (CNAME) that leads to more than {ALIASES_MAX} others: let it lead to its end directly"
        )))
    }

    async fn wait(&self, place: &Place, text: &str) -> Result<(), Failure> {
        let primary = self.provider.primary();
        let known = place.zone.as_ref();
        let servers = known.map_or_else(Vec::new, |(_, servers)| servers.clone());
        // One that takes updates on a port of its own answers questions there too.
        let as_told = |server: SocketAddr| match primary {
            Some(primary) if primary.ip() == server.ip() => primary,
            Some(_) | None => server,
        };
        let mut servers: Vec<_> = servers.into_iter().map(as_told).collect();
        if servers.is_empty() {
            servers.extend(primary);
        }
        let texts_at = |server| self.lookup.texts_at(server, &place.name);
        propagate::wait(&servers, &place.name, text, texts_at).await
    }
}

/// The name that an issuer asks at: a wildcard's is that of its domain.
fn challenge_name(name: &HostPattern) -> Result<String, Failure> {
    let host = name.domain();
    if host.ip().is_some() {
        return Err(failed(format!(
            "{host} is an address, which no zone can vouch for"
        )));
    }
    Ok(format!("{LABEL}.{host}"))
}

fn failed(sentence: String) -> Failure {
    Failure::new(FailureKind::Dns, sentence)
}

#[cfg(test)]
mod tests;
