//! `ondol certs`: every certificate, who made it and how long it is good; `ondol certs root` prints
//! the root of Ondol's own CA for import.

use ondol_admin::api::Cert;
use ondol_admin::api::Certs;
use ondol_admin::client::Client;
use ondol_base::clock;
use ondol_model::HostPattern;

use crate::command::status;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// A certificate that ends within this many seconds is worth a look: two weeks.
const SOON: i64 = 14 * 24 * 3_600;

/// Asks and prints.
pub(crate) async fn run(client: &Client, format: Format) -> anyhow::Result<()> {
    let certs = client.certs().await?;
    match format {
        Format::Json => output::print_json(&certs),
        Format::Human => {
            let screen = Screen::of_standard_output();
            Ok(output::print(&render(
                &certs,
                clock::unix_seconds(),
                screen,
            ))?)
        }
    }
}

/// Prints the root as PEM, whatever the output is.
pub(crate) async fn root(client: &Client) -> anyhow::Result<()> {
    Ok(output::print(&client.root().await?)?)
}

fn render(certs: &Certs, now: i64, screen: Screen) -> String {
    if certs.certificates.is_empty() {
        return "No certificates are held: no site needs one.\n".to_owned();
    }
    let mut table = Table::new([
        Column::text("NAMES"),
        Column::text("FROM"),
        Column::word("ENDS"),
        Column::word("RENEWED"),
    ]);
    let mut certificates: Vec<_> = certs.certificates.iter().collect();
    certificates.sort_by_key(|certificate| place(certificate));
    for certificate in &certificates {
        rows(certificate, now, &mut table);
    }
    let mut text = table.render(screen);
    for certificate in certificates {
        if let Some(problem) = &certificate.problem {
            let name = certificate
                .names
                .first()
                .map_or("a certificate", |name| name);
            text.push_str(&status::marked(&format!("{name}: {problem}"), screen));
        }
    }
    text
}

/// Where the first of its sites stands among all sites.
fn place(certificate: &Cert) -> Option<HostPattern> {
    let mut names = certificate.sites.iter().chain(&certificate.names);
    names.find_map(|name| HostPattern::parse(name).ok())
}

fn rows(certificate: &Cert, now: i64, table: &mut Table) {
    let mut names = certificate.names.iter();
    let ends = certificate.not_after.unix_seconds();
    let tint = match ends - now {
        ..0 => Tint::Bad,
        0..SOON if certificate.renew_at.is_none() => Tint::Attention,
        _ => Tint::Plain,
    };
    let renewed = match certificate.renew_at {
        Some(at) => span::relative(at.unix_seconds(), now),
        None => "by its owner".to_owned(),
    };
    table.push([
        Cell::new(names.next().map_or("", |name| name), Tint::Strong),
        Cell::from(origin(certificate)),
        Cell::new(span::relative(ends, now), tint),
        Cell::from(renewed),
    ]);
    for name in names {
        let name = Cell::new(format!("  {name}"), Tint::Faint);
        let blank = || Cell::from("");
        table.push([name, blank(), blank(), blank()]);
    }
}

/// Who signed it, and the file that it came in.
fn origin(certificate: &Cert) -> String {
    match certificate.source.as_str() {
        "internal" => certificate.issuer.clone(),
        file => format!("{}\n{file}", certificate.issuer),
    }
}

#[cfg(test)]
mod tests;
