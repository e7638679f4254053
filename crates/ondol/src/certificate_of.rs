//! Which certificate a name means, and which name was probably meant. Pure; it knows the API's words alone.

use ondol_admin::api::Cert;
use ondol_admin::api::Certs;
use ondol_admin::api::Site;
use ondol_admin::api::Sites;
use ondol_model::HostPattern;

use crate::near::near;

/// The certificate of a name: the one that a site of this name uses, else one that is wanted for it, else
/// one that covers it.
pub(crate) fn find<'c>(certs: &'c Certs, typed: &str) -> Option<&'c Cert> {
    let name = canonical(typed);
    let above = name.split_once('.').map_or("", |(_, domain)| domain);
    let wildcard = format!("*.{above}");
    let has = |names: &[String], name: &str| names.iter().any(|each| each == name);
    let by = |fits: &dyn Fn(&Cert) -> bool| certs.certificates.iter().find(|cert| fits(cert));
    by(&|cert| has(&cert.sites, &name))
        .or_else(|| by(&|cert| has(&cert.wanted, &name)))
        .or_else(|| by(&|cert| has(&cert.names, &name)))
        .or_else(|| by(&|cert| has(&cert.names, &wildcard)))
}

/// Why a name has no certificate, as a sentence without a full stop.
pub(crate) fn missing(certs: &Certs, sites: &Sites, typed: &str) -> String {
    let name = canonical(typed);
    let site = sites
        .sites
        .iter()
        .find(|site| names(site).any(|each| *each == name));
    match site {
        Some(site) if is_passed_on(site) => format!(
            "{name} has no certificate here: its connections are passed on to a machine that has one"
        ),
        Some(site) if site.scheme == "http" => {
            format!("{name} has no certificate: it is served over plain HTTP alone")
        }
        Some(_) => format!("{name} has no certificate now: `ondol status` says why"),
        None => unknown(certs, sites, &name),
    }
}

/// The issuer that was probably meant by a name that nobody has.
pub(crate) fn issuer_meant<'c>(certs: &'c Certs, typed: &str) -> Option<&'c str> {
    let issued = certs
        .certificates
        .iter()
        .filter(|cert| cert.source == "acme");
    let issuers = issued.filter_map(|cert| cert.issuer_name.as_deref());
    near(&typed.to_lowercase(), issuers).into_iter().next()
}

/// Whether another machine has the certificate of a site.
pub(crate) fn is_passed_on(site: &Site) -> bool {
    let mut routes = site.routes.iter();
    routes.any(|route| route.target == "passthrough")
}

fn unknown(certs: &Certs, sites: &Sites, name: &str) -> String {
    let of_certs = certs
        .certificates
        .iter()
        .flat_map(|cert| cert.names.iter().chain(&cert.wanted));
    let of_sites = sites.sites.iter().flat_map(names);
    let known = of_certs.chain(of_sites).map(String::as_str);
    let quoted: Vec<_> = near(name, known)
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect();
    match quoted.split_last() {
        None => format!("no certificate here covers `{name}`: `ondol certs` lists them"),
        Some((only, [])) => {
            format!("no certificate here covers `{name}`; did you mean {only}?")
        }
        Some((last, others)) => format!(
            "no certificate here covers `{name}`; did you mean {} or {last}?",
            others.join(", ")
        ),
    }
}

fn names(site: &Site) -> impl Iterator<Item = &String> {
    std::iter::once(&site.name).chain(&site.aliases)
}

/// As the API has names; what is none stays as it is, and is found nowhere.
fn canonical(typed: &str) -> String {
    match HostPattern::parse(typed) {
        Ok(name) => name.to_string(),
        Err(_) => typed.chars().filter(|c| !c.is_control()).collect(),
    }
}

#[cfg(test)]
mod tests;
