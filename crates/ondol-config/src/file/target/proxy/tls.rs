//! `tls` of a `proxy`: how servers at `https://` are recognized, and what they are shown.

use std::path::Path;

use ondol_model::upstream::ServerName;
use ondol_model::upstream::Tls;
use ondol_model::upstream::Verification;

use crate::file;
use crate::file::certificate;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) static TLS: Table = Table {
    title: "`tls` of `proxy`",
    doc: "How servers at `https://` are recognized, and what they are shown. Its files are taken up again when they change.",
    keys: &[
        Key {
            name: "ca",
            doc: "The file of the authorities that may vouch for the servers, in PEM; a server's own certificate will do. Relative to this file. Without it, those that the system trusts.",
            shape: Shape::Text(Form {
                what: "a path",
                example: "/etc/ondol/nas-ca.pem",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "certificate",
            doc: "What Ondol shows to servers that ask who comes. Without it, nothing.",
            shape: Shape::Table(&certificate::CERTIFICATE),
            absent: Absent::Means,
        },
        Key {
            name: "server_name",
            doc: "The name that the servers' certificates must have, and that they are asked for. Without it, the host of each address.",
            shape: Shape::Text(Form {
                what: "a host name or address",
                example: "nas.example.com",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "verify",
            doc: "Whether the servers' certificates are looked at. Without that, whoever stands in between can read and change everything.",
            shape: Shape::Flag,
            absent: Absent::Default("true"),
        },
    ],
    later: &[],
};

pub(super) fn tls(section: Section<'_>, folder: &Path, report: &mut Report) -> Tls {
    let verification = match section.flag("verify") {
        Some(false) => Verification::Off,
        Some(true) | None => Verification::Full,
    };
    if let (Some(ca), Verification::Off) = (section.text("ca"), verification) {
        report
            .add(ca.at, "nobody asks this `ca`: `verify` is false")
            .help("keep one of them; with `ca` alone, the server must have a certificate of it");
    }
    let certificate = section.table("certificate");
    Tls {
        ca: section
            .text("ca")
            .and_then(|ca| file::path(ca, folder, report)),
        certificate: certificate.and_then(|it| certificate::certificate(it, folder, report)),
        server_name: section
            .text("server_name")
            .and_then(|name| server_name(name, report)),
        verification,
    }
}

fn server_name(word: Word<'_>, report: &mut Report) -> Option<ServerName> {
    let name = ServerName::parse(word.text);
    if name.is_none() {
        let problem = format!("\"{}\" is not the name of a server", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: a host name or an address, without a scheme and a port");
    }
    name
}
