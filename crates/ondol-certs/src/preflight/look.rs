//! Looks at one name: what DNS says of it, and who answers at its addresses.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use ondol_model::HostPattern;
use ondol_model::Hostname;
use ondol_model::caa;
use ondol_model::plan::Challenge;

use super::Preflight;
use super::Seen;
use super::Surroundings;
use super::Verdict;
use super::judge;
use super::judge::Addresses;
use super::judge::Http;
use super::judge::Port;
use super::judge::Probed;
use super::self_fetch;
use super::self_fetch::Beacon;
use super::surroundings::View;
use super::surroundings::source_towards;
use crate::lookup::Lookup;

/// How many addresses of a name are asked.
const ADDRESSES_MAX: usize = 8;
/// How long the second look may take. Where name servers of zones can't be reached, the first counts.
const SECOND: Duration = Duration::from_secs(7);

/// What is known before a name is looked at.
#[derive(Clone, Copy)]
pub(super) struct Look<'l> {
    pub(super) preflight: &'l Preflight<'l>,
    pub(super) beacon: Option<&'l Beacon>,
    pub(super) identities: &'l [String],
    pub(super) surroundings: &'l Surroundings,
}

/// What was found of a name.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) verdict: Verdict,
    pub(super) http: Port,
    pub(super) forbidden: Vec<(HostPattern, Challenge)>,
    /// Whether the name servers said what they know.
    is_answered: bool,
}

/// Whether the issuer will go to the addresses of the name.
pub(super) fn needs_addresses(way: Option<Challenge>) -> bool {
    match way {
        Some(Challenge::Http | Challenge::TlsAlpn) => true,
        Some(Challenge::Dns | Challenge::DnsPersist) | None => false,
    }
}

impl Look<'_> {
    /// Looks through the resolvers, and once more through the name servers of the zone itself when they
    /// say that the issuer would fail: a resolver may repeat what the owner has just corrected, or have
    /// other answers for those inside.
    pub(super) async fn at(&self, name: &HostPattern) -> Found {
        let first = self
            .through(name, self.preflight.lookup, self.surroundings)
            .await;
        if !matches!(first.verdict, Verdict::Stop(_)) {
            return first;
        }
        let second = tokio::time::timeout(SECOND, self.through_zone(name)).await;
        match second {
            Ok(Some(second)) if second.is_answered => second,
            Ok(_) | Err(_) => first,
        }
    }

    /// `None` when the name servers of the zone are not found, or are the resolvers.
    async fn through_zone(&self, name: &HostPattern) -> Option<Found> {
        let host = name.domain();
        if host.ip().is_some() {
            return None;
        }
        let (_, servers) = self.preflight.lookup.zone_of(host.as_str()).await.ok()?;
        let resolvers = self.preflight.lookup.servers().await;
        let is_resolver = |server| resolvers.contains(server);
        if servers.len() == resolvers.len() && servers.iter().all(is_resolver) {
            return None;
        }
        let lookup = Lookup::new(&servers);
        let surroundings = Surroundings {
            view: View::through(&lookup).await,
            ..self.surroundings.clone()
        };
        Some(self.through(name, &lookup, &surroundings).await)
    }

    async fn through(
        &self,
        name: &HostPattern,
        lookup: &Lookup,
        surroundings: &Surroundings,
    ) -> Found {
        let ways = (self.preflight.ways)(name);
        let (addresses, records) = tokio::join!(
            self.addresses(name, ways.first().copied(), lookup),
            super::caa::look(name, lookup)
        );
        let identities: Vec<&str> = self.identities.iter().map(String::as_str).collect();
        let issuing = caa::Issuing {
            identities: &identities,
            account: self.preflight.account,
            ways: &ways,
            is_wildcard: matches!(name, HostPattern::Wildcard(_)),
        };
        let forbidden = judge::forbidden(&records, &issuing);
        let seen = Seen {
            name,
            issuer: &self.preflight.issuer.name,
            way: ways.first().copied(),
            addresses,
            caa: records,
            issuing,
        };
        Found {
            verdict: judge::judge(&seen, surroundings),
            http: judge::port_80(&seen.addresses),
            forbidden: forbidden
                .into_iter()
                .map(|way| (name.clone(), way))
                .collect(),
            is_answered: seen.is_answered(),
        }
    }

    async fn addresses(
        &self,
        name: &HostPattern,
        way: Option<Challenge>,
        lookup: &Lookup,
    ) -> Addresses {
        let HostPattern::Exact(host) = name else {
            return Addresses::NotNeeded;
        };
        if !needs_addresses(way) {
            return Addresses::NotNeeded;
        }
        let list = match host.ip() {
            Some(address) => vec![address],
            None => match lookup.addresses(host.as_str()).await {
                Ok(found) => found.list,
                Err(error) => return Addresses::Unknown(error),
            },
        };
        let probes = list
            .into_iter()
            .take(ADDRESSES_MAX)
            .map(|address| self.probe(address, host));
        let probed = stream::iter(probes).buffered(ADDRESSES_MAX).collect().await;
        Addresses::Probed(probed)
    }

    async fn probe(&self, address: IpAddr, host: &Hostname) -> Probed {
        let ports = self.preflight.ports;
        let at = |port| SocketAddr::new(address, port);
        let asking = async {
            match self.beacon {
                Some(beacon) => beacon.fetch(at(ports.http), host).await,
                None => Http::NotAsked,
            }
        };
        let (mut http, is_open) = tokio::join!(asking, self_fetch::is_open(at(ports.https)));
        if let Http::Other { is_near, .. } = &mut http {
            *is_near = self.may_be_router(address) && self_fetch::is_near(at(ports.http)).await;
        }
        Probed {
            address,
            is_own: source_towards(address) == Some(address),
            http,
            https: Port::from(is_open),
        }
    }

    /// Whether an address may be that of the router before this box, which may answer for itself when it
    /// is asked from inside.
    fn may_be_router(&self, address: IpAddr) -> bool {
        address.is_ipv4()
            && self.surroundings.v4.is_none()
            && !super::surroundings::is_unreached(address)
    }
}
