//! Whether a site answers, asked as a visitor would: through the box's own listener, with a connection of its own, so
//! that accepting, TLS and the certificate are looked at too.

use std::net::SocketAddr;

use ondol_base::chain::Chain;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::plan::ClientCertificate;
use ondol_model::plan::Scheme;
use ondol_model::plan::SiteCheck;
use ondol_model::route;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::Bench;
use crate::facts::AppCondition;
use crate::facts::Facts;

mod ask;
mod judge;
mod trust;

use ask::AskError;
use ask::Question;
pub(super) use trust::Trust;

/// Who is asked for what, before anybody is.
#[derive(Debug, PartialEq)]
enum Course {
    /// Nobody has to be asked to know.
    Known(Observation),
    /// This address.
    Ask(SocketAddr),
}

/// The site of this main name with how it is looked at; `None` when it isn't.
pub(super) fn find<'p>(plan: &'p Plan, name: &str) -> Option<(&'p Site, &'p SiteCheck)> {
    let mut sites = plan.sites.iter();
    let site = sites.find(|site| site.name.to_string() == name)?;
    Some((site, site.check.as_ref()?))
}

/// Looks once; `None` when the site is not looked at any more.
pub(super) async fn look(bench: &Bench, plan: &Plan, name: &str) -> Option<Observation> {
    let (site, check) = find(plan, name)?;
    let course = course(site, check, &bench.ground.facts.borrow());
    let address = match course {
        Course::Known(seen) => return Some(seen),
        Course::Ask(address) => address,
    };
    let _permit = bench.permits.acquire().await.ok()?;
    let subject = Subject::Site(name.to_owned());
    let question = Question {
        address,
        host: asked_host(site),
        check,
        tls: match site.scheme {
            Scheme::Https => Some(bench.trust.config(site, plan).await),
            Scheme::Http => None,
        },
        wants_certificate: wants_certificate(site),
    };
    Some(match ask::ask(question).await {
        Ok(answer) => judge::judge(subject, check, &answer),
        // Nothing is wrong with the site when the one who looks is not able to.
        Err(AskError::Unready) => Observation::unknown(subject),
        Err(error) => {
            let silent = Finding::saying(What::NoAnswer, Chain(&error).to_string());
            Observation::fail(subject, silent)
        }
    })
}

/// What is known without asking, or whom to ask. An app that sleeps is not woken, and one that its owner stopped is
/// nobody's trouble.
fn course(site: &Site, check: &SiteCheck, facts: &Facts) -> Course {
    let subject = Subject::Site(site.name.to_string());
    let address = match site.scheme {
        Scheme::Https => facts.https,
        Scheme::Http => facts.http,
    };
    let Some(address) = address.filter(|_| site.passthrough.is_none()) else {
        return Course::Known(Observation::unknown(subject));
    };
    match app_condition(site, check, facts) {
        Some(AppCondition::Asleep) => return Course::Known(Observation::pass(subject)),
        Some(AppCondition::Stopped) => return Course::Known(Observation::unknown(subject)),
        Some(AppCondition::Well | AppCondition::Starting | AppCondition::Failed) | None => {}
    }
    if !facts.is_served {
        let nobody = Finding::of(What::NobodyServes);
        return Course::Known(Observation::fail(subject, nobody));
    }
    Course::Ask(address)
}

/// How the app is that answers what is asked for, where one does.
fn app_condition(site: &Site, check: &SiteCheck, facts: &Facts) -> Option<AppCondition> {
    let path = check.path.split('?').next().unwrap_or_default();
    let route = &site.routes[route::route(site, path)?];
    let app = route.target.app()?.to_string();
    let mut known = facts.apps.iter();
    known
        .find(|known| known.name == app)
        .map(|app| app.condition)
}

/// A name that the site answers to as itself. One that stands for many is asked as one of them.
fn asked_host(site: &Site) -> String {
    match &site.name {
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::Wildcard(domain) => format!("ondol-check.{domain}"),
    }
}

fn wants_certificate(site: &Site) -> bool {
    let wanted = site.client_auth.as_ref().map(|auth| auth.certificate);
    wanted == Some(ClientCertificate::Required)
}

#[cfg(test)]
mod tests;
