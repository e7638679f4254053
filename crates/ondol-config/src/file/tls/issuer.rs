//! One issuer: a word that is known, the URL of a directory, or a table.

use std::path::Path;

use ondol_model::Hostname;
use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::Issuer;
use ondol_model::plan::KnownIssuer;
use ondol_model::plan::Reach;

use super::account;
use super::names;
use super::names::Names;
use crate::file;
use crate::file::target::redirect::Address;
use crate::nearest::nearest;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// Ondol's own certificate authority.
pub(super) const INTERNAL: &str = "internal";
pub(super) const ACCEPTED: &str = "accepted: \"letsencrypt\", \"letsencrypt-staging\", \"zerossl\", \"internal\", the URL of a directory such as \"https://ca.example.com/acme/directory\", or a table with directory, name, root, staging, account";

/// What others call issuers, and what to write.
const ELSEWHERE: [(&str, &str); 8] = [
    ("acme", "\"letsencrypt\""),
    ("caddy", "\"internal\", or the URL of its acme_server"),
    ("google", GOOGLE),
    ("gts", GOOGLE),
    ("le", "\"letsencrypt\""),
    ("self-signed", "\"internal\""),
    ("selfsigned", "\"internal\""),
    ("staging", "\"letsencrypt-staging\""),
];
const GOOGLE: &str = "{ name = \"google\", directory = \"https://dv.acme-v02.api.pki.goog/directory\", account = { key_id = \"…\", hmac_key = { file = \"…\" } } }";

/// Domains of issuers that browsers believe. They vouch for public names alone, and need not learn what the
/// machines of a home are called.
const PUBLIC: [&str; 7] = [
    "actalis.com",
    "digicert.com",
    "letsencrypt.org",
    "pki.goog",
    "sectigo.com",
    "ssl.com",
    "zerossl.com",
];

const URL: Form = Form {
    what: "a URL",
    example: "https://ca.example.com/acme/directory",
};

