//! `ondol certs`: every certificate, who made it, how long it is good, and what is done next; those that
//! need the owner first. `ondol certs root` prints the root of Ondol's own CA for import.

use ondol_admin::api::Cert;
use ondol_admin::api::CertProblem;
use ondol_admin::api::CertState;
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

mod detail;
mod follow;
pub(super) mod problems;
pub(super) mod requests;

pub(super) use detail::run as detail;
use problems::Tries;

/// A certificate that ends within this many seconds is worth a look: two weeks.
const SOON: i64 = 14 * 24 * 3_600;
/// Narrower screens have no room for how the last try went; what failed stands below the table anyway.
const ROOMY: usize = 100;

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
    let mut certificates: Vec<_> = certs.certificates.iter().collect();
    certificates.sort_by_key(|certificate| (need(certificate, now), place(certificate)));
    let mut columns = vec![
        Column::text("NAME"),
        Column::text("ISSUER"),
        Column::word("EXPIRES"),
        Column::text("NEXT"),
    ];
    let is_roomy = screen.width.is_none_or(|width| width >= ROOMY);
    let has_results = certificates.iter().any(|cert| cert.last.is_some());
    if is_roomy && has_results {
        columns.push(Column::word("LAST RESULT"));
    }
    let shown = columns.len();
    let mut table = Table::new(columns);
    for certificate in &certificates {
        let mut cells = vec![
            name(certificate),
            issuer(certificate),
            expires(certificate, now),
            next(certificate, now),
            last_result(certificate, now),
        ];
        cells.truncate(shown);
        table.push(cells);
    }
    let mut text = table.render(screen);
    let problems = problems(&certificates);
    for sentence in problems::sentences(&problems, Tries::Elsewhere, now) {
        text.push_str(&status::marked(&sentence, screen));
    }
    text
}

/// How much a certificate needs its owner; the least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// Visitors are warned off, and it does not mend itself at once.
    Broken,
    /// Something is wrong, which visitors don't notice.
    Help,
    /// Something is under way, or is to be done soon.
    Look,
    /// Nothing.
    Nothing,
}

fn need(certificate: &Cert, now: i64) -> Need {
    let ends = certificate.not_after.unix_seconds();
    let is_left_to_owner = certificate.next_at.is_none() && certificate.wanted.is_empty();
    match certificate.state {
        _ if ends < now => Need::Broken,
        _ if certificate.problem.is_some() && certificate.is_stand_in() => Need::Broken,
        _ if certificate.problem.is_some() => Need::Help,
        CertState::Nobody => Need::Help,
        CertState::Ordering | CertState::Waiting => Need::Look,
        CertState::Held if is_left_to_owner && ends - now < SOON => Need::Look,
        CertState::Held => Need::Nothing,
    }
}

/// Where the first of its sites stands among all sites.
fn place(certificate: &Cert) -> Option<HostPattern> {
    let mut names = certificate.sites.iter().chain(&certificate.names);
    names.find_map(|name| HostPattern::parse(name).ok())
}

fn name(certificate: &Cert) -> Cell {
    let name = certificate.name();
    let text = match certificate.names.len() {
        0 | 1 => name.to_owned(),
        names => format!("{name} +{}", names - 1),
    };
    Cell::new(text, Tint::Strong)
}

fn issuer(certificate: &Cert) -> Cell {
    if certificate.is_stand_in() {
        return Cell::new("Ondol CA for now", Tint::Attention);
    }
    match (certificate.source.as_str(), &certificate.issuer_name) {
        ("internal", _) => Cell::from(&certificate.issuer),
        ("acme", Some(name)) => Cell::from(name),
        ("acme", None) => Cell::from(&certificate.issuer),
        (file, _) => Cell::from(format!("{}\n{file}", certificate.issuer)),
    }
}

fn expires(certificate: &Cert, now: i64) -> Cell {
    let ends = certificate.not_after.unix_seconds();
    let is_renewed = certificate.renew_at.is_some() || certificate.is_stand_in();
    let tint = match ends - now {
        ..0 => Tint::Bad,
        0..SOON if !is_renewed => Tint::Attention,
        _ if certificate.is_stand_in() => Tint::Faint,
        _ => Tint::Plain,
    };
    Cell::new(span::relative(ends, now), tint)
}

fn next(certificate: &Cert, now: i64) -> Cell {
    let tint = match certificate.state {
        CertState::Held => Tint::Plain,
        CertState::Ordering | CertState::Waiting => Tint::Attention,
        CertState::Nobody => Tint::Bad,
    };
    Cell::new(next_in_words(certificate, now), tint)
}

/// What is done next, in words.
fn next_in_words(certificate: &Cert, now: i64) -> String {
    let at = |what: &str| match &certificate.next_at {
        Some(at) if at.unix_seconds() > now => {
            format!("{what} {}", span::relative(at.unix_seconds(), now))
        }
        Some(_) => format!("{what} now"),
        None => "-".to_owned(),
    };
    match certificate.state {
        CertState::Ordering => match &certificate.step {
            Some(step) => format!("now: {step}"),
            None => "now: being got".to_owned(),
        },
        CertState::Waiting if certificate.failures > 0 => at("next try"),
        CertState::Waiting if certificate.is_stand_in() => at("first try"),
        CertState::Waiting => at("renewal"),
        CertState::Nobody => "none until mended".to_owned(),
        CertState::Held if certificate.next_at.is_some() => at("renewal"),
        CertState::Held if certificate.source == "acme" => "-".to_owned(),
        CertState::Held => "by its owner".to_owned(),
    }
}

fn last_result(certificate: &Cert, now: i64) -> Cell {
    let Some(last) = &certificate.last else {
        return Cell::from("");
    };
    let ago = span::relative(last.at.unix_seconds(), now);
    match (last.good, certificate.failures) {
        (true, _) => Cell::new(format!("good, {ago}"), Tint::Plain),
        (false, _) if certificate.problem.is_none() => {
            Cell::new(format!("failed {ago}"), Tint::Plain)
        }
        (false, 0 | 1) => Cell::new(format!("failed {ago}"), Tint::Bad),
        (false, times) => Cell::new(format!("failed {ago}, {times} times"), Tint::Bad),
    }
}

/// What is wrong, in the order of the rows.
fn problems(certificates: &[&Cert]) -> Vec<CertProblem> {
    let each = certificates.iter().filter_map(|certificate| {
        let message = certificate.problem.clone()?;
        Some(CertProblem {
            name: certificate.called().to_owned(),
            message,
            meanwhile: certificate.meanwhile.clone(),
            next_at: None,
        })
    });
    each.collect()
}

#[cfg(test)]
mod tests;
