//! `issuers`: who is asked for certificates, in order.

use std::path::Path;

use ondol_model::plan::Issuer;

use super::issuer;
use super::issuer::INTERNAL;
use super::names::Names;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::shape::Form;
use crate::shape::Shape;
use crate::text::Place;

pub(super) const NAME: &str = "issuers";
pub(super) const SHAPE: Shape = Shape::OneOrMore(&Shape::TextOrTable(
    Form {
        what: "an issuer",
        example: "letsencrypt",
    },
    &issuer::ISSUER,
));

/// The issuers of a section; `None` when it does not speak of them. What is wrong is reported and left out.
pub(super) fn issuers(
    section: Section<'_>,
    names: &mut Names,
    folder: &Path,
    report: &mut Report,
) -> Option<Vec<Issuer>> {
    let mut issuers: Vec<(Issuer, Place)> = Vec::new();
    for entry in section.eithers(NAME)? {
        let at = match entry {
            Either::Short(word) => word.at,
            Either::Long(table) => table.at(),
        };
        let Some(issuer) = issuer::issuer(entry, names, folder, report) else {
            continue;
        };
        if let Issuer::Acme(issuer) = &issuer {
            names.enter(issuer, at, report);
        }
        match issuers.iter().find(|(other, _)| *other == issuer) {
            Some((_, first)) => {
                let problem = format!("the issuer `{}` stands twice", called(&issuer));
                report
                    .add(at, problem)
                    .help("keep the first: when it fails, the next is asked")
                    .related(*first, "it is here first");
            }
            None => issuers.push((issuer, at)),
        }
    }
    if section.is_empty_list(NAME) {
        report
            .add(section.key_at(NAME), "`issuers` needs at least one issuer")
            .help(format!(
                "{}; [\"{INTERNAL}\"] asks nobody outside",
                issuer::ACCEPTED
            ));
    }
    nobody_after_internal(&mut issuers, report);
    Some(issuers.into_iter().map(|(issuer, _)| issuer).collect())
}

/// Ondol's own CA never fails.
fn nobody_after_internal(issuers: &mut Vec<(Issuer, Place)>, report: &mut Report) {
    let position = |(issuer, _): &(Issuer, Place)| *issuer == Issuer::Internal;
    let Some(internal) = issuers.iter().position(position) else {
        return;
    };
    let after = issuers.split_off(internal + 1);
    let own = issuers.last().map(|(_, at)| *at);
    if let (Some((issuer, at)), Some(own)) = (after.first(), own) {
        let problem = format!("`{}` would never be asked", called(issuer));
        report
            .add(*at, problem)
            .help("put \"internal\" at the end, or leave one of them out")
            .related(own, "Ondol's own CA, which never fails, is before it");
    }
}

fn called(issuer: &Issuer) -> &str {
    match issuer {
        Issuer::Internal => INTERNAL,
        Issuer::Acme(issuer) => &issuer.name,
    }
}
