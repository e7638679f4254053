//! `client_ca`, `client_certificate`: visitors who show certificates.

use std::path::Path;

use ondol_model::Site;
use ondol_model::plan::ClientAuth;
use ondol_model::plan::ClientCertificate;
use ondol_model::plan::Scheme;

use crate::file;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

/// Who names an issuer wants its visitors alone.
const CERTIFICATE: ClientCertificate = ClientCertificate::Required;

pub(super) const CLIENT_CA: Key = Key {
    name: "client_ca",
    doc: "Mutual TLS: a PEM file with the certificates of those who issue certificates (X.509 version 3) to the site's visitors. The app is told of a visitor's certificate by the headers `Client-Cert` (RFC 9440), `X-Client-Cert-Subject` and `X-Client-Cert-Fingerprint` (SHA-256). Relative to this file; taken up again when it changes. Without it visitors are not asked for one.",
    shape: Shape::Text(Form {
        what: "a path",
        example: "/etc/ondol/clients.pem",
    }),
    absent: Absent::Means,
};

pub(super) const CLIENT_CERTIFICATE: Key = Key {
    name: "client_certificate",
    doc: "With `client_ca`: whether visitors must show a certificate, or may. Without it they must.",
    shape: Shape::Choice(&["required", "optional"]),
    absent: Absent::Means,
};

pub(super) fn client_auth(
    site: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Option<ClientAuth> {
    let Some(word) = site.text(CLIENT_CA.name) else {
        if site.has(CLIENT_CERTIFICATE.name) && !site.has(CLIENT_CA.name) {
            let at = site.key_at(CLIENT_CERTIFICATE.name);
            report
                .add(at, "`client_certificate` has no effect without `client_ca`")
                .help("name the file of those who issue the visitors' certificates: client_ca = \"clients.pem\"");
        }
        return None;
    };
    let certificate = site.text(CLIENT_CERTIFICATE.name);
    Some(ClientAuth {
        ca: file::path(word, folder, report)?,
        certificate: match certificate.map(|word| word.text) {
            Some("required") => ClientCertificate::Required,
            Some("optional") => ClientCertificate::Optional,
            Some(_) | None => CERTIFICATE,
        },
    })
}

/// A certificate is shown in a handshake, and which one is asked for depends on the name in it.
pub(super) fn needs_names_and_tls(site: &Site, section: Section<'_>, report: &mut Report) {
    if site.client_auth.is_none() || site.passthrough.is_some() {
        return;
    }
    let at = section.key_at(CLIENT_CA.name);
    if site.scheme == Scheme::Http {
        let problem = "visitors show certificates by HTTPS alone, which this site does not have";
        report.add(at, problem).help("remove `https = false`");
    }
    let mut names = site.names().filter_map(|name| name.exact());
    if let Some(address) = names.find(|name| name.ip().is_some()) {
        let problem = format!("visitors of `{address}` can't be asked for a certificate");
        report.add(at, problem).help(
            "who visits an address does not say so in the handshake: give the site a name alone",
        );
    }
}
