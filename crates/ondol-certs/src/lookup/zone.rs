//! Which zone a name is in, and who keeps it.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::rr::Name;
use hickory_proto::rr::RData;
use hickory_proto::rr::RecordType;

use super::Lookup;
use super::LookupError;
use super::ask;
use super::ask::Recursion;
use super::parse;
use super::resolvers;
use super::text_of;

/// How long it may take to find the zone and its name servers, with all questions that takes.
const LIMIT: Duration = Duration::from_secs(20);
/// How many name servers of a zone are looked up; zones have two to eight.
const NAME_SERVERS_MAX: usize = 8;
/// How many addresses all of them have: each is asked at the same time, again and again.
const SERVERS_MAX: usize = 2 * NAME_SERVERS_MAX;

impl Lookup {
    /// The zone that a name is in, and the addresses of its name servers, never none. Where no zone is
    /// known to the resolvers, they are taken for its name servers, and the last two labels for the zone.
    pub(crate) async fn zone_of(
        &self,
        name: &str,
    ) -> Result<(String, Vec<SocketAddr>), LookupError> {
        let finding = tokio::time::timeout(LIMIT, self.zone_and_servers(name));
        finding.await.unwrap_or_else(|_| {
            Err(LookupError::TimedOut {
                name: name.to_owned(),
                servers: format!("all of its zone, {} s long", LIMIT.as_secs()),
            })
        })
    }

    async fn zone_and_servers(&self, name: &str) -> Result<(String, Vec<SocketAddr>), LookupError> {
        let name = parse(name)?;
        let Some(zone) = self.zone_above(&name).await? else {
            let zone = name.trim_to(2);
            return Ok((text_of(&zone), self.servers().await.to_vec()));
        };
        let zone = text_of(&zone);
        let mut servers = self.name_servers(&zone).await?;
        if servers.is_empty() {
            servers = self.servers().await.to_vec();
        }
        Ok((zone, servers))
    }

    /// Asks for an SOA record at the name and above it, until an answer comes from the zone of the name.
    async fn zone_above(&self, name: &Name) -> Result<Option<Name>, LookupError> {
        let servers = self.servers().await;
        let mut at = name.clone();
        while !at.is_root() {
            match ask::ask(&servers, &at, RecordType::SOA, Recursion::Wanted).await {
                Ok(answer) => {
                    if let Some(zone) = answer.zone(&at) {
                        return Ok(Some(zone));
                    }
                }
                Err(LookupError::NotImplemented { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
            at = at.base_name();
        }
        Ok(None)
    }

    /// The addresses of a zone's name servers, as far as this machine has a way to them.
    async fn name_servers(&self, zone: &str) -> Result<Vec<SocketAddr>, LookupError> {
        let records = super::unless_absent(self.records(zone, RecordType::NS).await)?;
        let names = records.iter().filter_map(|record| match &record.data {
            RData::NS(server) => Some(text_of(&server.0)),
            _ => None,
        });
        let mut addresses = Vec::new();
        let mut error = None;
        for name in names.take(NAME_SERVERS_MAX) {
            match self.addresses(&name).await {
                Ok(found) => addresses.extend(found.list),
                Err(failed) => error = Some(failed),
            }
        }
        let mut servers = Vec::new();
        for address in addresses {
            if servers.len() == SERVERS_MAX {
                break;
            }
            let server = self.with_port(address);
            if !servers.contains(&server) && ask::udp_socket(server).await.is_ok() {
                servers.push(server);
            }
        }
        match error {
            Some(error) if servers.is_empty() => Err(error),
            Some(_) | None => Ok(servers),
        }
    }

    /// A name server that is a resolver of the plan too is asked where the plan says.
    fn with_port(&self, address: IpAddr) -> SocketAddr {
        let of_plan = self.resolvers.iter().find(|server| server.ip() == address);
        of_plan
            .copied()
            .unwrap_or_else(|| (address, resolvers::PORT).into())
    }
}
