//! Which certificate each name of a plan gets. Pure: it is given the facts, not the files.

use std::cmp::Reverse;
use std::collections::HashMap;

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::plan::CertificateFiles;

use crate::facts::Facts;
use crate::shelf::Kept;

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'p> {
    /// Files that the person named, for one site or in `[tls]`.
    Files(&'p CertificateFiles),
    /// An issuer.
    Issued(&'p Kept),
    /// Ondol's own CA.
    Internal,
}

/// Some names of one site and where their certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'p> {
    /// The site.
    pub site: &'p Site,
    /// Where the certificate comes from.
    pub source: Source<'p>,
    /// The names it answers, in the site's order; never empty.
    pub names: Vec<&'p HostPattern>,
}

/// Certificates that came from issuers, by the names that they cover.
#[derive(Debug, Default)]
pub struct Offers<'p> {
    by_name: HashMap<&'p HostPattern, Vec<&'p Kept>>,
    now: i64,
}

impl<'p> Offers<'p> {
    /// As they are now, in seconds since the Unix epoch.
    pub fn new(kept: impl IntoIterator<Item = &'p Kept>, now: i64) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for kept in kept {
            for name in &kept.pair.facts.names {
                by_name.entry(name).or_default().push(kept);
            }
        }
        Self { by_name, now }
    }

    /// The best for a name of a site that wants one of an issuer: one that has not ended, of an issuer that is
    /// still asked, and the newest of these, as in `Held`: the owner may have had the one before it revoked. One
    /// that has ended is better than a stand-in: who came before knows its issuer.
    fn best(&self, name: &HostPattern, site: &Site) -> Option<&'p Kept> {
        let issuers: Vec<_> = site.issuance.acme_issuers().collect();
        if issuers.is_empty() {
            return None;
        }
        let exact = self.by_name.get(name);
        let wildcard = name.covering_wildcard();
        let wild = wildcard.and_then(|wildcard| self.by_name.get(&wildcard));
        let covering = exact.into_iter().chain(wild).flatten().copied();
        covering.max_by_key(|kept| {
            let validity = kept.pair.facts.validity;
            let is_asked = issuers.iter().any(|issuer| issuer.name == kept.issuer);
            let is_good = !validity.is_expired(self.now);
            (is_good, is_asked, kept.came_at())
        })
    }
}

/// Chooses for every HTTPS site of a plan: its own certificate, else one of `[tls]` that covers all
/// its names, else one that covers the name; else one that came from an issuer; and Ondol's own CA for
/// what is left. `facts` knows the pairs that can be used. Among several the one that is good longest wins.
pub fn choose<'p, 'f>(
    plan: &'p Plan,
    facts: &dyn Fn(&CertificateFiles) -> Option<&'f Facts>,
    issued: &Offers<'p>,
) -> Vec<Choice<'p>> {
    let mut shared: Vec<_> = plan
        .certificates
        .iter()
        .filter_map(|files| Some((files, facts(files)?)))
        .collect();
    shared.sort_by_key(|(_, facts)| Reverse(facts.validity.not_after));
    let sites = plan.sites.iter().filter(|site| site.has_tls());
    sites
        .flat_map(|site| {
            let own = site.certificate.as_ref();
            let own = own.and_then(|files| Some((files, facts(files)?)));
            choose_for(site, own, &shared, issued)
        })
        .collect()
}

type Offer<'p, 'f> = (&'p CertificateFiles, &'f Facts);

fn choose_for<'p>(
    site: &'p Site,
    own: Option<Offer<'p, '_>>,
    shared: &[Offer<'p, '_>],
    issued: &Offers<'p>,
) -> Vec<Choice<'p>> {
    let whole = |(_, facts): &&Offer<'p, '_>| site.names().all(|name| facts.covers(name));
    let preferred = own.or_else(|| shared.iter().find(whole).copied());
    let offers = preferred.iter().chain(shared);
    let mut choices: Vec<Choice<'p>> = Vec::new();
    for name in site.names() {
        let covering = offers.clone().find(|(_, facts)| facts.covers(name));
        let source = match covering {
            Some((files, _)) => Source::Files(files),
            None => match issued.best(name, site) {
                Some(kept) => Source::Issued(kept),
                None => Source::Internal,
            },
        };
        match choices.iter_mut().find(|choice| choice.source == source) {
            Some(choice) => choice.names.push(name),
            None => choices.push(Choice {
                site,
                source,
                names: vec![name],
            }),
        }
    }
    choices
}

#[cfg(test)]
mod tests;
