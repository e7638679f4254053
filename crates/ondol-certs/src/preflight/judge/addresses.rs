//! What follows from the addresses of a name.

use std::net::IpAddr;

use ondol_base::chain::Chain;
use ondol_model::HostPattern;
use ondol_model::plan::Challenge;

use super::Addresses;
use super::Http;
use super::LookupError;
use super::Port;
use super::Probed;
use super::Seen;
use super::Surroundings;
use super::Verdict;
use super::View;
use super::is_unreached;

/// What to do when the public address of this box is not known here.
const OWN_ADDRESS: &str =
    "your router shows the public address of this box as its internet or WAN address";

/// The judgement on the addresses of a name.
pub(super) fn judge(seen: &Seen<'_>, surroundings: &Surroundings) -> Verdict {
    match &seen.addresses {
        Addresses::NotNeeded => Verdict::Go,
        Addresses::Unknown(error) => unknown(seen.name, error, surroundings),
        Addresses::Probed(probed) => {
            let judged = Judged {
                seen,
                surroundings,
                probed,
            };
            let verdicts: Vec<Verdict> = probed.iter().map(|one| judged.one(one)).collect();
            super::all(&verdicts)
        }
    }
}

fn unknown(name: &HostPattern, error: &LookupError, surroundings: &Surroundings) -> Verdict {
    let ttl = match error {
        LookupError::NoSuchName { ttl, .. } | LookupError::NoRecord { ttl, .. } => ttl,
        error => {
            return Verdict::Doubt(format!(
                "the addresses of {name} could not be looked up: {}",
                Chain(error)
            ));
        }
    };
    let absent = absent(name, error, surroundings);
    let sentence = match ttl.filter(|_| surroundings.view != View::Outside) {
        Some(ttl @ 60..) => format!(
            "{absent} (name servers may repeat the old answer for {} min after that)",
            ttl.div_ceil(60)
        ),
        Some(_) | None => absent,
    };
    // An issuer of the owner's own may know names that these name servers don't.
    if !surroundings.is_issuer_outside && surroundings.view == View::Inside {
        return Verdict::Doubt(sentence);
    }
    Verdict::Stop(sentence)
}

fn absent(name: &HostPattern, error: &LookupError, surroundings: &Surroundings) -> String {
    let name = name.to_string();
    let (at, what) = match error {
        LookupError::NoRecord { name, .. } => (name, "has no A or AAAA record"),
        LookupError::NoSuchName { name, .. } => (name, "does not exist in DNS"),
        other => return Chain(other).to_string(),
    };
    if *at != name {
        return format!("{name} is an alias (CNAME) of {at}, which {what}: correct one of the two");
    }
    match surroundings.v4 {
        Some(own) => format!("{name} {what}: add an A record to {own}"),
        None => format!(
            "{name} {what}: add an A record to the public address of this box ({OWN_ADDRESS})"
        ),
    }
}

struct Judged<'j> {
    seen: &'j Seen<'j>,
    surroundings: &'j Surroundings,
    probed: &'j [Probed],
}

