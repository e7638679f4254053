//! Certificates that cannot be shown to visitors: unreadable, another key's, another site's, not now.

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_certs::Facts;
use ondol_certs::Names;
use ondol_certs::Offers;
use ondol_certs::Source;
use ondol_certs::choose;
use ondol_certs::files;
use ondol_certs::files::ChainOrder;
use ondol_certs::files::KeyReaders;
use ondol_certs::files::Part;
use ondol_config::KeyPath;
use ondol_model::HostPattern;
use ondol_model::plan::CertificateFiles;

use super::Findings;
use super::Subject;
use super::issuing;
use super::stand_ins;

/// A clock before this, 2025, was lost with its battery, and says nothing about certificates.
const CLOCK_MIN: i64 = 1_735_689_600;
/// A certificate with less than this left should have been renewed.
const REMAINING_MIN: i64 = 7 * 24 * 3600;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let mut shared = Vec::new();
    for (index, pair) in subject.plan.certificates.iter().enumerate() {
        let key = KeyPath::tls().certificate(index);
        if let Some(facts) = examine_pair(subject, findings, pair, &key) {
            examine_use(subject, findings, &key, &facts);
            shared.push((pair, facts));
        }
    }
    for site in &subject.plan.sites {
        let Some(pair) = &site.certificate else {
            continue;
        };
        let key = KeyPath::site(&site.name.to_string()).key("certificate");
        if let Some(facts) = examine_pair(subject, findings, pair, &key) {
            let names: Vec<_> = site.names().cloned().collect();
            examine_names(subject, findings, &key, &facts, &names);
            shared.push((pair, facts));
        }
    }
    examine_left(subject, findings, &shared);
}

fn examine_pair(
    subject: Subject<'_>,
    findings: &mut Findings,
    pair: &CertificateFiles,
    key: &KeyPath,
) -> Option<Facts> {
    let facts = examine_files(subject, findings, pair, key)?;
    examine_time(subject, findings, &key.clone().key("chain"), pair, &facts);
    Some(facts)
}

/// The files of a certificate, whatever it is for: what it says when it can be used.
pub(super) fn examine_files(
    subject: Subject<'_>,
    findings: &mut Findings,
    pair: &CertificateFiles,
    key: &KeyPath,
) -> Option<Facts> {
    let part = |part| match part {
        Part::Chain => key.clone().key("chain"),
        Part::Key => key.clone().key("key"),
    };
    let (loaded, readers) = match files::load(pair) {
        Ok(loaded) => loaded,
        Err(error) => {
            let help = "`chain` takes the certificate and those that lead to its root, `key` its private key, both in PEM";
            findings.mistake(
                subject,
                &part(error.part()),
                Chain(&error).to_string(),
                help,
            );
            return None;
        }
    };
    match readers {
        KeyReaders::Few => {}
        KeyReaders::Group(group) => {
            let shown = pair.key.display();
            findings.warn(
                subject,
                &part(Part::Key),
                format!("the key {shown} can be read by every user of the group {group}"),
                format!("`chmod g= {shown}` ends that, unless it is meant so"),
            );
        }
        KeyReaders::Everyone => {
            let shown = pair.key.display();
            let problem = format!("the key {shown} can be read by every user of this machine");
            findings.mistake(
                subject,
                &part(Part::Key),
                problem,
                format!("`chmod o= {shown}` ends that"),
            );
        }
    }
    match loaded.order {
        ChainOrder::Straight => {}
        ChainOrder::Broken => findings.warn(
            subject,
            &part(Part::Chain),
            format!("the certificates in {} are not in order", pair.chain.display()),
            "some programs will refuse it: each certificate should be followed by the one that issued it",
        ),
    }
    Some(loaded.facts)
}

fn examine_time(
    subject: Subject<'_>,
    findings: &mut Findings,
    key: &KeyPath,
    pair: &CertificateFiles,
    facts: &Facts,
) {
    let now = subject.now;
    let shown = pair.chain.display();
    let (from, until) = (facts.validity.not_before, facts.validity.not_after);
    let zone = subject.plan.timezone.as_deref();
    let minute = |moment| clock::minute_in(zone, moment);
    if now < CLOCK_MIN {
        let problem = format!(
            "the clock of this machine says {}, so the dates of {shown} were not checked",
            minute(now)
        );
        findings.warn(
            subject,
            key,
            problem,
            "set the clock: visitors' browsers have theirs",
        );
    } else if facts.validity.is_expired(now) {
        let problem = format!("the certificate in {shown} ended on {}", minute(until));
        findings.mistake(
            subject,
            key,
            problem,
            "visitors would be warned off: put a new one there",
        );
    } else if now < from {
        let problem = format!(
            "the certificate in {shown} is good only from {} on",
            minute(from)
        );
        let help = format!(
            "visitors would be warned off until then; the clock of this machine says {}",
            minute(now)
        );
        findings.mistake(subject, key, problem, help);
    } else if until - now < REMAINING_MIN {
        let problem = format!("the certificate in {shown} ends on {}", minute(until));
        findings.warn(
            subject,
            key,
            problem,
            "it should have been renewed by now: look after whatever renews it",
        );
    }
}

/// A shared certificate that no site uses is probably the wrong one.
fn examine_use(subject: Subject<'_>, findings: &mut Findings, key: &KeyPath, facts: &Facts) {
    let mut names = subject.plan.sites.iter().flat_map(|site| site.names());
    if !names.any(|name| facts.covers(name)) {
        let problem = format!(
            "this certificate covers none of the sites' names, only {}",
            Names(&facts.names)
        );
        findings.warn(
            subject,
            key,
            problem,
            "take it out, or name the one that was meant",
        );
    }
}

fn examine_names(
    subject: Subject<'_>,
    findings: &mut Findings,
    key: &KeyPath,
    facts: &Facts,
    names: &[HostPattern],
) {
    let lost: Vec<_> = names
        .iter()
        .filter(|name| !facts.covers(name))
        .cloned()
        .collect();
    if lost.is_empty() {
        return;
    }
    let covered = if facts.names.is_empty() {
        "no name at all (it has no subjectAltName)".to_owned()
    } else {
        format!("only {}", Names(&facts.names))
    };
    let problem = format!("the certificate does not cover {}", Names(&lost));
    let help =
        format!("it covers {covered}; get one for every name of the site, or take the name out");
    findings.mistake(subject, &key.clone().key("chain"), problem, help);
}

/// The names that no file covers have certificates of issuers, or of Ondol's own CA.
fn examine_left(
    subject: Subject<'_>,
    findings: &mut Findings,
    known: &[(&CertificateFiles, Facts)],
) {
    let facts = |wanted: &CertificateFiles| {
        let mut known = known.iter();
        known
            .find(|(files, _)| *files == wanted)
            .map(|(_, facts)| facts)
    };
    let choices = choose(subject.plan, &facts, &Offers::default()).into_iter();
    let left = choices
        .filter(|choice| choice.source == Source::Internal && choice.site.certificate.is_none());
    let left: Vec<_> = left.map(|choice| (choice.site, choice.names)).collect();
    issuing::examine(subject, findings, &left);
    stand_ins::examine(subject, findings, &left);
}
