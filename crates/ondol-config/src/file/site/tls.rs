//! `tls` of a site: how its certificate is got, where that differs from `[tls]`.

use std::path::Path;
use std::sync::Arc;

use ondol_model::plan::Issuance;

use crate::file::tls::Issuances;
use crate::file::tls::SITE_TLS;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const TLS: Key = Key {
    name: "tls",
    doc: "How the site's certificate is got, where that differs from `[tls]`.",
    shape: Shape::Table(&SITE_TLS),
    absent: Absent::Means,
};

pub(super) fn issuance(
    site: Section<'_>,
    issuances: &mut Issuances,
    folder: &Path,
    report: &mut Report,
) -> Arc<Issuance> {
    nobody_is_asked(site, report);
    issuances.of_site(site.table(TLS.name), folder, report)
}

/// A certificate that is there, or not needed, is not got.
fn nobody_is_asked(site: Section<'_>, report: &mut Report) {
    if !site.has(TLS.name) {
        return;
    }
    let at = site.key_at(TLS.name);
    if site.has("certificate") {
        report
            .add(at, "`tls` has no effect beside `certificate`")
            .help("the site's own certificate is shown: remove one of the two")
            .related(site.key_at("certificate"), "it has a certificate here");
    }
    if site.flag("https") == Some(false) {
        report
            .add(at, "`tls` has no effect without HTTPS")
            .help("remove it, or `https = false`")
            .related(site.key_at("https"), "HTTPS is off here");
    }
}
