//! `[tls]`: certificates for all sites.

use std::path::Path;

use ondol_model::plan::CertificateFiles;

use crate::file::certificate;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// Ondol's own certificate authority.
const INTERNAL: &str = "internal";

pub(super) static TLS: Table = Table {
    title: "`[tls]`",
    doc: "Certificates for all sites.",
    keys: &[
        Key {
            name: "certificate",
            doc: "Certificates in files, for every site whose names they cover and that has none of its own. Without it there are none.",
            shape: Shape::OneOrMore(&Shape::Table(&certificate::CERTIFICATE)),
            absent: Absent::Means,
        },
        Key {
            name: "issuers",
            doc: "Who makes certificates for the other sites: `internal` is Ondol's own authority, the only one of this version. `ondol certs root` prints its root for import.",
            shape: Shape::List(&Shape::Text(Form {
                what: "an issuer",
                example: INTERNAL,
            })),
            absent: Absent::Default("[\"internal\"]"),
        },
    ],
    later: &["challenge", "dns"],
};

/// The certificates of `[tls]`. The issuers are only checked: there is one.
pub(super) fn certificates(
    section: Option<Section<'_>>,
    folder: &Path,
    report: &mut Report,
) -> Vec<CertificateFiles> {
    let Some(section) = section else {
        return Vec::new();
    };
    check_issuers(section, report);
    let files = section.tables("certificate").into_iter();
    let files = files.filter_map(|files| certificate::certificate(files, folder, report));
    files.collect()
}

fn check_issuers(section: Section<'_>, report: &mut Report) {
    const HELP: &str = "accepted: [\"internal\"], Ondol's own authority; certificates of others come from files: certificate = { chain = \"…\", key = \"…\" }";
    if section.is_empty_list("issuers") {
        let at = section.key_at("issuers");
        report
            .add(at, "`issuers` needs at least one issuer")
            .help(HELP);
    }
    for issuer in section.texts("issuers").unwrap_or_default() {
        if issuer.text != INTERNAL {
            let name = repeated(issuer.text);
            let problem = format!("the issuer \"{name}\" is not served by this version yet");
            report.add(issuer.at, problem).help(HELP);
        }
    }
}
