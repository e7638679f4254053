//! A snapshot as one worker sees it: with its own connection pools and folders.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::plan::Moved;
use ondol_model::plan::MovedPath;
use ondol_model::plan::Passthrough;
use ondol_model::plan::Proxy;
use ondol_model::plan::Redirect;
use ondol_model::plan::Route;
use ondol_model::plan::Site;
use ondol_model::plan::SiteLog;
use ondol_model::upstream::Upstream;

use crate::apps::Apps;
use crate::apps::Room;
use crate::client_auth::Guard;
use crate::counters::SiteCounters;
use crate::counters::SitesCounted;
use crate::data_plane::Failures;
use crate::dress::Dress;
use crate::files::Folders;
use crate::files::Root;
use crate::gate;
use crate::gate::Gate;
use crate::passthrough::PassedTo;
use crate::php::Php;
use crate::respond::PreparedRespond;
use crate::snapshot::Snapshot;
use crate::upstream::Connector;
use crate::upstream::Known;
use crate::upstream::Pool;
use crate::upstream::Servers;
use crate::upstream::Watch;

/// A snapshot, and what a worker keeps for each target of it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Snapshot,
    /// The servers whose health the owner is told of.
    known: Known,
    /// In the order of the plan.
    sites: Vec<SiteView>,
    /// Where requests are counted that are for no site.
    nowhere: Arc<SiteCounters>,
    /// Whether the name that a visitor asks for decides what becomes of its handshake.
    pub(crate) names_decide: bool,
    /// Whether an upstream, or a script, is told both ends of a visitor's connection.
    pub(crate) tells_visitors: bool,
}

/// What a worker keeps for a site.
#[derive(Debug)]
struct SiteView {
    name: Box<str>,
    counters: Arc<SiteCounters>,
    /// For each of its routes.
    answers: Vec<Answers>,
    /// Where its TLS connections are passed on to, in place of being served here.
    passed_to: Option<Rc<PassedTo>>,
    /// For each of its routes, where it asks for anything.
    gates: Vec<Option<Box<Gate>>>,
    /// Where no route was found.
    dress: Option<Rc<Dress>>,
    /// For each of its routes.
    dresses: Vec<Option<Rc<Dress>>>,
    /// `None` when nothing has moved.
    moved: Option<Moved>,
}

/// Where a route stands in the plan of a view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteIndex {
    site: usize,
    route: usize,
}

/// A target with what a worker keeps for it.
#[derive(Debug)]
pub(crate) enum Answers {
    App(Rc<Room>),
    /// What is known of the folder.
    Files(Rc<Root>),
    Proxy(Servers),
    Php(Box<Php>),
    Redirect(Redirect),
    Respond(PreparedRespond),
}

impl View {
    pub(crate) fn new(
        snapshot: Snapshot,
        pools: &Pools,
        folders: &Folders,
        apps: &Apps,
        counted: &SitesCounted,
    ) -> Self {
        let watch = &pools.watch;
        pools.connector.replace_tls(&snapshot.upstream_tls);
        let keep = |route: &Route| match &route.target {
            Target::App(app) => Answers::App(apps.room(app, pools)),
            Target::Php(php) => Answers::Php(Box::new(Php::new(
                (php, &snapshot.plan),
                (pools, folders),
                apps,
            ))),
            Target::Files(files) => Answers::Files(folders.of(files)),
            Target::Proxy(proxy) => Answers::Proxy(pools.servers(proxy)),
            Target::Redirect(redirect) => Answers::Redirect(redirect.clone()),
            Target::Respond(respond) => Answers::Respond(PreparedRespond::new(respond, folders)),
        };
        let names = snapshot.plan.sites.iter().map(|site| site.name.to_string());
        let names: Vec<_> = names.collect();
        let (counters, nowhere) = counted.of(names.iter().map(String::as_str));
        let each = snapshot.plan.sites.iter().zip(names).zip(counters);
        let sites = each.map(|((site, name), counters)| {
            let dress = Dress::new(&site.rules, folders);
            let dresses = site.routes.iter().map(|route| {
                if route.rules == site.rules {
                    return dress.clone();
                }
                Dress::new(&route.rules, folders)
            });
            let dresses = dresses.collect();
            SiteView {
                name: name.into_boxed_str(),
                counters,
                answers: site.routes.iter().map(keep).collect(),
                passed_to: site.passthrough.as_ref().map(|it| pools.passed_to(it)),
                gates: gate::gates(site, pools),
                dress,
                dresses,
                moved: (!site.redirects.is_empty()).then(|| Moved::new(&site.redirects)),
            }
        });
        let sites: Vec<_> = sites.collect();
        Self {
            names_decide: snapshot.plan.sites.iter().any(decides),
            tells_visitors: tells_visitors(&snapshot.plan),
            sites,
            nowhere,
            known: Known::of(&snapshot.plan, watch),
            snapshot,
        }
    }

    /// Tells the owner of servers that went down, or are up again.
    pub(crate) fn tell(&self, failures: &Failures) {
        self.known.tell(failures);
    }

    /// The site that a TLS connection is passed on for, by the name that it asks for.
    pub(crate) fn passed_to(&self, name: &str) -> Option<(usize, &Rc<PassedTo>)> {
        let site = self.snapshot.routing.find(name)?.site.0;
        Some((site, self.sites[site].passed_to.as_ref()?))
    }

    /// What a site asks of its visitors' certificates.
    pub(crate) fn guard(&self, site: usize) -> Option<&Arc<Guard>> {
        self.snapshot.guards.of(site)
    }

