//! Plans for tests.

use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::plan;
use ondol_model::plan::CertificateFiles;

pub(crate) fn pattern(text: &str) -> HostPattern {
    HostPattern::parse(text).unwrap()
}

pub(crate) fn patterns(texts: &[&str]) -> Vec<HostPattern> {
    texts.iter().map(|text| pattern(text)).collect()
}

/// An HTTPS site with these names that answers "here".
pub(crate) fn site(names: &[&str], certificate: Option<&CertificateFiles>) -> Site {
    let mut names = patterns(names).into_iter();
    Site {
        name: names.next().unwrap(),
        aliases: names.collect(),
        alias_answer: plan::AliasAnswer::Redirect,
        scheme: plan::Scheme::Https,
        certificate: certificate.cloned(),
        client_auth: None,
        passthrough: None,
        issuance: Default::default(),
        rules: plan::Rules::default(),
        redirects: Vec::new(),
        check: None,
        health: None,
        routes: Vec::new(),
    }
}

pub(crate) fn plan(sites: Vec<Site>, shared: &[&CertificateFiles]) -> Plan {
    Plan {
        box_name: "sample".to_owned(),
        email: None,
        timezone: None,
        listen: plan::Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ondol_model::forwarded::ClientIpHeader::XForwardedFor,
        },
        access_log: plan::AccessLog::default(),
        certificates: shared.iter().copied().cloned().collect(),
        resolvers: Vec::new(),
        apps: Vec::new(),
        backup: plan::Backup::default(),
        care: plan::Care::default(),
        sites,
    }
}
