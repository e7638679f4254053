//! TLS towards servers behind a site: files that can't be used, and servers that nobody looks at.

use std::path::Path;

use ondol_base::authorities::read_authorities;
use ondol_base::authorities::system_roots;
use ondol_base::clock;
use ondol_config::KeyPath;
use ondol_model::Target;
use ondol_model::plan::CertificateFiles;
use ondol_model::plan::Proxy;
use ondol_model::upstream::Tls;
use ondol_model::upstream::Verification;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Findings;
use super::Subject;
use super::certificates::examine_files;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for site in &subject.plan.sites {
        for route in site.own_routes() {
            let proxy = match &route.target {
                Target::Proxy(proxy) => proxy,
                Target::App(_)
                | Target::Files(_)
                | Target::Php(_)
                | Target::Redirect(_)
                | Target::Respond(_) => continue,
            };
            let name = site.name.to_string();
            let key = KeyPath::site(&name).route(route.path.as_str());
            if let Some(tls) = tls_of(proxy) {
                examine_tls(subject, findings, (&name, tls), &key.key("proxy"));
            }
        }
    }
}

/// The servers of a proxy share one.
fn tls_of(proxy: &Proxy) -> Option<&Tls> {
    proxy
        .upstreams()
        .find_map(|upstream| upstream.tls.as_deref())
}

fn examine_tls(
    subject: Subject<'_>,
    findings: &mut Findings,
    (site, tls): (&str, &Tls),
    proxy: &KeyPath,
) {
    let key = |name| proxy.clone().key("tls").key(name);
    if tls.verification == Verification::Off {
        let problem = format!(
            "nobody checks who the servers of `{site}` are: whoever gets in between can read and change everything"
        );
        let help = "`tls = { ca = \"…\" }` takes a server by its own certificate too, and is safe";
        findings.warn(subject, &key("verify"), problem, help);
    }
    if let Some(ca) = &tls.ca {
        let help = "`ca` takes certificates in PEM: those of authorities, or the server's own";
        examine_authorities(subject, findings, ca, (&key("ca"), help));
    }
    if tls.needs_system_roots() && system_roots().is_none() {
        let problem = "this system has no authorities that could vouch for a server";
        let help = "install them (the package is called ca-certificates), or name one: `tls = { ca = \"…\" }`";
        findings.mistake(subject, proxy, problem.to_owned(), help);
    }
    if let Some(pair) = &tls.certificate {
        examine_certificate(subject, findings, pair, &key("certificate"));
    }
}

/// A file of certificates that vouch for others.
pub(super) fn examine_authorities(
    subject: Subject<'_>,
    findings: &mut Findings,
    ca: &Path,
    (key, help): (&KeyPath, &str),
) {
    let shown = ca.display();
    let problem = match read_authorities(ca) {
        Err(error) => format!("cannot read {shown}: {error}"),
        Ok(text) => {
            let certificates = CertificateDer::pem_slice_iter(text.as_bytes());
            match certificates.collect::<Result<Vec<_>, _>>() {
                Err(error) => format!("{shown} cannot be used: {error}"),
                Ok(certificates) if certificates.is_empty() => {
                    format!("there is no certificate in {shown} (`-----BEGIN CERTIFICATE-----`)")
                }
                Ok(_) => return,
            }
        }
    };
    findings.mistake(subject, key, problem, help);
}

fn examine_certificate(
    subject: Subject<'_>,
    findings: &mut Findings,
    pair: &CertificateFiles,
    key: &KeyPath,
) {
    let Some(facts) = examine_files(subject, findings, pair, key) else {
        return;
    };
    if facts.validity.is_expired(subject.now) {
        let until = clock::minute_in(subject.plan.timezone.as_deref(), facts.validity.not_after);
        let problem = format!(
            "the certificate in {} ended on {until}",
            pair.chain.display()
        );
        let help = "servers that ask who comes refuse it: put a new one there";
        findings.warn(subject, &key.clone().key("chain"), problem, help);
    }
}
