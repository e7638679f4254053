//! Plans made by hand.

use std::net::SocketAddr;
use std::time::Duration;

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::Target;
use ondol_model::network::Network;
use ondol_model::path::RoutePath;
use ondol_model::plan::AccessLog;
use ondol_model::plan::AliasAnswer;
use ondol_model::plan::Destination;
use ondol_model::plan::Listen;
use ondol_model::plan::Passthrough;
use ondol_model::plan::Proxy;
use ondol_model::plan::Respond;
use ondol_model::plan::Route;
use ondol_model::plan::Rules;
use ondol_model::plan::Scheme;
use ondol_model::plan::Timeouts;
use ondol_model::plan::access::Access;
use ondol_model::upstream::Upstream as Address;

use super::PATIENCE;
use super::Upstream;

/// A plan of these sites, that trusts no proxy.
pub(crate) fn plan(sites: impl IntoIterator<Item = Site>) -> Plan {
    Plan {
        box_name: "test".to_owned(),
        email: None,
        timezone: None,
        listen: Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ondol_model::forwarded::ClientIpHeader::XForwardedFor,
        },
        access_log: AccessLog::default(),
        certificates: Vec::new(),
        resolvers: Vec::new(),
        apps: Vec::new(),
        backup: ondol_model::plan::Backup::default(),
        care: ondol_model::plan::Care::default(),
        sites: sites.into_iter().collect(),
    }
}

/// A site for plain HTTP with one target.
pub(crate) fn site(name: &str, target: Target) -> Site {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        response: PATIENCE * 2,
        ..Timeouts::default()
    };
    let rules = Rules {
        timeouts,
        ..Rules::default()
    };
    Site {
        name: HostPattern::parse(name).unwrap(),
        aliases: Vec::new(),
        alias_answer: AliasAnswer::Redirect,
        scheme: Scheme::Http,
        certificate: None,
        client_auth: None,
        passthrough: None,
        issuance: Default::default(),
        rules: rules.clone(),
        redirects: Vec::new(),
        check: None,
        health: None,
        routes: vec![Route {
            path: RoutePath::root(),
            base: RoutePath::root(),
            rules,
            target,
        }],
    }
}

/// A site with these rules, for itself and its routes.
pub(crate) fn ruled(site: Site, change: impl Fn(&mut Rules)) -> Site {
    let mut site = site;
    change(&mut site.rules);
    for route in &mut site.routes {
        change(&mut route.rules);
    }
    site
}

/// A site with HTTPS.
pub(crate) fn secure_site(name: &str, target: Target) -> Site {
    Site {
        scheme: Scheme::Https,
        ..site(name, target)
    }
}

/// A site whose TLS connections go to these addresses, and its plain HTTP to another if one is given.
pub(crate) fn passed_site(name: &str, tls: &[SocketAddr], http: Option<Address>) -> Site {
    let passthrough = Passthrough {
        tls: tls
            .iter()
            .map(|address| Destination::parse(&address.to_string()).unwrap())
            .collect(),
        proxy_protocol: None,
    };
    let mut site = secure_site(name, proxy_to_all(http.clone()));
    if http.is_none() {
        site.routes.clear();
    }
    Site {
        passthrough: Some(passthrough),
        alias_answer: AliasAnswer::Serve,
        ..site
    }
}

/// A target that answers 200 with this text.
pub(crate) fn respond(body: &str) -> Target {
    Target::Respond(Respond::text(200, body))
}

/// A target that forwards to this upstream.
pub(crate) fn proxy_to(upstream: &Upstream) -> Target {
    proxy_to_all([upstream.address()])
}

/// A target that forwards to these, in turn.
pub(crate) fn proxy_to_all(upstreams: impl IntoIterator<Item = Address>) -> Target {
    Target::Proxy(Proxy::to(upstreams.into_iter().collect()))
}

/// A site for plain HTTP that asks for something on all of its routes.
pub(crate) fn guarded(name: &str, target: Target, access: Access) -> Site {
    let mut site = site(name, target);
    for route in &mut site.routes {
        route.rules.access = access.clone();
    }
    site.rules.access = access;
    site
}

/// A plan that believes what visitors from this machine say of their address.
pub(crate) fn trusting(sites: impl IntoIterator<Item = Site>) -> Plan {
    let mut plan = plan(sites);
    plan.listen.trusted_proxies = networks(&["127.0.0.0/8"]);
    plan
}

pub(crate) fn networks(texts: &[&str]) -> Vec<Network> {
    texts
        .iter()
        .flat_map(|text| Network::parse_several(text).unwrap())
        .collect()
}
