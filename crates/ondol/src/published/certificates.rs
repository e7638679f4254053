//! The certificates as the API has them: those in use, and what is done for those that issuers are to give.
//! Pure: it is given the time.

use std::collections::HashMap;
use std::collections::HashSet;

use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_certs::CertificateRow;
use ondol_certs::Managed;
use ondol_certs::Origin;
use ondol_certs::State;
use ondol_model::HostPattern;

/// Every certificate in use, those that end first in front.
pub(super) fn certs(rows: &[CertificateRow], managed: &[Managed], now: i64) -> api::Certs {
    let wanted = Wanted::of(managed);
    let certificates = rows.iter().map(|row| cert(row, wanted.by(row), now));
    let mut certificates: Vec<_> = certificates.collect();
    certificates.sort_by_key(|certificate| certificate.not_after);
    api::Certs { certificates }
}

/// What is wrong with certificates: once for each that an issuer is to give, and for each file.
pub(super) fn problems(certs: &api::Certs) -> Vec<api::CertProblem> {
    let mut told = HashSet::new();
    let troubled = certs.certificates.iter().filter_map(|certificate| {
        let message = certificate.problem.clone()?;
        let name = certificate.called();
        told.insert((name, message.clone()))
            .then(|| api::CertProblem {
                name: name.to_owned(),
                message,
                meanwhile: certificate.meanwhile.clone(),
                next_at: tried_again_at(certificate),
            })
    });
    troubled.collect()
}

/// How many sites have a certificate of Ondol's own CA only until an issuer gives one.
pub(super) fn stand_ins(sites: &api::Sites) -> usize {
    let certificates = sites
        .sites
        .iter()
        .filter_map(|site| site.certificate.as_ref());
    certificates
        .filter(|certificate| certificate.stand_in)
        .count()
}

/// The certificate of each name of a site.
pub(super) fn by_site_name(certs: &api::Certs) -> HashMap<&str, &api::Cert> {
    let each = certs.certificates.iter();
    each.flat_map(|certificate| {
        let names = certificate.sites.iter();
        names.map(move |name| (name.as_str(), certificate))
    })
    .collect()
}

/// What the sites' own list says of the certificate of a name.
pub(super) fn short(certificate: &api::Cert) -> api::SiteCertificate {
    api::SiteCertificate {
        issuer: certificate.issuer.clone(),
        expires: certificate.not_after,
        source: certificate.source.clone(),
        issuer_name: certificate.issuer_name.clone(),
        stand_in: certificate.is_stand_in(),
        state: certificate.state,
        next_at: certificate.next_at,
    }
}

fn tried_again_at(certificate: &api::Cert) -> Option<Time> {
    match certificate.state {
        api::CertState::Waiting => certificate.next_at,
        api::CertState::Held | api::CertState::Ordering | api::CertState::Nobody => None,
    }
}

/// The certificates that issuers are to give, by the names that they are to cover.
struct Wanted<'m> {
    exactly: HashMap<&'m HostPattern, &'m Managed>,
}

impl<'m> Wanted<'m> {
    fn of(managed: &'m [Managed]) -> Self {
        let names = |managed: &'m Managed| managed.names.iter().map(move |name| (name, managed));
        Self {
            exactly: managed.iter().flat_map(names).collect(),
        }
    }

    /// The one that a certificate is, or that is wanted in its place.
    fn by(&self, row: &CertificateRow) -> Option<&'m Managed> {
        let called = match &row.origin {
            Origin::Files(_) => return None,
            Origin::Issued { issuer: _, name } => Some(name),
            Origin::Internal => None,
        };
        let mut names = called.into_iter().chain(&row.names);
        names.find_map(|name| self.for_name(name))
    }

    fn for_name(&self, name: &HostPattern) -> Option<&'m Managed> {
        let exact = self.exactly.get(name);
        let covering = || self.exactly.get(&name.covering_wildcard()?);
        exact.or_else(covering).copied()
    }
}

