//! Which site, and which route of it, answers a request.

use std::collections::HashMap;

use crate::host::HostPattern;
use crate::path::RoutePath;
use crate::plan::Plan;
use crate::plan::Route;
use crate::plan::Site;

/// Where a site stands in [`Plan::sites`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteIndex(pub usize);

/// A host's site, and by which of its names it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The site.
    pub site: SiteIndex,
    /// Whether the name is the main one.
    pub by: FoundBy,
}

/// By which name a site was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// Its main name.
    Name,
    /// An alias.
    Alias,
}

/// All names of a plan, ready to be looked up.
#[derive(Debug, Default)]
pub struct Routing {
    exact: HashMap<Box<str>, Found>,
    wildcards: HashMap<Box<str>, Found>,
}

/// A name that two sites claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The name.
    pub name: HostPattern,
    /// The site that has it first in the plan.
    pub first: SiteIndex,
    /// The site that claims it too; may be the same.
    pub second: SiteIndex,
}

impl Routing {
    /// The names of all sites. Of a name claimed twice the first site keeps it; [`clashes`] finds
    /// those, and an accepted plan has none.
    pub fn new(plan: &Plan) -> Self {
        let mut routing = Self::default();
        for (name, found) in names(&plan.sites) {
            routing.claim(name, found);
        }
        routing
    }

    /// The site of a host in canonical form (see [`crate::host::authority`]): an exact name before a
    /// wildcard.
    pub fn find(&self, host: &str) -> Option<Found> {
        if let Some(found) = self.exact.get(host) {
            return Some(*found);
        }
        let (_, domain) = host.split_once('.')?;
        self.wildcards.get(domain).copied()
    }

    /// Takes a name; returns who has it already.
    fn claim(&mut self, name: &HostPattern, found: Found) -> Option<Found> {
        let (names, text) = match name {
            HostPattern::Exact(host) => (&mut self.exact, host.as_str()),
            HostPattern::Wildcard(domain) => (&mut self.wildcards, domain.as_str()),
        };
        let holder = names.get(text).copied();
        if holder.is_none() {
            names.insert(text.into(), found);
        }
        holder
    }
}

/// Names that are claimed more than once.
pub fn clashes(sites: &[Site]) -> Vec<Clash> {
    let mut routing = Routing::default();
    let mut clashes = Vec::new();
    for (name, found) in names(sites) {
        if let Some(holder) = routing.claim(name, found) {
            clashes.push(Clash {
                name: name.clone(),
                first: holder.site,
                second: found.site,
            });
        }
    }
    clashes
}

/// Where the route for a normalized path stands in [`Site::routes`]: the longest prefix that covers it.
pub fn route(site: &Site, path: &str) -> Option<usize> {
    site.routes.iter().position(|route| route.path.covers(path))
}

/// Puts routes in the order that [`route`] relies on: longest path first.
pub fn sort(routes: &mut [Route]) {
    routes.sort_by(|a, b| {
        b.path
            .as_str()
            .len()
            .cmp(&a.path.as_str().len())
            .then_with(|| a.path.cmp(&b.path))
    });
}

/// The first path that two of the routes share: the second of them can never match.
pub fn repeated_path<'r>(paths: impl Iterator<Item = &'r RoutePath>) -> Option<&'r RoutePath> {
    let mut seen = std::collections::HashSet::new();
    paths.into_iter().find(|path| !seen.insert(*path))
}

fn names(sites: &[Site]) -> impl Iterator<Item = (&HostPattern, Found)> {
    sites.iter().enumerate().flat_map(|(index, site)| {
        let site_index = SiteIndex(index);
        let main = (
            &site.name,
            Found {
                site: site_index,
                by: FoundBy::Name,
            },
        );
        let aliases = site.aliases.iter().map(move |alias| {
            (
                alias,
                Found {
                    site: site_index,
                    by: FoundBy::Alias,
                },
            )
        });
        std::iter::once(main).chain(aliases)
    })
}

#[cfg(test)]
mod tests;
