//! Whether the box, or a site, can serve now: checks of what is shown already, so that asking costs nothing.

use std::time::Duration;

use ondol_base::clock;

use crate::Surface;
use crate::api;
use crate::api::AppState;
use crate::api::HealthState;

/// How long the store may take to answer. It has one thread, and a disk that hangs holds it.
const STORE: Duration = Duration::from_secs(2);

/// Something that must be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    /// Why it is not so.
    pub(super) trouble: Option<String>,
}

/// What the box needs to serve.
pub(super) async fn of_box(surface: &Surface) -> Vec<Check> {
    let store = store(surface).await;
    let status = surface.status.borrow();
    let is_draining = status
        .generations
        .iter()
        .any(|generation| generation.state == api::GenerationState::Draining);
    let (data_plane, draining) = match (status.generation, is_draining) {
        (Some(_), _) => (None, None),
        (None, true) => (None, Some("the box stops: it takes no new visitors")),
        (None, false) => (Some("no data plane serves visitors"), None),
    };
    let listens = status.sites == 0 || !status.listeners.is_empty();
    let listeners = (!listens).then_some("there are sites, and no address is listened on");
    vec![
        check(
            "configuration",
            (status.revision == 0).then_some("none was accepted"),
        ),
        check("listeners", listeners),
        check("data-plane", data_plane),
        check("draining", draining),
        check("store", store),
    ]
}

/// What a site needs, by its main name or another one; `None` when there is no such site.
pub(super) fn of_site(surface: &Surface, name: &str) -> Option<Vec<Check>> {
    let sites = surface.sites.borrow();
    let is_it = |site: &&api::Site| site.name == name || site.aliases.iter().any(|it| it == name);
    let site = sites.sites.iter().find(is_it)?;
    let mut checks = vec![
        check("data-plane", {
            let serves = surface.status.borrow().generation.is_some();
            (!serves).then_some("no data plane serves visitors")
        }),
        check("certificate", certificate(site, clock::unix_seconds())),
        check("upstreams", upstreams(&surface.status.borrow(), &site.name)),
        check("app", app(&surface.apps.borrow(), &site.name)),
    ];
    let watch = surface.watch.borrow();
    let subject = watch
        .subjects
        .iter()
        .find(|subject| subject.kind == "site" && subject.name == site.name);
    if let Some(subject) = subject {
        let fails = subject.state == HealthState::Fail;
        checks.push(check("check", fails.then(|| subject.sentence.clone())));
    }
    Some(checks)
}

fn check(name: &'static str, trouble: Option<impl Into<String>>) -> Check {
    Check {
        name,
        trouble: trouble.map(Into::into),
    }
}

/// Whether the store answers, and nobody who looks found it broken.
async fn store(surface: &Surface) -> Option<String> {
    match tokio::time::timeout(STORE, surface.store.events(1, None)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Some(ondol_base::chain::Chain(&error).to_string()),
        Err(_) => return Some(format!("it did not answer within {} s", STORE.as_secs())),
    }
    let watch = surface.watch.borrow();
    let mut subjects = watch.subjects.iter();
    let broken = subjects.find(|it| it.kind == "store" && it.state == HealthState::Fail)?;
    Some(broken.sentence.clone())
}

fn certificate(site: &api::Site, now: i64) -> Option<&'static str> {
    if site.scheme != "https" || site.routes.iter().any(|it| it.target == "passthrough") {
        return None;
    }
    match &site.certificate {
        None => Some("there is none yet"),
        Some(certificate) if certificate.expires.unix_seconds() < now => Some("it has expired"),
        Some(_) => None,
    }
}

/// Sites do not say which server is for which path, so one is enough that is up.
fn upstreams(status: &api::Status, site: &str) -> Option<String> {
    let servers = status.servers.iter();
    let servers = servers.filter(|server| server.sites.iter().any(|name| name == site));
    let troubles: Vec<_> = servers.map(|server| server.trouble.as_ref()).collect();
    let first = troubles.first().copied().flatten()?;
    let all_down = troubles.iter().all(Option::is_some);
    all_down.then(|| match troubles.len() {
        1 => format!("its server is down: {first}"),
        count => format!("all {count} servers are down; the first: {first}"),
    })
}

fn app(apps: &api::Apps, site: &str) -> Option<String> {
    let mut apps = apps.apps.iter();
    let app = apps.find(|app| {
        let is_down = match app.state {
            AppState::Failed | AppState::Stopped => true,
            AppState::Running
            | AppState::Starting
            | AppState::Deploying
            | AppState::Watching
            | AppState::Asleep => false,
        };
        is_down && app.sites.iter().any(|name| name == site)
    })?;
    let what = match app.state {
        AppState::Stopped => "its owner stopped it",
        _ => "it ended again and again",
    };
    Some(format!("{}: {what}", app.name))
}
