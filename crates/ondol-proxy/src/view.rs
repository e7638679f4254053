//! A snapshot as one worker sees it: with its own connection pools and folders.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use ondol_model::Target;
use ondol_model::plan::Redirect;
use ondol_model::plan::Route;
use ondol_model::plan::Site;
use ondol_model::upstream::Upstream;

use crate::files::Root;
use crate::respond::PreparedRespond;
use crate::snapshot::Snapshot;
use crate::upstream::Leases;
use crate::upstream::Pool;

/// A snapshot, and what a worker keeps for each target of it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    /// For each site, for each of its routes.
    targets: Vec<Vec<Answers>>,
    names: Vec<Box<str>>,
}

/// A target with what a worker keeps for it.
#[derive(Debug)]
pub(crate) enum Answers {
    /// The opened folder.
    Files(Root),
    /// A pool for each upstream, and whose turn it is.
    Proxy(Vec<Rc<Pool>>, Cell<usize>),
    Redirect(Redirect),
    Respond(PreparedRespond),
}

impl View {
    pub(crate) fn new(snapshot: Snapshot, pools: &Pools) -> Self {
        let keep = |route: &Route| match &route.target {
            Target::Files(files) => Answers::Files(Root::new(&files.root)),
            Target::Proxy(proxy) => {
                let pools = proxy
                    .upstreams
                    .iter()
                    .map(|upstream| pools.of(upstream))
                    .collect();
                Answers::Proxy(pools, Cell::new(0))
            }
            Target::Redirect(redirect) => Answers::Redirect(redirect.clone()),
            Target::Respond(respond) => Answers::Respond(PreparedRespond::new(respond)),
        };
        let sites = &snapshot.plan.sites;
        let targets = sites
            .iter()
            .map(|site| site.routes.iter().map(keep).collect())
            .collect();
        let names = sites
            .iter()
            .map(|site| site.name.to_string().into_boxed_str())
            .collect();
        Self {
            snapshot,
            targets,
            names,
        }
    }

    /// Closes folders that no request has used for a while.
    pub(crate) fn rest(&self, now: tokio::time::Instant) {
        for target in self.targets.iter().flatten() {
            if let Answers::Files(root) = target {
                root.rest(now);
            }
        }
    }

    /// The main name of a site, as text.
    pub(crate) fn site_name(&self, index: usize) -> &str {
        &self.names[index]
    }

    pub(crate) fn site(&self, index: usize) -> &Site {
        &self.snapshot.plan.sites[index]
    }

    /// The route of a site for a normalized path, and what is kept for it.
    pub(crate) fn route(&self, site: usize, path: &str) -> Option<(&Route, &Answers)> {
        let routes = &self.site(site).routes;
        let index = ondol_model::route::route(self.site(site), path)?;
        Some((&routes[index], &self.targets[site][index]))
    }

    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let trusted = &self.snapshot.plan.listen.trusted_proxies;
        trusted.iter().any(|network| network.contains(peer))
    }
}

/// All pools of a worker. A pool outlives the view that made it while the next one wants the same
/// upstream, so a reload closes no connection that is still of use.
#[derive(Debug)]
pub(crate) struct Pools {
    of: RefCell<HashMap<Upstream, Rc<Pool>>>,
    leases: Leases,
}

impl Pools {
    /// Pools that together make at most so many connections.
    pub(crate) fn new(connections_max: usize) -> Self {
        Self {
            of: RefCell::default(),
            leases: Leases::new(connections_max),
        }
    }

    fn of(&self, upstream: &Upstream) -> Rc<Pool> {
        let mut pools = self.of.borrow_mut();
        let pool = pools
            .entry(upstream.clone())
            .or_insert_with(|| Rc::new(Pool::new(upstream.clone(), self.leases.clone())));
        Rc::clone(pool)
    }

    /// Closes all idle connections.
    pub(crate) fn close_idle(&self) {
        self.of.borrow().values().for_each(|pool| pool.close_idle());
    }

    /// Closes idle connections that are old, and forgets pools that no view uses.
    pub(crate) fn thin_out(&self, now: tokio::time::Instant) {
        self.of.borrow_mut().retain(|_, pool| {
            pool.thin_out(now);
            Rc::strong_count(pool) > 1 || !pool.is_empty()
        });
    }
}
