//! Names that would have a certificate of Ondol's own CA though others could vouch for them: each reason is
//! told once, with what to do.

use std::net::IpAddr;

use ondol_certs::Names;
use ondol_config::KeyPath;
use ondol_model::HostPattern;
use ondol_model::Hostname;
use ondol_model::Site;
use ondol_model::issuing::Reachable;
use ondol_model::issuing::ways;
use ondol_model::listen::Listener;
use ondol_model::network::is_public;
use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::Challenge;
use ondol_model::plan::Issuance;
use ondol_model::plan::Reach;

use super::Findings;
use super::Subject;
use super::issuing::key_of;

/// Where issuers look for an answer to `http` (RFC 8555 §8.3).
const HTTP_PORT: u16 = 80;
/// Where they look for one to `tls-alpn` (RFC 8737 §3).
const TLS_ALPN_PORT: u16 = 443;

/// Why nobody else vouches for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// It is a wildcard, and nobody can write into its zone.
    NoRecord,
    /// It is a public address, for which there are only short-lived certificates.
    Address,
    /// It is kept for examples.
    Reserved,
    /// An issuer would ask on ports that this box does not have.
    Ports(&'static str),
}

/// `left` are the names that no file covers.
pub(super) fn examine(
    subject: Subject<'_>,
    findings: &mut Findings,
    left: &[(&Site, Vec<&HostPattern>)],
) {
    let mut groups: Vec<(Reason, &Site, Vec<HostPattern>)> = Vec::new();
    for (site, names) in left {
        for name in names {
            let Some(reason) = reason(subject, name, &site.issuance) else {
                continue;
            };
            let name = HostPattern::clone(name);
            match groups.iter_mut().find(|(other, ..)| *other == reason) {
                Some((_, _, names)) => names.push(name),
                None => groups.push((reason, site, vec![name])),
            }
        }
    }
    for (reason, site, names) in groups {
        tell(subject, findings, (reason, site, &names));
    }
}

fn reason(subject: Subject<'_>, name: &HostPattern, issuance: &Issuance) -> Option<Reason> {
    let profile = issuance.profile.as_deref();
    let mut issuers = issuance.acme_issuers().peekable();
    issuers.peek()?; // Ondol's own CA is what the owner wants.
    let vouching: Vec<&AcmeIssuer> = issuers
        .filter(|issuer| issuer.can_vouch_for(name, profile))
        .collect();
    let address = name.exact().and_then(Hostname::ip);
    if vouching.is_empty() {
        let is_public = |address: IpAddr| is_public(address).then_some(Reason::Address);
        let reserved = name.is_reserved().then_some(Reason::Reserved);
        return address.and_then(is_public).or(reserved);
    }
    if ways(name, issuance, Reachable::EVERYWHERE).is_empty() {
        return Some(Reason::NoRecord);
    }
    let listen = &subject.plan.listen;
    let is_usual = vouching.iter().all(|issuer| issuer.reach == Reach::Public);
    let reachable = if is_usual {
        Reachable {
            http: is_open(&listen.http, HTTP_PORT),
            https: is_open(&listen.https, TLS_ALPN_PORT),
        }
    } else {
        // Who has a directory of their own may have told it other ports.
        Reachable {
            http: !listen.http.is_empty(),
            https: !listen.https.is_empty(),
        }
    };
    ports(reachable, name, issuance)
}

fn ports(reachable: Reachable, name: &HostPattern, issuance: &Issuance) -> Option<Reason> {
    let is_lost = |challenge: &Challenge| match challenge {
        Challenge::Http => !reachable.http,
        Challenge::TlsAlpn => !reachable.https,
        Challenge::Dns | Challenge::DnsPersist => false,
    };
    let ways = ways(name, issuance, reachable);
    ways.iter().all(is_lost).then(|| match ways.first() {
        Some(Challenge::Http) => Reason::Ports("port 80"),
        Some(Challenge::TlsAlpn) => Reason::Ports("port 443"),
        Some(Challenge::Dns | Challenge::DnsPersist) | None => Reason::Ports("port 80 or 443"),
    })
}

/// Whether someone outside may come in on a port.
fn is_open(listeners: &[Listener], port: u16) -> bool {
    let mut addresses = listeners.iter().map(|listener| listener.address.address);
    addresses.any(|address| address.port() == port && !address.ip().is_loopback())
}

fn tell(
    subject: Subject<'_>,
    findings: &mut Findings,
    (reason, site, names): (Reason, &Site, &[HostPattern]),
) {
    let shown = Names(names);
    let own = "will have a certificate of Ondol's own CA";
    let of_site = KeyPath::site(&site.name.to_string());
    let (key, problem, help) = match reason {
        Reason::NoRecord => (
            of_site,
            format!("{shown} {own}: nobody can write the record that a wildcard needs"),
            "say in `[tls]`, or in `tls` of the site, who keeps the zone: dns = { provider = \"cloudflare\", token = { file = \"cloudflare.token\" } }".to_owned(),
        ),
        Reason::Address => (
            of_site,
            format!("{shown} {own}: issuers vouch for an address in a short-lived certificate alone"),
            "profile = \"shortlived\" asks for one; issuers = [\"internal\"] means Ondol's own CA".to_owned(),
        ),
        Reason::Reserved => (
            of_site,
            format!("{shown} {own}: the domain is kept for examples, so no issuer vouches for it"),
            "put your own name there".to_owned(),
        ),
        Reason::Ports(ports) => (
            match site.issuance.challenge {
                Some(_) => key_of(subject, site, "challenge"),
                None => of_site,
            },
            format!("issuers may not reach this box: they look for {shown} on {ports}, where it does not listen for visitors from outside"),
            format!("listen there, unless a router leads {ports} to an address in `[listen]`; or let the records of the zone say whose it is: dns = {{ … }}"),
        ),
    };
    findings.warn(subject, &key, problem, help);
}
