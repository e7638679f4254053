//! Which certificate each name of a plan gets. Pure: it is given the facts, not the files.

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::plan::CertificateFiles;

use crate::facts::Facts;

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'p> {
    /// Files that the person named, for one site or in `[tls]`.
    Files(&'p CertificateFiles),
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

/// Chooses for every HTTPS site of a plan: its own certificate, else one of `[tls]` that covers all
/// its names, else one that covers the name; and Ondol's own CA for what is left. `facts` knows the
/// pairs that can be used. Among several the one that is good longest wins.
pub fn choose<'p, 'f>(
    plan: &'p Plan,
    facts: &dyn Fn(&CertificateFiles) -> Option<&'f Facts>,
) -> Vec<Choice<'p>> {
    let mut shared: Vec<_> = plan
        .certificates
        .iter()
        .filter_map(|files| Some((files, facts(files)?)))
        .collect();
    shared.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.validity.not_after));
    let sites = plan.sites.iter().filter(|site| site.has_tls());
    sites
        .flat_map(|site| {
            let own = site.certificate.as_ref();
            let own = own.and_then(|files| Some((files, facts(files)?)));
            choose_for(site, own, &shared)
        })
        .collect()
}

type Offer<'p, 'f> = (&'p CertificateFiles, &'f Facts);

fn choose_for<'p>(
    site: &'p Site,
    own: Option<Offer<'p, '_>>,
    shared: &[Offer<'p, '_>],
) -> Vec<Choice<'p>> {
    let whole = |(_, facts): &&Offer<'p, '_>| site.names().all(|name| facts.covers(name));
    let preferred = own.or_else(|| shared.iter().find(whole).copied());
    let offers = preferred.iter().chain(shared);
    let mut choices: Vec<Choice<'p>> = Vec::new();
    for name in site.names() {
        let covering = offers.clone().find(|(_, facts)| facts.covers(name));
        let source = match covering {
            Some((files, _)) => Source::Files(files),
            None => Source::Internal,
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
