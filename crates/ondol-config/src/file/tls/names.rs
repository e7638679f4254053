//! What issuers are called: by folders and people. A name means one issuer in the whole configuration.

use std::collections::HashMap;

use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::KnownIssuer;

use super::issuer::INTERNAL;
use crate::report::Report;
use crate::text::Place;

/// A folder is called by it, and lines of a table have it.
const CHARACTERS_MAX: usize = 64;
/// What is accepted, for messages.
pub(super) const ACCEPTED: &str =
    "accepted: 1 to 64 lower-case letters, digits, `-` and `.`, such as \"pebble\"";

/// The issuers that were described so far.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Box<str>, (AcmeIssuer, Place)>);

impl Names {
    /// The issuer that was given this name.
    pub(super) fn find(&self, name: &str) -> Option<&AcmeIssuer> {
        self.0.get(name).map(|(issuer, _)| issuer)
    }

    /// Enters an issuer under its name, which must not be another's.
    pub(super) fn enter(&mut self, issuer: &AcmeIssuer, at: Place, report: &mut Report) {
        let entry = self.0.entry(issuer.name.clone());
        let (known, first) = entry.or_insert_with(|| (issuer.clone(), at));
        if known != issuer {
            let problem = format!("`{}` is the name of two issuers", issuer.name);
            report
                .add(at, problem)
                .help("its account and certificates are kept by its name: write both alike, or give each a name of its own")
                .related(*first, "it is another one here");
        }
    }

    /// The issuer with a name made of its host, and a number where that is another's.
    pub(super) fn named_by(&self, host: &str, issuer: AcmeIssuer) -> AcmeIssuer {
        let base = usable(host);
        let mut named = issuer;
        named.name = base.as_str().into();
        // Each issuer takes one name at most, so that a number is free before they are all counted.
        for number in 2..self.0.len() + 3 {
            let is_free = self.find(&named.name).is_none_or(|known| *known == named);
            if is_free && is_fine(&named.name) {
                break;
            }
            named.name = format!("{base}-{number}").into();
        }
        named
    }
}

/// Whether a name that the owner gives can be taken.
pub(super) fn is_fine(name: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_reserved = name == INTERNAL || known(name).is_some();
    (1..=CHARACTERS_MAX).contains(&name.len())
        && name.starts_with(is_alphanumeric)
        && name.ends_with(is_alphanumeric)
        && name
            .chars()
            .all(|c| is_alphanumeric(c) || matches!(c, '-' | '.'))
        && !is_reserved
}

/// The issuer that needs no more than this name.
pub(super) fn known(name: &str) -> Option<KnownIssuer> {
    KnownIssuer::ALL
        .into_iter()
        .find(|known| known.word() == name)
}

/// A host as the beginning of a name; a long one loses its end, to leave room for a number.
fn usable(host: &str) -> String {
    const ROOM: usize = CHARACTERS_MAX - 8;
    let usable = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '.' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let name: String = host.chars().map(usable).take(ROOM).collect();
    name.trim_matches(['-', '.']).to_owned()
}
