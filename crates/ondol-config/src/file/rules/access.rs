//! `allow`, `deny` and `methods`: who may come, and to do what.

use ondol_model::network::Network;
use ondol_model::plan::Rules;
use ondol_model::plan::access::Methods;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

/// Everyone, which is what no list means.
const ALL: &str = "all";
/// What is refused for every site.
const NEVER: [&str; 2] = ["CONNECT", "TRACE"];

pub(super) const NETWORKS: Shape = Shape::OneOrMore(&Shape::Text(Form {
    what: "a network",
    example: "192.168.0.0/24",
}));

pub(super) const ALLOW: Key = Key {
    name: "allow",
    doc: "Networks whose visitors are let through; everyone else gets 403. `\"192.168.0.0/24\"`, one address, `\"private\"` (the addresses of homes and offices; not the global version 6 addresses that machines at home may have too) or `\"all\"`. Without it, all. What a route says stands in place of what its site says.",
    shape: NETWORKS,
    absent: Absent::Means,
};

pub(super) const DENY: Key = Key {
    name: "deny",
    doc: "Networks whose visitors get 403, even those that `allow` has. Without it, none.",
    shape: NETWORKS,
    absent: Absent::Means,
};

pub(super) const METHODS: Key = Key {
    name: "methods",
    doc: "Methods that are let through; others get 405. `GET` brings `HEAD`. Browsers ask by `OPTIONS` before they let a page of another site in, so an API for such pages needs it here. Without the key all are let through.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "a method",
        example: "GET",
    })),
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let access = &mut rules.access;
    if let Some(words) = section.texts(ALLOW.name) {
        if section.is_empty_list(ALLOW.name) {
            report
                .add(section.key_at(ALLOW.name), "`allow` lets nobody in")
                .help("name the networks that may come, or write `deny = \"all\"`");
        }
        let is_all = words.iter().any(|word| word.text == ALL);
        let allowed = networks(words, report);
        access.allow = (!is_all).then_some(allowed);
    }
    if let Some(words) = section.texts(DENY.name) {
        access.deny = networks(words, report);
    }
    if let Some(words) = section.texts(METHODS.name) {
        if section.is_empty_list(METHODS.name) {
            report
                .add(
                    section.key_at(METHODS.name),
                    "`methods` lets nothing through",
                )
                .help("name the methods that may be used, or write `deny = \"all\"`");
        }
        let methods = words.into_iter().filter_map(|word| method(word, report));
        access.methods = Some(Methods::new(methods.collect::<Vec<_>>()));
    }
}

/// The networks of a list. What is none is reported and left out.
pub(super) fn networks(words: Vec<Word<'_>>, report: &mut Report) -> Vec<Network> {
    let mut networks = Vec::new();
    for word in words {
        match Network::parse_several(word.text) {
            Some(several) => networks.extend(several),
            None => {
                let problem = format!("\"{}\" is not a network", repeated(word.text));
                report.add(word.at, problem).help(
                    "accepted: \"192.168.0.0/24\", \"fd00::/8\", one address, \"private\", \"all\"",
                );
            }
        }
    }
    networks
}

fn method(word: Word<'_>, report: &mut Report) -> Option<String> {
    let name = word.text;
    let shown = repeated(name);
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    if NEVER.contains(&name) {
        let problem = format!("{shown} is never let through");
        report
            .add(word.at, problem)
            .help("it is for proxies that others go out by, which this is not");
        return None;
    }
    if name.is_empty() || !name.bytes().all(is_letter) {
        let upper = name.to_ascii_uppercase();
        let help = match !name.is_empty() && upper.bytes().all(is_letter) {
            true => format!("did you mean \"{upper}\"? Case matters"),
            false => "accepted: \"GET\", \"POST\", \"PUT\", \"DELETE\" and the like".to_owned(),
        };
        let problem = format!("\"{shown}\" is not a method");
        report.add(word.at, problem).help(help);
        return None;
    }
    Some(name.to_owned())
}
