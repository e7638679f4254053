//! `ondol sites`: every site with its names and routes, and when its certificate ends.

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
        Column::word("ENDS"),
    ]);
    for site in &sites.sites {
        rows(site, now, &mut table);
    }
    table.render(screen)
}

/// Names run down the first column, routes down the next ones.
fn rows(site: &Site, now: i64, table: &mut Table) {
    let height = site.routes.len().max(1 + site.aliases.len());
    for line in 0..height {
        let name = match line.checked_sub(1) {
            None => Cell::new(address(site), Tint::Strong),
            Some(index) => match site.aliases.get(index) {
                Some(alias) => Cell::new(format!("  {alias}"), Tint::Faint),
                None => Cell::from(""),
            },
        };
        let [path, target, to] = match site.routes.get(line) {
            Some(route) => [&*route.path, &*route.target, &*route.to],
            None => [""; 3],
        };
        let ends = if line == 0 {
            ends(site, now)
        } else {
            Cell::from("")
        };
        let [path, target, to] = [path, target, to].map(Cell::from);
        table.push([name, path, target, to, ends]);
    }
}

/// The name, and what a visitor must put before it when that is not `https`.
fn address(site: &Site) -> String {
    if site.scheme == "https" {
        site.name.clone()
    } else {
        format!("{}://{}", site.scheme, site.name)
    }
}

/// When the certificate ends.
fn ends(site: &Site, now: i64) -> Cell {
    let Some(certificate) = &site.certificate else {
        return match site.scheme.as_str() {
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

#[cfg(test)]
mod tests;