    /// The same for the site that a handshake asks for.
    pub(crate) fn guard_of_name(&self, name: &str) -> Option<&Arc<Guard>> {
        self.guard(self.snapshot.routing.find(name)?.site.0)
    }

    /// The main name of a site, as text.
    pub(crate) fn site_name(&self, index: usize) -> &str {
        &self.sites[index].name
    }

    /// Where requests for a site are counted.
    pub(crate) fn counters(&self, site: Option<usize>) -> &SiteCounters {
        match site {
            Some(index) => &self.sites[index].counters,
            None => &self.nowhere,
        }
    }

    pub(crate) fn site(&self, index: usize) -> &Site {
        &self.snapshot.plan.sites[index]
    }

    /// The route of a site for a normalized path.
    pub(crate) fn find_route(&self, site: usize, path: &str) -> Option<RouteIndex> {
        let route = ondol_model::route::route(self.site(site), path)?;
        Some(RouteIndex { site, route })
    }

    /// Whether a path leads to its route however it is read, where someone else reads it: an upstream.
    /// `sent` is how it came.
    pub(crate) fn is_clear(&self, at: RouteIndex, sent: &str, path: &str) -> bool {
        let site = self.site(at.site);
        let is_all = matches!(&site.routes[..], [only] if only.path.as_str() == "/");
        let is_same = |path: &str| ondol_model::route::route(site, path) == Some(at.route);
        is_all
            || !matches!(
                self.answers(at),
                Answers::Proxy(_) | Answers::App(_) | Answers::Php(_)
            )
            || ondol_model::path::is_clear(sent, path, is_same)
    }

    pub(crate) fn route(&self, at: RouteIndex) -> &Route {
        &self.site(at.site).routes[at.route]
    }

    /// Where a request is logged, as far as it was led.
    pub(crate) fn log(&self, site: Option<usize>, route: Option<RouteIndex>) -> &SiteLog {
        match (route, site) {
            (Some(at), _) => &self.route(at).rules.log,
            (None, Some(site)) => &self.site(site).rules.log,
            (None, None) => &SiteLog::BOX,
        }
    }

    /// What the answers of a route get on their way out; without one, those of the site.
    pub(crate) fn dress(&self, site: usize, route: Option<RouteIndex>) -> Option<&Dress> {
        let dress = match route {
            Some(at) => &self.sites[at.site].dresses[at.route],
            None => &self.sites[site].dress,
        };
        dress.as_deref()
    }

    /// Where a path of a site has moved to.
    pub(crate) fn moved(&self, site: usize, path: &str) -> Option<&MovedPath> {
        let moved = self.sites[site].moved.as_ref()?;
        moved.find(&self.site(site).redirects, path)
    }

    /// What is kept for a route.
    pub(crate) fn answers(&self, at: RouteIndex) -> &Answers {
        &self.sites[at.site].answers[at.route]
    }

    /// What lets visitors through to a route; `None` where all may come.
    pub(crate) fn gate(&self, at: RouteIndex) -> Option<&Gate> {
        self.sites[at.site].gates[at.route].as_deref()
    }

    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let trusted = &self.snapshot.plan.listen.trusted_proxies;
        trusted.iter().any(|network| network.contains(peer))
    }
}

fn decides(site: &Site) -> bool {
    site.passthrough.is_some() || site.client_auth.is_some()
}

fn tells_visitors(plan: &Plan) -> bool {
    let mut all = plan.sites.iter().flat_map(|site| &site.routes);
    if all.any(|route| matches!(route.target, Target::Php(_))) {
        return true;
    }
    let routes = plan.sites.iter().flat_map(|site| &site.routes);
    let mut upstreams = routes
        .filter_map(|route| match &route.target {
            Target::Proxy(proxy) => Some(proxy),
            Target::App(_)
            | Target::Files(_)
            | Target::Php(_)
            | Target::Redirect(_)
            | Target::Respond(_) => None,
        })
        .flat_map(|proxy| proxy.upstreams());
    upstreams.any(|upstream| upstream.proxy_protocol.is_some())
}

/// All pools of a worker. A pool outlives the view that made it while the next one wants the same
/// upstream, so a reload closes no connection that is still of use.
#[derive(Debug)]
pub(crate) struct Pools {
    of: RefCell<HashMap<Upstream, Rc<Pool>>>,
    connector: Connector,
    watch: Watch,
}

impl Pools {
    /// Pools that together make at most so many connections, to servers that all workers watch.
    pub(crate) fn new(connections_max: usize, watch: Watch) -> Self {
        Self {
            of: RefCell::default(),
            connector: Connector::new(connections_max),
            watch,
        }
    }

    pub(crate) fn of(&self, upstream: &Upstream) -> Rc<Pool> {
        let mut pools = self.of.borrow_mut();
        let pool = pools
            .entry(upstream.clone())
            .or_insert_with(|| Rc::new(Pool::new(upstream.clone(), self.connector.clone())));
        Rc::clone(pool)
    }

    /// The servers of a plan, or of an app, with their pools.
    pub(crate) fn servers(&self, proxy: &Proxy) -> Servers {
        let pools = proxy.upstreams().map(|upstream| self.of(upstream));
        Servers::new(proxy, pools.collect(), &self.watch)
    }

    fn passed_to(&self, passthrough: &Passthrough) -> Rc<PassedTo> {
        Rc::new(PassedTo::new(passthrough, self.connector.clone()))
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
