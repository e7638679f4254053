//! `dns`: who keeps the zone of the names, and what is needed to write into it.

mod exec;
mod provider;
mod rfc2136;

use std::path::Path;

use ondol_model::plan::DnsProvider;

use super::resolvers;
use super::secret;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const NAME: &str = "dns";
pub(super) const SHAPE: Shape = Shape::Table(&DNS);

static DNS: Table = Table {
    title: "`dns`",
    doc: "Who keeps a zone, and what is needed to write into it. Each provider has its own keys.",
    keys: &[
        Key {
            name: "provider",
            doc: "Who it is: a name server of your own (`rfc2136`), `cloudflare`, `desec`, `route53`, `gandi`, `porkbun`, or a program of your own (`exec`) for any other.",
            shape: Shape::Choice(&provider::WORDS),
            absent: Absent::Mistake,
        },
        Key {
            name: "token",
            doc: "Of `cloudflare`, `desec` and `gandi`: an API token that may edit the zone.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: "access_key",
            doc: "Of `route53`: the id of an access key that may change the zone's records.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: "api_key",
            doc: "Of `porkbun`: the API key.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: "secret_key",
            doc: "Of `route53` and `porkbun`: the secret access key, or secret API key.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: "server",
            doc: "Of `rfc2136`: the name server that takes updates, as an address; port 53 unless it says another.",
            shape: Shape::Text(resolvers::SERVER),
            absent: Absent::Means,
        },
        Key {
            name: "key_name",
            doc: "Of `rfc2136`: the name of the key that signs the updates (TSIG).",
            shape: Shape::Text(Form {
                what: "the name of a key",
                example: "ondol",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "algorithm",
            doc: "Of `rfc2136`: what the key is used with.",
            shape: Shape::Choice(&rfc2136::ALGORITHMS),
            absent: Absent::Default("\"hmac-sha256\""),
        },
        Key {
            name: "key",
            doc: "Of `rfc2136`: the key, in base64.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: "command",
            doc: "Of `exec`: the program and its first arguments. It is run with `add` or `remove`, the full name of the record, and its text. Its path is relative to this file.",
            shape: Shape::OneOrMore(&Shape::Text(Form {
                what: "a program",
                example: "/etc/ondol/dns-hook",
            })),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// The provider of a section; `None` when it has none, or a wrong one, which is then reported.
pub(super) fn dns(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<DnsProvider> {
    let table = section.table(NAME)?;
    provider::keys(table, report);
    let mut secret = |key| secret::secret(table, key, folder, report);
    let word = table.text("provider")?.text;
    match word {
        "rfc2136" => rfc2136::rfc2136(table, folder, report),
        "cloudflare" => Some(DnsProvider::Cloudflare {
            token: secret("token")?,
        }),
        "desec" => Some(DnsProvider::Desec {
            token: secret("token")?,
        }),
        "gandi" => Some(DnsProvider::Gandi {
            token: secret("token")?,
        }),
        "route53" => {
            let (access_key, secret_key) = (secret("access_key"), secret("secret_key"));
            Some(DnsProvider::Route53 {
                access_key: access_key?,
                secret_key: secret_key?,
            })
        }
        "porkbun" => {
            let (api_key, secret_key) = (secret("api_key"), secret("secret_key"));
            Some(DnsProvider::Porkbun {
                api_key: api_key?,
                secret_key: secret_key?,
            })
        }
        "exec" => exec::exec(table, folder, report),
        _ => None, // No choice, so it is reported.
    }
}
