//! The CAA records that count for a name, and what they say of an issuer.

use ondol_model::HostPattern;
use ondol_model::caa;
use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::KnownIssuer;

use super::Caa;
use crate::lookup::Lookup;

/// The names by which CAA records can allow an issuer; empty when none is known.
pub(super) fn identities(issuer: &AcmeIssuer, of_directory: &[String]) -> Vec<String> {
    if !of_directory.is_empty() {
        return of_directory.to_vec();
    }
    let known = KnownIssuer::ALL
        .into_iter()
        .find(|known| known.directory() == &*issuer.directory);
    let names: &[&str] = match known {
        Some(KnownIssuer::LetsEncrypt | KnownIssuer::LetsEncryptStaging) => &["letsencrypt.org"],
        // The names that Sectigo, who issues for it, goes by.
        Some(KnownIssuer::ZeroSsl) => &[
            "sectigo.com",
            "trust-provider.com",
            "usertrust.com",
            "comodoca.com",
            "comodo.com",
        ],
        None => &[],
    };
    names.iter().map(ToString::to_string).collect()
}

/// The records of the name itself, or of the nearest name above that has some (RFC 8659 §3).
pub(super) async fn look(name: &HostPattern, lookup: &Lookup) -> Caa {
    let host = name.domain();
    if host.ip().is_some() {
        return Caa::None;
    }
    for at in caa::climb(host.as_str()) {
        match lookup.caa(at).await {
            Ok(records) if records.is_empty() => {}
            Ok(records) => {
                return Caa::At {
                    name: at.to_owned(),
                    records,
                };
            }
            Err(error) => return Caa::Unknown(error),
        }
    }
    Caa::None
}
