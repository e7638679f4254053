//! `ondol sites`: every site with its names and routes, and who gave its certificate until when; then how each is.

use ondol_admin::api::CertState;
use ondol_admin::api::HealthState;
use ondol_admin::api::Route;
use ondol_admin::api::Site;
use ondol_admin::api::SiteCertificate;
use ondol_admin::api::Sites;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::certificate_of::is_passed_on;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Screens of this width have room for the certificate in one row.
const ROOMY: usize = 100;

/// Asks and prints.
pub(crate) async fn run(client: &Client, format: Format) -> anyhow::Result<()> {
    let sites = client.sites().await?;
    match format {
        Format::Json => output::print_json(&sites),
        Format::Human => {
            let screen = Screen::of_standard_output();
            Ok(output::print(&render(
                &sites,
                clock::unix_seconds(),
                screen,
            ))?)
        }
    }
}

fn render(sites: &Sites, now: i64, screen: Screen) -> String {
    if sites.sites.is_empty() {
        return "The configuration has no sites.\n".to_owned();
    }
    let mut table = Table::new([
        Column::text("SITE"),
        Column::text("ROUTE"),
        Column::word("TARGET"),
        Column::text("TO"),
        Column::text("CERTIFICATE"),
    ]);
    for site in &sites.sites {
        rows(site, now, screen, &mut table);
    }
    let mut text = table.render(screen);
    let health = health(sites, now, screen);
    if !health.is_empty() {
        text.push('\n');
        text.push_str(&health);
    }
    text
}

/// How those are that are looked at.
fn health(sites: &Sites, now: i64, screen: Screen) -> String {
    let watched = sites.sites.iter();
    let watched: Vec<_> = watched
        .filter_map(|site| Some((&site.name, site.health.as_ref()?)))
        .collect();
    if watched.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::text("SITE"),
        Column::word("STATE"),
        Column::word("SINCE"),
        Column::number("ANSWER"),
        Column::number("30 DAYS"),
        Column::text("WHY"),
    ]);
    for (name, health) in watched {
        let (word, tint) = match health.state {
            HealthState::Pass => ("up", Tint::Good),
            HealthState::Warn => ("up", Tint::Attention),
            HealthState::Fail => ("down", Tint::Bad),
            HealthState::Unknown => ("not known", Tint::Faint),
        };
        table.push([
            Cell::from(name),
            Cell::new(word, tint),
            Cell::from(span::relative(health.since.unix_seconds(), now)),
            Cell::from(output::milliseconds(health.took_ms)),
            Cell::from(output::share(health.uptime)),
            Cell::from(&health.sentence),
        ]);
    }
    table.render(screen)
}

/// The routes under the main name, then a row for each alias, which has none of its own. The certificate
/// is told beside them, in as many rows as it takes.
fn rows(site: &Site, now: i64, screen: Screen, table: &mut Table) {
    let mut name = Cell::new(format!("{}://{}", site.scheme, site.name), Tint::Strong);
    let mut certificate = certificate(site, now, screen).into_iter();
    let mut beside = || certificate.next().unwrap_or_else(|| Cell::from(""));
    for Route { path, target, to } in &site.routes {
        let name = std::mem::replace(&mut name, Cell::from(""));
        let [path, target, to] = [path, target, to].map(Cell::from);
        table.push([name, path, target, to, beside()]);
    }
    for alias in &site.aliases {
        let verb = if site.serves_aliases {
            "served like"
        } else {
            "redirects to"
        };
        let name = Cell::new(format!("  {alias}"), Tint::Faint);
        let to = format!("{verb} {}", site.name);
        let [path, target, to] = ["", "alias", &to].map(Cell::from);
        table.push([name, path, target, to, beside()]);
    }
    for rest in certificate {
        let [name, path, target, to] = [""; 4].map(Cell::from);
        table.push([name, path, target, to, rest]);
    }
}

/// Who gave the certificate and when it ends, in pieces for one below the other where it is narrow.
fn certificate(site: &Site, now: i64, screen: Screen) -> Vec<Cell> {
    let Some(certificate) = &site.certificate else {
        return vec![match site.scheme.as_str() {
            "https" if is_passed_on(site) => Cell::new("not here", Tint::Faint),
            "https" => Cell::new("missing", Tint::Bad),
            _ => Cell::new("-", Tint::Faint),
        }];
    };
    let (what, when, tint) = if certificate.stand_in {
        ("own CA for now", how_far(certificate, now), Tint::Attention)
    } else {
        let expires = certificate.expires.unix_seconds();
        let tint = if expires < now {
            Tint::Bad
        } else {
            Tint::Plain
        };
        (issuer(certificate), span::relative(expires, now), tint)
    };
    let is_alone = site.routes.len() + site.aliases.len() < 2;
    if screen.width.is_none_or(|width| width >= ROOMY) {
        vec![Cell::new(format!("{what}, {when}"), tint)]
    } else if is_alone {
        vec![Cell::new(format!("{what}\n{when}"), tint)]
    } else {
        vec![Cell::new(what, tint), Cell::new(when, tint)]
    }
}

fn issuer(certificate: &SiteCertificate) -> &str {
    match (certificate.source.as_str(), &certificate.issuer_name) {
        ("internal", _) => "own CA",
        ("acme", Some(name)) => name,
        ("acme", None) => &certificate.issuer,
        (_file, _) => "own file",
    }
}

/// How far the certificate is that is wanted.
fn how_far(certificate: &SiteCertificate, now: i64) -> String {
    match (certificate.state, certificate.next_at) {
        (CertState::Waiting, Some(at)) if at.unix_seconds() > now => {
            format!("try {}", span::relative(at.unix_seconds(), now))
        }
        (CertState::Nobody, _) => "none to come".to_owned(),
        (CertState::Held | CertState::Ordering | CertState::Waiting, _) => "being got".to_owned(),
    }
}

#[cfg(test)]
mod tests;