impl Judged<'_> {
    fn one(&self, one: &Probed) -> Verdict {
        if self.surroundings.is_issuer_outside && is_unreached(one.address) {
            return self.private(one.address);
        }
        match &one.http {
            Http::NotAsked => self.by_port_443(one),
            Http::Ours => Verdict::Go,
            Http::Other {
                status,
                server,
                is_near,
            } => self.other(one, *status, server.as_deref(), *is_near),
            Http::Busy { status } => {
                self.doubt(one, &format!("answers {status}, and not as Ondol"))
            }
            Http::Redirects { to } => {
                let to = to.as_deref().unwrap_or("an unknown place");
                self.doubt(
                    one,
                    &format!("is not answered by Ondol, but redirects to {to}"),
                )
            }
            Http::Unreadable => self.doubt(one, "does not answer in HTTP"),
            Http::Refused if self.is_by_443() => self.by_port_443(one),
            Http::Silent if self.is_by_443() => self.by_port_443(one),
            Http::Refused => self.closed(one, "refuses connections"),
            Http::Silent => self.closed(one, "does not answer"),
            Http::NoWay => self.no_way(one),
        }
    }

    fn private(&self, address: IpAddr) -> Verdict {
        let name = self.seen.name;
        let issuer = self.seen.issuer;
        if self.is_address() {
            return Verdict::Stop(format!(
                "{name} is an address of a private network, for which {issuer} can't vouch: use the issuer `internal`"
            ));
        }
        let has_public = self.probed.iter().any(|one| !is_unreached(one.address));
        if has_public || self.surroundings.view != View::Outside {
            return Verdict::Doubt(format!(
                "seen from this box, {name} points to {address}, an address of a private network; {issuer} needs a public one"
            ));
        }
        Verdict::Stop(format!(
            "{name} points to {address}, an address of a private network, which {issuer} can't reach: {}, or use the challenge `dns`",
            self.correct_to()
        ))
    }

    fn other(&self, one: &Probed, status: u16, server: Option<&str>, is_near: bool) -> Verdict {
        let address = one.address;
        let name = self.seen.name;
        let who = match server {
            Some(server) => format!("another server answers ({status}, {server})"),
            None => format!("another server answers ({status})"),
        };
        let place = self.place(address);
        if one.is_own {
            return Verdict::Doubt(format!("{place}, an address of this box, where {who}"));
        }
        if self.is_by_443() && one.https != Port::Closed {
            return Verdict::Doubt(format!("{place}, where {who} on port 80: is it this box?"));
        }
        if is_near {
            return Verdict::Doubt(format!(
                "{place}, where a device nearby answers ({status}), perhaps the router itself: forward port 80 to this box if that is not done yet"
            ));
        }
        if self.probed.iter().any(|one| one.http == Http::Ours) && address.is_ipv4() {
            return Verdict::Doubt(format!("{place} too, where {who}: remove that A record"));
        }
        if address.is_ipv6() && !self.is_address() {
            return Verdict::Stop(format!(
                "the AAAA record of {name} leads to {address}, where {who}: correct or remove it, since issuers prefer IPv6"
            ));
        }
        let correct = self.correct();
        let own = match self.own(address) {
            _ if is_unreached(address) => format!("and not Ondol: {correct}"),
            Some(own) => format!("but this box is {own}: {correct}"),
            None => format!(
                "and not Ondol: {correct}, or if that is your own address, forward port 80 to this box ({OWN_ADDRESS})"
            ),
        };
        Verdict::Stop(format!("{place}, where {who}, {own}"))
    }

    fn closed(&self, one: &Probed, how: &str) -> Verdict {
        let correct = self.correct();
        match self.own(one.address) {
            _ if is_unreached(one.address) => self.doubt(one, how),
            Some(own) if !one.is_own => self.doubt(
                one,
                &format!("{how}, and this box is {own}: {correct} if that is not meant"),
            ),
            None => self.doubt(
                one,
                &format!(
                    "{how} when asked from inside: forward it to this box if that is not done yet"
                ),
            ),
            Some(_) => self.doubt(one, how),
        }
    }

    fn no_way(&self, one: &Probed) -> Verdict {
        match one.address {
            IpAddr::V6(address) => Verdict::Doubt(format!(
                "{}: whether its AAAA record {address} leads here can't be seen, as this box has no IPv6: remove it if it is not meant, since issuers prefer IPv6",
                self.seen.name
            )),
            IpAddr::V4(_) => self.doubt(one, "can't be reached from this box"),
        }
    }

    fn by_port_443(&self, one: &Probed) -> Verdict {
        match one.https {
            Port::Open | Port::Unknown => Verdict::Go,
            Port::Closed => Verdict::Doubt(format!(
                "{}, whose port 443 could not be reached from this box",
                self.place(one.address)
            )),
        }
    }

    /// What to say of an address when it may be in order all the same.
    fn doubt(&self, one: &Probed, how: &str) -> Verdict {
        Verdict::Doubt(format!("{}, whose port 80 {how}", self.place(one.address)))
    }

    fn place(&self, address: IpAddr) -> String {
        match self.is_address() {
            true => format!("the name of the site is {address}"),
            false => format!("{} points to {address}", self.seen.name),
        }
    }

    fn correct(&self) -> &'static str {
        match self.is_address() {
            true => "correct the name of the site",
            false => "correct the record",
        }
    }

    /// The public address of this box of the same version, if it has it itself.
    fn own(&self, address: IpAddr) -> Option<IpAddr> {
        match address {
            IpAddr::V4(_) => self.surroundings.v4.map(IpAddr::from),
            IpAddr::V6(_) => self.surroundings.v6.map(IpAddr::from),
        }
    }

    fn is_address(&self) -> bool {
        self.seen
            .name
            .exact()
            .is_some_and(|host| host.ip().is_some())
    }

    fn correct_to(&self) -> String {
        match self.surroundings.v4 {
            Some(own) => format!("point it to {own}"),
            None => format!("point it to the public address of this box ({OWN_ADDRESS})"),
        }
    }

    fn is_by_443(&self) -> bool {
        self.seen.way == Some(Challenge::TlsAlpn)
    }
}