fn cert(row: &CertificateRow, managed: Option<&Managed>, now: i64) -> api::Cert {
    let CertificateRow {
        names,
        origin,
        facts,
        trouble,
    } = row;
    let (source, issuer_name, renew_at) = match origin {
        Origin::Internal => {
            let renew_at = Time::from_unix_seconds(facts.validity.renew_at());
            ("internal".to_owned(), Some("internal"), Some(renew_at))
        }
        Origin::Issued { issuer, name: _ } => ("acme".to_owned(), Some(&**issuer), None),
        Origin::Files(files) => (files.chain.display().to_string(), None, None),
    };
    let mut certificate = api::Cert {
        names: texts(&facts.names),
        issuer: facts.issuer.clone(),
        issuer_name: issuer_name.map(str::to_owned),
        source,
        not_before: Time::from_unix_seconds(facts.validity.not_before),
        not_after: Time::from_unix_seconds(facts.validity.not_after),
        renew_at,
        sites: texts(names),
        problem: trouble.clone(),
        meanwhile: None,
        wanted: Vec::new(),
        state: api::CertState::Held,
        asked: None,
        step: None,
        next_at: renew_at,
        last: None,
        failures: 0,
    };
    if let Some(managed) = managed {
        tell(managed, &mut certificate, now);
    }
    certificate
}

/// Adds what is done to get the one that is wanted.
fn tell(managed: &Managed, certificate: &mut api::Cert, now: i64) {
    let Managed {
        names,
        state,
        next_at,
        last,
        failures,
    } = managed;
    certificate.wanted = texts(names);
    certificate.state = match state {
        State::Held => api::CertState::Held,
        State::Ordering { issuer, step } => {
            certificate.asked = Some(issuer.clone());
            certificate.step = Some((*step).to_owned());
            api::CertState::Ordering
        }
        State::Waiting => api::CertState::Waiting,
        State::Nobody { .. } => api::CertState::Nobody,
    };
    let next_at = next_at.map(Time::from_unix_seconds);
    (certificate.renew_at, certificate.next_at) = match state {
        State::Held => (next_at, next_at),
        State::Ordering { .. } | State::Waiting => (None, next_at),
        State::Nobody { .. } => (certificate.renew_at, certificate.renew_at),
    };
    certificate.last = last.as_ref().map(|last| api::LastResult {
        at: Time::from_unix_seconds(last.at),
        good: last.is_good,
        message: last.sentence.clone(),
    });
    certificate.failures = *failures;
    let Some(trouble) = trouble_of(managed) else {
        return;
    };
    match &mut certificate.problem {
        // It says what visitors get.
        Some(problem) => {
            problem.push(' ');
            problem.push_str(&trouble);
        }
        None => {
            certificate.problem = Some(trouble);
            certificate.meanwhile = Some(meanwhile(certificate, now).to_owned());
        }
    }
}

/// What is wrong with getting a certificate.
fn trouble_of(managed: &Managed) -> Option<String> {
    let failed = managed.last.as_ref().filter(|last| !last.is_good);
    let sentence = match (&managed.state, failed) {
        (State::Nobody { why }, _) => why,
        // An earlier try was in vain, but another certificate is not needed yet.
        (State::Held, _) | (State::Ordering { .. } | State::Waiting, None) => return None,
        (State::Ordering { .. } | State::Waiting, Some(failed)) => {
            failed.sentence.trim_end_matches('.')
        }
    };
    let times = match (&managed.state, managed.failures) {
        (State::Nobody { .. }, _) | (_, 0 | 1) => String::new(),
        (_, times) => format!(" (failed {times} times)"),
    };
    Some(format!("{sentence}{times}."))
}

/// What visitors get until a certificate is there.
fn meanwhile(in_use: &api::Cert, now: i64) -> &'static str {
    if in_use.is_stand_in() {
        "Visitors get a certificate of Ondol's own CA for now, which browsers warn of."
    } else if in_use.not_after.unix_seconds() < now {
        "The one in use has ended: visitors are warned off."
    } else {
        "The one in use is good for now."
    }
}

fn texts(names: &[HostPattern]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