pub(super) static ISSUER: Table = Table {
    title: "an issuer",
    doc: "An issuer that speaks ACME (RFC 8555).",
    keys: &[
        Key {
            name: "directory",
            doc: "The URL of its directory. Only `letsencrypt`, `letsencrypt-staging` and `zerossl` need none.",
            shape: Shape::Text(URL),
            absent: Absent::Means,
        },
        Key {
            name: "name",
            doc: "What it is called in `ondol certs`, and by the folder of its account and certificates. Without it, the host of its directory.",
            shape: Shape::Text(Form {
                what: "a name",
                example: "pebble",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "root",
            doc: "The file of the roots that vouch for its directory, in PEM. Relative to this file. Without it, those that the system trusts.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/etc/ondol/step-ca.pem",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "staging",
            doc: "The URL of a second directory, on which a certificate that failed is tried first. Without it there is none.",
            shape: Shape::Text(URL),
            absent: Absent::Means,
        },
        Key {
            name: account::NAME,
            doc: "The account that you have there already. Without it, Ondol makes one by itself.",
            shape: Shape::Table(&account::ACCOUNT),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// One entry of `issuers`; `None` when it is wrong, and reported.
pub(super) fn issuer(
    entry: Either<'_>,
    names: &Names,
    folder: &Path,
    report: &mut Report,
) -> Option<Issuer> {
    match entry {
        Either::Short(word) => short(word, names, report),
        Either::Long(table) => long(table, names, folder, report).map(Issuer::Acme),
    }
}

fn short(word: Word<'_>, names: &Names, report: &mut Report) -> Option<Issuer> {
    if word.text == INTERNAL {
        return Some(Issuer::Internal);
    }
    if let Some(known) = names::known(word.text) {
        return account_of_known(known, word.at, report).map(Issuer::Acme);
    }
    if let Some(described) = names.find(word.text) {
        return Some(Issuer::Acme(described.clone()));
    }
    if !word.text.contains("://") {
        unknown(word, report);
        return None;
    }
    let directory = Url::read(word, report)?;
    let known = KnownIssuer::ALL.into_iter();
    let mut known = known.filter(|known| known.directory() == &*directory.text);
    if let Some(known) = known.next() {
        return account_of_known(known, word.at, report).map(Issuer::Acme);
    }
    let issuer = with_directory(&directory);
    Some(Issuer::Acme(names.named_by(&directory.host, issuer)))
}

/// One that needs no more than its name; ZeroSSL needs an account, too.
fn account_of_known(known: KnownIssuer, at: Place, report: &mut Report) -> Option<AcmeIssuer> {
    if known == KnownIssuer::ZeroSsl {
        needs_account(at, report);
        return None;
    }
    Some(known.issuer(None))
}

fn needs_account(at: Place, report: &mut Report) {
    report.add(at, "ZeroSSL issues to those who have an account there").help(
        "make one, free of charge, at https://app.zerossl.com/developer (\"EAB Credentials for ACME Clients\"), and write:\n{ name = \"zerossl\", account = { key_id = \"…\", hmac_key = { file = \"zerossl.key\" } } }",
    );
}

fn unknown(word: Word<'_>, report: &mut Report) {
    let given = word.text.to_lowercase().replace('_', "-");
    let elsewhere = ELSEWHERE.iter().find(|(theirs, _)| *theirs == given);
    let hint = match (elsewhere, nearest_known(&given)) {
        (Some((_, write)), _) => format!("write {write}"),
        (None, Some(meant)) => format!("did you mean \"{meant}\"? {ACCEPTED}"),
        (None, None) if given.contains('.') => {
            let url = repeated(word.text);
            format!("did you mean \"https://{url}\"? {ACCEPTED}")
        }
        (None, None) => ACCEPTED.to_owned(),
    };
    let problem = format!("\"{}\" is not an issuer", repeated(word.text));
    report.add(word.at, problem).help(hint);
}

fn nearest_known(given: &str) -> Option<&'static str> {
    let known = KnownIssuer::ALL.iter().map(|known| known.word());
    nearest(given, known.chain([INTERNAL]))
}

fn long(
    table: Section<'_>,
    names: &Names,
    folder: &Path,
    report: &mut Report,
) -> Option<AcmeIssuer> {
    let account = account::account(table, folder, report);
    let name = table.text("name");
    if let Some((known, word)) = name.and_then(|word| Some((names::known(word.text)?, word))) {
        only_account(known, word, table, report);
        if known == KnownIssuer::ZeroSsl && !table.has(account::NAME) {
            needs_account(table.at(), report);
        }
        return Some(known.issuer(account.filter(|_| known == KnownIssuer::ZeroSsl)));
    }
    if !table.has("directory") && table.is_known(&ISSUER) {
        let meant = name.and_then(|name| nearest_known(name.text));
        let hint = meant.map_or(String::new(), |meant| format!("did you mean \"{meant}\"? "));
        report
            .lack(table.at(), "`directory` is missing")
            .help(format!(
                "{hint}an issuer needs `directory`: {}",
                URL.accepted()
            ));
    }
    let mut url = |key| Url::read(table.text(key)?, report);
    let (directory, staging) = (url("directory"), url("staging"));
    let root = table.text("root");
    let root = root.and_then(|root| file::path(root, folder, report));
    let directory = directory?;
    let issuer = AcmeIssuer {
        staging: staging.map(|staging| staging.text.into()),
        root,
        external_account: account,
        ..with_directory(&directory)
    };
    let Some(word) = name else {
        return Some(names.named_by(&directory.host, issuer));
    };
    if !names::is_fine(word.text) {
        let problem = format!("an issuer cannot be called \"{}\"", repeated(word.text));
        report.add(word.at, problem).help(names::ACCEPTED);
        return None;
    }
    Some(AcmeIssuer {
        name: word.text.into(),
        ..issuer
    })
}

/// Everything else is known of those who are known by name.
fn only_account(known: KnownIssuer, word: Word<'_>, table: Section<'_>, report: &mut Report) {
    let name = known.word();
    for key in ["directory", "root", "staging"] {
        if table.has(key) {
            let problem = format!("`{key}` of {name} is known");
            report
                .add(table.key_at(key), problem)
                .help("remove it; another issuer needs another name")
                .related(word.at, "it is named here");
        }
    }
    if known != KnownIssuer::ZeroSsl && table.has(account::NAME) {
        let problem = "Let's Encrypt has no accounts that are made elsewhere";
        report
            .add(table.key_at(account::NAME), problem)
            .help(format!(
                "write \"{name}\" alone: the account is made by itself"
            ));
    }
}

/// An issuer of which no more is known than where it is.
fn with_directory(directory: &Url) -> AcmeIssuer {
    AcmeIssuer {
        name: "".into(),
        directory: directory.text.as_str().into(),
        staging: None,
        root: None,
        external_account: None,
        reach: match is_public(&directory.host) {
            true => Reach::Public,
            false => Reach::Any,
        },
    }
}

fn is_public(host: &str) -> bool {
    PUBLIC.iter().any(|domain| {
        let head = host.strip_suffix(domain);
        head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
    })
}

/// The URL of a directory.
#[derive(Debug)]
struct Url {
    text: String,
    host: String,
}

impl Url {
    fn read(word: Word<'_>, report: &mut Report) -> Option<Self> {
        let parsed = Address::parse(word.text).filter(|address| !address.rest.contains('#'));
        let parts = parsed.and_then(|address| {
            let (scheme, authority) = address.origin.split_once("://")?;
            let (host, _) = ondol_model::host::authority(authority)?;
            let is_safe = scheme == "https" || is_this_machine(&host);
            let text = format!("{}{}", address.origin, address.rest);
            let host = host.into_owned();
            Some((Self { text, host }, is_safe))
        });
        let shown = repeated(word.text);
        match parts {
            Some((url, true)) => Some(url),
            Some((_, false)) => {
                let problem = format!(
                    "\"{shown}\" is not safe: anyone in between could take the issuer's place"
                );
                report.add(word.at, problem).help(
                    "accepted: a URL that begins with https://; http:// is for this machine itself (127.0.0.1, localhost). An own root goes to `root`",
                );
                None
            }
            None => {
                let problem = format!("\"{shown}\" is not the URL of a directory");
                report
                    .add(word.at, problem)
                    .help("accepted: such as \"https://ca.example.com/acme/directory\"");
                None
            }
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let Ok(name) = Hostname::parse(host) else {
        return false;
    };
    match name.ip() {
        Some(ip) => ip.is_loopback(),
        None => host == "localhost" || host.ends_with(".localhost"),
    }
}
