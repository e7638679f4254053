//! What a site or a route asks for besides its target: the keys that both have.

mod access;
mod auth;
mod compression;
mod error_pages;
mod headers;
mod limits;
mod log;
mod request_id;
mod security;
mod timeouts;

use std::path::Path;

use ondol_model::plan::Rules;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Key;

pub(super) const ALLOW: Key = access::ALLOW;
pub(super) const DENY: Key = access::DENY;
pub(super) const METHODS: Key = access::METHODS;
pub(super) const BASIC_AUTH: Key = auth::BASIC_AUTH;
pub(super) const FORWARD_AUTH: Key = auth::FORWARD_AUTH;
pub(super) const COMPRESSION: Key = compression::COMPRESSION;
pub(super) const ERROR_PAGES: Key = error_pages::ERROR_PAGES;
pub(super) const HEADERS: Key = headers::HEADERS;
pub(super) const HSTS: Key = security::HSTS;
pub(super) const REQUEST_HEADERS: Key = headers::REQUEST_HEADERS;
pub(super) const SECURITY_HEADERS: Key = security::SECURITY_HEADERS;
pub(super) const LIMITS: Key = limits::LIMITS;
pub(super) const LOG: Key = log::LOG;
pub(super) const REQUEST_ID: Key = request_id::REQUEST_ID;
pub(super) const TIMEOUTS: Key = timeouts::TIMEOUTS;

/// The rules of a site or route: those that it inherits, with its own in their place.
pub(super) fn rules(
    section: Section<'_>,
    inherited: &Rules,
    folder: &Path,
    report: &mut Report,
) -> Rules {
    let mut rules = inherited.clone();
    access::read(section, &mut rules, report);
    auth::read(section, &mut rules, report);
    limits::read(section, &mut rules, report);
    log::read(section, &mut rules, report);
    timeouts::read(section, &mut rules, report);
    request_id::read(section, &mut rules);
    headers::read(section, &mut rules, report);
    security::read(section, &mut rules, report);
    compression::read(section, &mut rules, report);
    error_pages::read(section, &mut rules, folder, report);
    rules
}

/// A value of a table that is written as a text; `None` when it is not there, or wrong and reported.
pub(super) fn read<T>(
    table: Section<'_>,
    key: &str,
    parse: fn(&str) -> Result<T, String>,
    report: &mut Report,
) -> Option<T> {
    let word = table.text(key)?;
    match parse(word.text) {
        Ok(value) => Some(value),
        Err(reason) => {
            let problem = format!("`{key}` cannot be \"{}\"", repeated(word.text));
            report.add(word.at, problem).help(reason);
            None
        }
    }
}
