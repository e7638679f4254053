//! `[tls]`: certificates for all sites.

mod account;
mod dns;
mod issuance;
mod issuer;
mod issuers;
mod names;
mod resolvers;
pub(in crate::file) mod secret;

use std::net::SocketAddr;
use std::path::Path;

use ondol_model::plan::CertificateFiles;

use crate::file::certificate;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) use issuance::Issuances;

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
            name: issuers::NAME,
            doc: "Who is asked for the certificates of the other sites, in this order: `letsencrypt`, `letsencrypt-staging`, `zerossl`, the URL of a directory (ACME), or a table. Names that are not public, and those that nobody issues for, have certificates of Ondol's own CA; `internal` alone means all of them. `ondol certs root` prints its root for import.",
            shape: issuers::SHAPE,
            absent: Absent::Default("[\"letsencrypt\"]"),
        },
        Key {
            name: issuance::CHALLENGE,
            doc: "How the names are shown to be yours: `http` (an answer on port 80), `tls-alpn` (a handshake on port 443), `dns` (a record, written for each order) or `dns-persist` (a record that you write once; `ondol certs persist NAME` prints it). Without it, what fits: `dns` where that names a provider, else `http`, else `tls-alpn`; wildcards need `dns` or `dns-persist`.",
            shape: issuance::CHALLENGE_SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: dns::NAME,
            doc: "Who keeps the zone of the names, so that Ondol can write the records that issuers look for. Wildcards need it.",
            shape: dns::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: issuance::PROFILE,
            doc: "The kind of certificate, where an issuer has several: `classic`, `tlsserver` or `shortlived` (6 days, and for IP addresses too). Without it, the issuer's usual one.",
            shape: issuance::PROFILE_SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: resolvers::NAME,
            doc: "Name servers that are asked where the names lead, before a certificate is ordered: addresses, with a port where that is not 53. Without it, those of the machine.",
            shape: resolvers::SHAPE,
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// What a site may say of its own; what it leaves out is as in `[tls]`.
pub(super) static SITE_TLS: Table = Table {
    title: "`tls` of a site",
    doc: "How the certificate of a site is got, where that differs from `[tls]`.",
    keys: &[
        Key {
            name: issuers::NAME,
            doc: "Who is asked for its certificate, in this order. Without it, those of `[tls]`, which may also be called by their names here.",
            shape: issuers::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: issuance::CHALLENGE,
            doc: "How its names are shown to be yours. Without it, as in `[tls]`.",
            shape: issuance::CHALLENGE_SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: dns::NAME,
            doc: "Who keeps the zone of its names. Without it, as in `[tls]`.",
            shape: dns::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: issuance::PROFILE,
            doc: "The kind of its certificate. Without it, as in `[tls]`.",
            shape: issuance::PROFILE_SHAPE,
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// The certificates of `[tls]`.
pub(super) fn certificates(
    section: Option<Section<'_>>,
    folder: &Path,
    report: &mut Report,
) -> Vec<CertificateFiles> {
    let files = section.map(|section| section.tables("certificate"));
    let files = files.into_iter().flatten();
    let files = files.filter_map(|files| certificate::certificate(files, folder, report));
    files.collect()
}

/// The name servers of `[tls]`.
pub(super) fn resolvers(section: Option<Section<'_>>, report: &mut Report) -> Vec<SocketAddr> {
    section.map_or_else(Vec::new, |section| resolvers::resolvers(section, report))
}
