//! Which keys each provider has.

use super::DNS;
use crate::report::Report;
use crate::section::Section;

pub(super) const WORDS: [&str; 7] = [
    "cloudflare",
    "desec",
    "exec",
    "gandi",
    "porkbun",
    "rfc2136",
    "route53",
];

/// What a provider needs, and what it takes besides.
const KEYS: [(&str, &[&str], &[&str]); 7] = [
    ("cloudflare", &["token"], &[]),
    ("desec", &["token"], &[]),
    ("exec", &["command"], &[]),
    ("gandi", &["token"], &[]),
    ("porkbun", &["api_key", "secret_key"], &[]),
    ("rfc2136", &["server", "key_name", "key"], &["algorithm"]),
    ("route53", &["access_key", "secret_key"], &[]),
];

/// Reports keys of other providers, and those that are missing.
pub(super) fn keys(table: Section<'_>, report: &mut Report) {
    let Some(word) = table.text("provider") else {
        return;
    };
    let Some((name, needed, also)) = KEYS.iter().find(|(name, ..)| *name == word.text) else {
        return;
    };
    let takes = format!("{name} takes {}", [*needed, *also].concat().join(", "));
    let known = DNS.keys.iter().map(|key| key.name);
    for key in known.filter(|key| *key != "provider" && table.has(key)) {
        if !needed.contains(&key) && !also.contains(&key) {
            let problem = format!("`{key}` is not for {name}");
            report.add(table.key_at(key), problem).help(takes.as_str());
        }
    }
    if !table.is_known(&DNS) {
        return; // What seems to be missing may have another name.
    }
    for key in needed.iter().filter(|key| !table.has(key)) {
        let accepted = DNS.key(key).map(|key| key.shape.accepted());
        let accepted = accepted.unwrap_or_default();
        report
            .lack(table.at(), format!("`{key}` is missing"))
            .help(format!("{name} needs `{key}`: {accepted}"));
    }
}
