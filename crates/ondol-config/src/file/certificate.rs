//! `{ chain, key }`: a certificate and its key as files.

use std::path::Path;

use ondol_model::plan::CertificateFiles;

use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) static CERTIFICATE: Table = Table {
    title: "a certificate",
    doc: "A certificate and its key, as two PEM files. They are taken up again when they change.",
    keys: &[
        Key {
            name: "chain",
            doc: "The file of the certificate and what links it to its root. Relative to this file.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/etc/ondol/example.com/chain.pem",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "key",
            doc: "The file of the private key, which others must not be able to read. Relative to this file.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/etc/ondol/example.com/key.pem",
            }),
            absent: Absent::Mistake,
        },
    ],
    later: &[],
};

pub(super) fn certificate(
    section: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Option<CertificateFiles> {
    let mut file = |key| super::path(section.text(key)?, folder, report);
    let (chain, key) = (file("chain"), file("key"));
    Some(CertificateFiles {
        chain: chain?,
        key: key?,
    })
}
