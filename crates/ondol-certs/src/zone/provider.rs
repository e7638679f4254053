//! Those who keep zones: how a record is written into one, and taken out again.
//!
//! Each adds and removes one text and leaves all others at the same name alone. Both can be done twice.

use std::net::SocketAddr;

use ondol_model::issuing::FailureKind;
use ondol_model::plan::DnsProvider;

use crate::failure::Failure;

mod api;
mod cloudflare;
mod credential;
mod desec;
mod exec;
mod gandi;
mod porkbun;
mod rfc2136;
mod route53;

use cloudflare::Cloudflare;
use desec::Desec;
use exec::Exec;
use gandi::Gandi;
use porkbun::Porkbun;
use rfc2136::Rfc2136;
use route53::Route53;

/// How long resolvers may keep a record, in seconds. Nobody but the issuer asks for it, and soon.
const TTL: u32 = 60;

/// Who keeps a zone.
#[derive(Debug)]
pub(crate) struct Provider {
    keeper: Keeper,
    /// See [`Provider::identity`].
    identity: Box<str>,
}

#[derive(Debug)]
enum Keeper {
    Rfc2136(Rfc2136),
    Cloudflare(Cloudflare),
    Desec(Desec),
    Route53(Route53),
    Gandi(Gandi),
    Porkbun(Porkbun),
    Exec(Exec),
}

/// A text at a name. Names have no dot at their end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'r> {
    /// The zone it is in, as its name servers say; `None` when they could not be asked.
    pub(crate) zone: Option<&'r str>,
    /// The full name.
    pub(crate) name: &'r str,
    /// The text.
    pub(crate) text: &'r str,
}

/// What is to be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is to be there.
    Add,
    /// It is not to be there.
    Remove,
}

impl Provider {
    /// The one of the plan.
    pub(crate) fn new(provider: &DnsProvider) -> Result<Self, Failure> {
        let keeper = match provider {
            DnsProvider::Rfc2136 {
                server,
                key_name,
                algorithm,
                key,
            } => Keeper::Rfc2136(Rfc2136::new(*server, key_name, *algorithm, key)?),
            DnsProvider::Cloudflare { token } => {
                Keeper::Cloudflare(Cloudflare::new(cloudflare::BASE, token))
            }
            DnsProvider::Desec { token } => Keeper::Desec(Desec::new(desec::BASE, token)),
            DnsProvider::Route53 {
                access_key,
                secret_key,
            } => Keeper::Route53(Route53::new(route53::BASE, access_key, secret_key)),
            DnsProvider::Gandi { token } => Keeper::Gandi(Gandi::new(gandi::BASE, token)),
            DnsProvider::Porkbun {
                api_key,
                secret_key,
            } => Keeper::Porkbun(Porkbun::new(porkbun::BASE, api_key, secret_key)),
            DnsProvider::Exec { command } => Keeper::Exec(Exec::new(command)?),
        };
        Ok(Self {
            keeper,
            identity: identity(provider).into(),
        })
    }

    /// What tells it from others, without a secret: the journal keeps its records by this.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// The name server that shows changes first, where it is known.
    pub(crate) fn primary(&self) -> Option<SocketAddr> {
        match &self.keeper {
            Keeper::Rfc2136(server) => Some(server.address()),
            Keeper::Cloudflare(_)
            | Keeper::Desec(_)
            | Keeper::Route53(_)
            | Keeper::Gandi(_)
            | Keeper::Porkbun(_)
            | Keeper::Exec(_) => None,
        }
    }

    /// What changes of this record must take turns by: most providers take all texts of a name at once.
    pub(crate) fn turn<'t>(&'t self, record: &Record<'t>) -> &'t str {
        match &self.keeper {
            // It refuses a change of a zone while it does another.
            Keeper::Route53(_) => record.zone.unwrap_or(&self.identity),
            // It may write all into one file.
            Keeper::Exec(_) => &self.identity,
            Keeper::Rfc2136(_)
            | Keeper::Cloudflare(_)
            | Keeper::Desec(_)
            | Keeper::Gandi(_)
            | Keeper::Porkbun(_) => record.name,
        }
    }

    /// Adds or removes one text.
    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        match &self.keeper {
            Keeper::Rfc2136(server) => server.change(change, record).await,
            Keeper::Cloudflare(cloudflare) => cloudflare.change(change, record).await,
            Keeper::Desec(desec) => desec.change(change, record).await,
            Keeper::Route53(route53) => route53.change(change, record).await,
            Keeper::Gandi(gandi) => gandi.change(change, record).await,
            Keeper::Porkbun(porkbun) => porkbun.change(change, record).await,
            Keeper::Exec(program) => program.change(change, record).await,
        }
    }
}

impl<'r> Record<'r> {
    /// The zones that it may be in, likeliest first: what its name servers say, else all above it.
    fn zones(self) -> impl Iterator<Item = &'r str> {
        let above = std::iter::successors(Some(self.name), |name| Some(name.split_once('.')?.1));
        let above = above.filter(move |name| name.contains('.') && Some(*name) != self.zone);
        self.zone.into_iter().chain(above)
    }

    /// The part of its name below a zone; empty at the zone's own name.
    fn below(self, zone: &str) -> &'r str {
        let below = self.name.strip_suffix(zone).unwrap_or(self.name);
        below.strip_suffix('.').unwrap_or(below)
    }
}

/// All texts of a name after a change, where they are a set; `None` when nothing is to be done.
fn changed(change: Change, before: &[String], text: &str) -> Option<Vec<String>> {
    let is_it = |shown: &&String| unquoted(shown) == text;
    let is_there = before.iter().any(|shown| is_it(&shown));
    match change {
        Change::Add if !is_there => {
            let mut after = before.to_vec();
            after.push(quoted(text));
            Some(after)
        }
        Change::Remove if is_there => {
            let others = before.iter().filter(|shown| !is_it(shown));
            Some(others.cloned().collect())
        }
        Change::Add | Change::Remove => None,
    }
}

/// A text as zone files have it. Those of challenges have no sign that would need care.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A text of one string as it is meant.
fn unquoted(shown: &str) -> &str {
    let inside = shown
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or(shown)
}

fn identity(provider: &DnsProvider) -> String {
    let place = credential::place;
    match provider {
        DnsProvider::Rfc2136 { server, .. } => format!("rfc2136 {server}"),
        DnsProvider::Cloudflare { token } => format!("cloudflare {}", place(token)),
        DnsProvider::Desec { token } => format!("desec {}", place(token)),
        DnsProvider::Route53 { access_key, .. } => format!("route53 {}", place(access_key)),
        DnsProvider::Gandi { token } => format!("gandi {}", place(token)),
        DnsProvider::Porkbun { api_key, .. } => format!("porkbun {}", place(api_key)),
        DnsProvider::Exec { command } => format!("exec {}", command.join(" ")),
    }
}

/// A failure of who keeps the zone.
fn failed(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Dns, sentence)
}

#[cfg(test)]
mod tests;
