//! `ondol certs NAME`: all that is known of one certificate.

use ondol_admin::api::Cert;
use ondol_admin::api::Certs;
use ondol_admin::api::Time;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::certificate_of;
use crate::command::status;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;

/// Asks and prints.
pub(in crate::command) async fn run(
    client: &Client,
    name: &str,
    format: Format,
) -> anyhow::Result<()> {
    let certs = client.certs().await?;
    let Some(certificate) = certificate_of::find(&certs, name) else {
        let sites = client.sites().await?;
        anyhow::bail!(certificate_of::missing(&certs, &sites, name));
    };
    match format {
        Format::Json => output::print_json(&Certs {
            certificates: vec![certificate.clone()],
        }),
        Format::Human => {
            let zone = client.status().await?.timezone;
            let place = Place {
                now: clock::unix_seconds(),
                zone: zone.as_deref(),
                screen: Screen::of_standard_output(),
            };
            Ok(output::print(&render(certificate, place))?)
        }
    }
}

/// Where and when it is looked at.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    now: i64,
    zone: Option<&'p str>,
    screen: Screen,
}

fn render(certificate: &Cert, place: Place<'_>) -> String {
    let Place { now, zone, screen } = place;
    let minute = |time: Time| clock::minute_in(zone, time.unix_seconds());
    let mut lines = vec![
        ("names", names(certificate)),
        ("issuer", issuer(certificate)),
        (
            "valid",
            format!(
                "{} to {} ({})",
                minute(certificate.not_before),
                minute(certificate.not_after),
                left(certificate, now)
            ),
        ),
        ("next", next(certificate, place)),
    ];
    if !certificate.wanted.is_empty() && !is_same(&certificate.wanted, &certificate.names) {
        lines.insert(1, ("wanted for", certificate.wanted.join(", ")));
    }
    if !is_same(&certificate.sites, &certificate.names) {
        let sites = match certificate.sites.as_slice() {
            [] => "no site".to_owned(),
            sites => sites.join(", "),
        };
        lines.insert(1, ("used by", sites));
    }
    if let Some(last) = &certificate.last {
        let ago = span::relative(last.at.unix_seconds(), now);
        let result = if last.good { "good" } else { "failed" };
        let is_told_below = certificate.problem.as_ref();
        let is_told_below = is_told_below.is_some_and(|problem| problem.contains(&last.message));
        let message = if is_told_below {
            String::new()
        } else {
            format!(": {}", last.message)
        };
        lines.push(("last result", format!("{result}, {ago}{message}")));
    }
    let title = screen.tinted(certificate.name(), Tint::Strong);
    let mut text = format!("{title}\n");
    for (label, value) in lines {
        text.push_str(&status::labeled(label, &value, screen));
    }
    if let Some(problem) = &certificate.problem {
        let parts = [Some(problem.as_str()), certificate.meanwhile.as_deref()];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        text.push('\n');
        text.push_str(&status::marked(&parts.join(" "), screen));
    }
    text
}

/// The one that it is called by comes first, whatever the order in the certificate.
fn names(certificate: &Cert) -> String {
    let mut names: Vec<_> = certificate.names.iter().map(String::as_str).collect();
    names.sort_by_key(|name| *name != certificate.name());
    names.join(", ")
}

fn issuer(certificate: &Cert) -> String {
    let signed = &certificate.issuer;
    match (certificate.source.as_str(), &certificate.issuer_name) {
        ("internal", _) if certificate.is_stand_in() => {
            format!("{signed}, until an issuer gives one")
        }
        ("internal", _) => signed.clone(),
        ("acme", Some(name)) => format!("{name} ({signed})"),
        ("acme", None) => signed.clone(),
        (file, _) => format!("{signed}, in {file}"),
    }
}

fn left(certificate: &Cert, now: i64) -> String {
    let ends = certificate.not_after.unix_seconds();
    let verb = if ends < now { "ended" } else { "ends" };
    format!("{verb} {}", span::relative(ends, now))
}

fn next(certificate: &Cert, place: Place<'_>) -> String {
    let words = super::next_in_words(certificate, place.now);
    let words = words.strip_prefix("next ").unwrap_or(&words); // So is the label.
    let asked = certificate.asked.as_deref();
    let asked = asked.map_or(String::new(), |issuer| format!(" (asks {issuer})"));
    match certificate.next_at {
        Some(at) if at.unix_seconds() > place.now => {
            let at = clock::minute_in(place.zone, at.unix_seconds());
            format!("{words}{asked}, {at}")
        }
        _ => format!("{words}{asked}"),
    }
}

fn is_same(some: &[String], others: &[String]) -> bool {
    some.len() == others.len() && some.iter().all(|name| others.contains(name))
}

#[cfg(test)]
mod tests;
