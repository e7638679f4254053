//! Looks, before an issuer is asked, whether it could see what it will look for: do the names lead to this
//! box, and do their CAA records allow the issuer?
//!
//! A failure at the issuer counts there; one seen here costs nothing, and its reason can be said in the
//! owner's words. But seen from inside a house much looks broken that works from outside. So only what is
//! certain stops an order; the rest is said when the order fails.

use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use ondol_model::HostPattern;
use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::Challenge;
use ondol_model::plan::Reach;

use crate::challenges::Board;
use crate::lookup::Lookup;

mod caa;
mod judge;
mod look;
pub(crate) mod persist;
mod self_fetch;
mod surroundings;

use judge::Caa;
use judge::Seen;
use surroundings::Surroundings;

/// How long the whole may take. An order waits for it.
const LIMIT: Duration = Duration::from_secs(15);
/// How many names are looked at at once; each asks a few questions.
const NAMES_AT_ONCE: usize = 16;

/// What is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Preflight<'q> {
    /// All names of the order.
    pub(crate) names: &'q [HostPattern],
    /// How each is to be shown to be the owner's, the best way first.
    pub(crate) ways: &'q (dyn Fn(&HostPattern) -> Vec<Challenge> + Sync),
    /// Who will be asked.
    pub(crate) issuer: &'q AcmeIssuer,
    /// The names by which CAA records can allow the issuer, as its directory says (`caaIdentities`). Empty:
    /// what is known of the issuer; CAA is not judged when that is nothing.
    pub(crate) caa_identities: &'q [String],
    /// The URL of the account at the issuer, when there is one.
    pub(crate) account: Option<&'q str>,
    /// Who is asked about names.
    pub(crate) lookup: &'q Lookup,
    /// Where the box shows that it is itself.
    pub(crate) board: &'q Board,
    /// Where issuers look.
    pub(crate) ports: Ports,
}

/// The ports at which issuers look; others only in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    /// For HTTP-01.
    pub(crate) http: u16,
    /// For TLS-ALPN-01.
    pub(crate) https: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            http: 80,
            https: 443,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Whether to ask the issuer.
    pub(crate) verdict: Verdict,
    /// Whether port 80 of the names' addresses was seen closed while 443 is open, so that TLS-ALPN-01 is
    /// the better way.
    pub(crate) is_http_closed: bool,
    /// The ways that CAA records forbid, for those names that have others left.
    pub(crate) forbidden: Vec<(HostPattern, Challenge)>,
}

/// Whether to ask the issuer. Sentences are without a full stop at their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is in the way.
    Go,
    /// Ask, and if it fails, say this too.
    Doubt(String),
    /// It would fail, for this reason.
    Stop(String),
}

impl std::fmt::Debug for Preflight<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preflight")
            .field("names", &self.names)
            .field("issuer", &self.issuer.name)
            .finish_non_exhaustive()
    }
}

impl Preflight<'_> {
    /// Looks at all names, for at most 15 s.
    pub(crate) async fn run(&self) -> Report {
        let looking = Box::pin(self.look_at_all());
        let unfinished = || Report {
            verdict: Verdict::Doubt(format!(
                "whether the names lead to this box could not be found out within {} s",
                LIMIT.as_secs()
            )),
            is_http_closed: false,
            forbidden: Vec::new(),
        };
        let report = tokio::time::timeout(LIMIT, looking).await;
        report.unwrap_or_else(|_| unfinished())
    }

    async fn look_at_all(&self) -> Report {
        let identities = caa::identities(self.issuer, self.caa_identities);
        let needs_fetch = self
            .names
            .iter()
            .any(|name| look::needs_addresses(self.way(name)));
        let beacon = match needs_fetch {
            true => Some(self_fetch::Beacon::post(self.board).await),
            false => None,
        };
        let (beacon, not_shown) = match beacon {
            Some(Ok(beacon)) => (Some(beacon), None),
            Some(Err(error)) => (None, Some(Verdict::Doubt(error.to_string()))),
            None => (None, None),
        };
        let surroundings = Surroundings::see(self.lookup, self.issuer.reach == Reach::Public).await;
        let looks = self.names.iter().map(|name| {
            let (beacon, identities, surroundings) = (beacon.as_ref(), &identities, &surroundings);
            let look = look::Look {
                preflight: self,
                beacon,
                identities,
                surroundings,
            };
            Box::pin(async move { look.at(name).await }) as Looking<'_>
        });
        let looks: Vec<_> = looks.collect();
        let found: Vec<look::Found> = stream::iter(looks).buffered(NAMES_AT_ONCE).collect().await;
        report(found, not_shown)
    }

    fn way(&self, name: &HostPattern) -> Option<Challenge> {
        (self.ways)(name).first().copied()
    }
}

/// One look at a name. Boxed, and gathered before the first is polled, so that the whole can be given to
/// another thread.
type Looking<'l> = Pin<Box<dyn Future<Output = look::Found> + Send + 'l>>;

fn report(found: Vec<look::Found>, not_shown: Option<Verdict>) -> Report {
    let mut verdicts: Vec<Verdict> = not_shown.into_iter().collect();
    let mut forbidden = Vec::new();
    let (mut is_closed, mut is_open) = (false, false);
    for one in found {
        verdicts.push(one.verdict);
        forbidden.extend(one.forbidden);
        is_closed |= one.http == judge::Port::Closed;
        is_open |= one.http == judge::Port::Open;
    }
    Report {
        verdict: judge::all(&verdicts),
        is_http_closed: is_closed && !is_open,
        forbidden,
    }
}

#[cfg(test)]
mod tests;
