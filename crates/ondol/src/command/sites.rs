//! `ondol sites`: every site with its names and routes, and when its certificate ends.

use ondol_admin::api::Route;
use ondol_admin::api::Site;
use ondol_admin::api::Sites;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

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
        Column::word("CERTIFICATE\nENDS"),
    ]);
    for site in &sites.sites {
        rows(site, now, &mut table);
    }
    table.render(screen)
}

/// The routes under the main name, then a row for each alias, which has none of its own.
fn rows(site: &Site, now: i64, table: &mut Table) {
    let mut name = Cell::new(format!("{}://{}", site.scheme, site.name), Tint::Strong);
    let mut ends = ends(site, now);
    for Route { path, target, to } in &site.routes {
        let name = std::mem::replace(&mut name, Cell::from(""));
        let ends = std::mem::replace(&mut ends, Cell::from(""));
        let [path, target, to] = [path, target, to].map(Cell::from);
        table.push([name, path, target, to, ends]);
    }
    for alias in &site.aliases {
        let verb = if site.serves_aliases {
            "served like"
        } else {
            "redirects to"
        };
        let name = Cell::new(format!("  {alias}"), Tint::Faint);
        let to = format!("{verb} {}", site.name);
        let [path, target, to, ends] = ["", "alias", &to, ""].map(Cell::from);
        table.push([name, path, target, to, ends]);
    }
}

/// When the certificate ends.
fn ends(site: &Site, now: i64) -> Cell {
    let Some(certificate) = &site.certificate else {
        return match site.scheme.as_str() {
            "https" if is_passed(site) => Cell::new("not here", Tint::Faint),
            "https" => Cell::new("missing", Tint::Bad),
            _ => Cell::new("-", Tint::Faint),
        };
    };
    let expires = certificate.expires.unix_seconds();
    let tint = if expires < now {
        Tint::Bad
    } else {
        Tint::Plain
    };
    Cell::new(span::relative(expires, now), tint)
}

/// Whether another machine has the certificate.
fn is_passed(site: &Site) -> bool {
    site.routes
        .iter()
        .any(|route| route.target == "passthrough")
}

#[cfg(test)]
mod tests;
