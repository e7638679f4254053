//! That what people read about the keys is true: the sample file, and the defaults.

use std::collections::HashSet;

use super::*;
use crate::document::Document;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Shape;
use crate::shape::Table;

const SAMPLE: &str = "../../deploy/ondol.toml";

/// The sample with every setting that is only shown: lines of `#` and a letter or bracket.
fn shown() -> String {
    let text = testdata(SAMPLE);
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
            setting
        }
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn accepted(text: &str) -> Accepted {
    let sources = sources(&[("/etc/ondol/ondol.toml", text)]);
    accept(&sources).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_sample_is_accepted_as_it_is_and_with_all_it_shows() {
    assert_eq!(accepted(&testdata(SAMPLE)).plan.sites.len(), 1);
    assert_eq!(accepted(&shown()).plan.sites.len(), 17);
}

/// A key is the same where its words are: the targets of a site and of a route.
#[test]
fn the_sample_shows_every_key() {
    let text = shown();
    let texts = Texts::new(&sources(&[("a.toml", &text)]));
    let document = Document::parse(0, &text, &texts, &mut Report::default());
    let mut seen = HashSet::new();
    collect(document.root(), &file::MAIN, &mut seen);
    for table in file::tables() {
        for key in table.keys {
            let is_seen = seen.contains(&(key.name, key.doc));
            assert!(is_seen, "{} of {}", key.name, table.title);
        }
    }
}

fn collect(
    section: Section<'_>,
    table: &'static Table,
    seen: &mut HashSet<(&'static str, &'static str)>,
) {
    for key in table.keys.iter().filter(|key| section.has(key.name)) {
        seen.insert((key.name, key.doc));
        let Some(inner) = key.shape.table() else {
            continue; // Names in it are the owner's.
        };
        let sections = section.tables(key.name);
        let sections = match key.shape {
            Shape::Named(..) | Shape::Map(..) => sections
                .iter()
                .flat_map(Section::named)
                .map(|it| it.1)
                .collect(),
            _ => sections,
        };
        for section in sections {
            collect(section, inner, seen);
        }
    }
}

/// Every table with a default: its title, its header, and what it holds besides.
const TABLES: &[(&str, &str, &str)] = &[
    ("`[box]`", "[box]", ""),
    ("`[listen]`", "[listen]", ""),
    ("`[log]`", "[log]", ""),
    ("`rotate`", "[log.rotate]", ""),
    ("`[tls]`", "[tls]", ""),
    (
        "`dns`",
        "[tls.dns]",
        "provider = 'rfc2136'\nserver = '127.0.0.1'\nkey_name = 'k'\nkey = { env = 'A' }",
    ),
    ("a site", "[sites.'a.test']", "files = '/a'"),
    ("`check`", "[sites.'a.test'.check]", ""),
    ("`[watch]`", "[watch]", ""),
    ("`disk`", "[watch.disk]", ""),
    ("a person", "[people.a]", "exec = '/a'"),
    ("`[alarms]`", "[alarms]", ""),
    ("`[power]`", "[power]", ""),
    (
        "`basic_auth`",
        "[sites.'a.test'.basic_auth]",
        "users.a = '$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC'",
    ),
    ("`limits`", "[sites.'a.test'.limits]", ""),
    ("`timeouts`", "[sites.'a.test'.timeouts]", ""),
    ("`files`", "[sites.'f.test'.files]", "root = '/f'"),
    ("`compression`", "[sites.'a.test'.compression]", ""),
    ("`hsts`", "[sites.'b.test'.hsts]", ""),
    (
        "`error_pages`",
        "[sites.'a.test'.error_pages]",
        "folder = '/p'",
    ),
    (
        "a redirect",
        "[[sites.'c.test'.redirects]]",
        "from = '/a'\nto = '/b'",
    ),
    (
        "a server of `proxy`",
        "[[sites.'server.test'.proxy.to]]",
        "address = 'http://127.0.0.1:1'",
    ),
    (
        "`proxy`",
        "[sites.'proxy.test'.proxy]",
        "to = 'http://127.0.0.1:1'",
    ),
    (
        "`health`",
        "[sites.'health.test']\nproxy.to = 'http://127.0.0.1:1'\n[sites.'health.test'.proxy.health]",
        "path = '/up'",
    ),
    (
        "`tls` of `proxy`",
        "[sites.'g.test'.proxy]\nto = 'https://127.0.0.1:1'",
        "[sites.'g.test'.proxy.tls]",
    ),
    (
        "`redirect`",
        "[sites.'b.test'.redirect]",
        "to = 'https://c.test'",
    ),
    (
        "`forward_auth`",
        "[sites.'b.test'.forward_auth]",
        "to = 'http://127.0.0.1:1'",
    ),
    ("`respond`", "[sites.'c.test'.respond]", ""),
    ("an app", "[apps.a]", ""),
    ("`health` of an app", "[apps.b.health]", "path = '/up'"),
    (
        "a line of `cron`",
        "[[apps.c.cron]]",
        "at = '04:10'\nrun = 'true'",
    ),
    ("`php` of an app", "[apps.d.php]", ""),
    ("`php`", "[sites.'php.test'.php]", "root = '/p'\npool = 'd'"),
    ("`[backup]`", "[backup]", ""),
    ("`keep`", "[backup.keep]", ""),
    ("`verify`", "[backup.verify]", ""),
    (
        "a rate of `bandwidth`",
        "[[backup.bandwidth]]",
        "rate = '1MB/s'",
    ),
    ("`[[backup.to]]`", "[[backup.to]]", "local = '/b'"),
    (
        "`s3`",
        "[[backup.to]]\n[backup.to.s3]",
        "endpoint = 'https://s3.test'\nbucket = 'abc'\nkey = { env = 'A' }\nsecret = { env = 'A' }",
    ),
];

#[test]
fn the_documented_defaults_are_the_true_ones() {
    let tables = TABLES.iter().map(|(title, header, needed)| {
        let table = file::tables()
            .into_iter()
            .find(|table| table.title == *title);
        let keys = table.expect(title).keys.iter();
        let defaults = keys.filter_map(|key| match key.absent {
            Absent::Default(default) => Some(format!("{} = {default}\n", key.name)),
            Absent::Mistake | Absent::Means => None,
        });
        let bare = format!("{header}\n{needed}\n");
        (bare.clone(), bare + &defaults.collect::<String>())
    });
    let (bare, explicit): (Vec<_>, Vec<_>) = tables.unzip();
    let (bare, explicit) = (bare.concat(), explicit.concat());
    assert_eq!(accepted(&bare).plan, accepted(&explicit).plan, "{explicit}");
    for table in file::tables() {
        let has_default = table
            .keys
            .iter()
            .any(|key| matches!(key.absent, Absent::Default(_)));
        let is_tested = TABLES.iter().any(|(title, ..)| *title == table.title);
        assert!(!has_default || is_tested, "{}", table.title);
    }
}
