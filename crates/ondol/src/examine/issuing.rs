//! What certificates need to be got: secrets that can be read, the roots of issuers, programs that are there.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_base::chain::Chain;
use ondol_base::secret::SecretError;
use ondol_certs::read_secret;
use ondol_config::KeyPath;
use ondol_model::HostPattern;
use ondol_model::Site;
use ondol_model::plan::DnsProvider;
use ondol_model::plan::Issuer;
use ondol_model::plan::KnownIssuer;
use ondol_model::plan::Secret;

use super::Findings;
use super::Subject;
use super::upstream_tls::examine_authorities;

/// Permission bits for someone to run a file.
const RUN: u32 = 0o111;

/// What was looked at; many sites are got in one way.
#[derive(Debug, Default)]
struct Seen<'p> {
    secrets: HashSet<&'p Secret>,
    files: HashSet<&'p Path>,
}

/// `left` are the names that no file covers.
pub(super) fn examine(
    subject: Subject<'_>,
    findings: &mut Findings,
    left: &[(&Site, Vec<&HostPattern>)],
) {
    let mut seen = Seen::default();
    for (site, _) in left {
        let issuers = key_of(subject, site, "issuers");
        for (index, issuer) in site.issuance.issuers.iter().enumerate() {
            examine_issuer(subject, findings, issuer, (&issuers, index), &mut seen);
        }
        if let Some(dns) = &site.issuance.dns {
            let key = key_of(subject, site, "dns");
            examine_provider(subject, findings, dns, &key, &mut seen);
        }
    }
}

/// Where a site says something of its certificate: itself, or in `[tls]`.
pub(super) fn key_of(subject: Subject<'_>, site: &Site, name: &str) -> KeyPath {
    let own = KeyPath::site(&site.name.to_string()).key("tls").key(name);
    if subject.origins.has(&own) {
        own
    } else {
        KeyPath::tls().key(name)
    }
}

fn examine_issuer<'p>(
    subject: Subject<'_>,
    findings: &mut Findings,
    issuer: &'p Issuer,
    (issuers, index): (&KeyPath, usize),
    seen: &mut Seen<'p>,
) {
    let Issuer::Acme(issuer) = issuer else { return };
    let key = issuers.clone().index(index);
    let staging = KnownIssuer::LetsEncryptStaging.directory();
    if *issuer.directory == *staging && seen.files.insert(Path::new(staging)) {
        let problem =
            "Let's Encrypt's staging is for trying out: no browser believes its certificates";
        let help = "write \"letsencrypt\" when all is well; after a failure its staging is tried first by itself";
        findings.warn(subject, &key, problem.to_owned(), help);
    }
    if let Some(root) = &issuer.root
        && seen.files.insert(root)
    {
        let help = "`root` takes the certificates, in PEM, that vouch for the issuer's directory";
        examine_authorities(subject, findings, root, (&key.clone().key("root"), help));
    }
    if let Some(account) = &issuer.external_account {
        let key = key.key("account").key("hmac_key");
        examine_secret(subject, findings, &account.hmac_key, &key, seen);
    }
}

fn examine_provider<'p>(
    subject: Subject<'_>,
    findings: &mut Findings,
    dns: &'p DnsProvider,
    key: &KeyPath,
    seen: &mut Seen<'p>,
) {
    let secrets = match dns {
        DnsProvider::Rfc2136 { key, .. } => vec![("key", key)],
        DnsProvider::Cloudflare { token }
        | DnsProvider::Desec { token }
        | DnsProvider::Gandi { token } => vec![("token", token)],
        DnsProvider::Route53 {
            access_key,
            secret_key,
        } => vec![("access_key", access_key), ("secret_key", secret_key)],
        DnsProvider::Porkbun {
            api_key,
            secret_key,
        } => vec![("api_key", api_key), ("secret_key", secret_key)],
        DnsProvider::Exec { command } => {
            let program = command.first().map(|program| Path::new(&**program));
            if let Some(program) = program.filter(|program| seen.files.insert(program)) {
                let key = key.clone().key("command").index(0);
                examine_program(subject, findings, program, &key);
            }
            Vec::new()
        }
    };
    for (name, secret) in secrets {
        examine_secret(subject, findings, secret, &key.clone().key(name), seen);
    }
}

fn examine_secret<'p>(
    subject: Subject<'_>,
    findings: &mut Findings,
    secret: &'p Secret,
    key: &KeyPath,
    seen: &mut Seen<'p>,
) {
    if !seen.secrets.insert(secret) {
        return;
    }
    let Err(error) = read_secret(secret) else {
        return;
    };
    let name = match secret {
        Secret::Environment(_) => "env",
        Secret::File(_) => "file",
    };
    let key = &key.clone().key(name);
    let problem = Chain(&error).to_string();
    match secret {
        // `ondol check` has the environment of whoever runs it, not the agent's.
        Secret::Environment(_) => {
            let help = "`ondol run` must have it when a certificate is got: the service has those of /etc/ondol/environment (NAME=value), since its start; { file = \"…\" } does without";
            findings.warn(subject, key, problem, help);
        }
        Secret::File(path) => {
            let shown = path.display();
            let help = match error {
                SecretError::Exposed { .. } => {
                    format!("then change the secret: who could read {shown} may have it")
                }
                SecretError::NoVariable { .. }
                | SecretError::Read { .. }
                | SecretError::TooLarge { .. }
                | SecretError::Empty { .. }
                | SecretError::NoText { .. } => {
                    format!(
                        "put the secret there, alone, for the eyes of Ondol's user (`chmod 600 {shown}`)"
                    )
                }
            };
            findings.mistake(subject, key, problem, help);
        }
    }
}

fn examine_program(subject: Subject<'_>, findings: &mut Findings, program: &Path, key: &KeyPath) {
    let shown = program.display();
    let (problem, help) = match fs::metadata(program) {
        Err(error) => (
            format!("cannot run {shown}: {error}"),
            "`command` takes the path of a program, which is run with \"add\" or \"remove\", the name of the record, and its text".to_owned(),
        ),
        Ok(metadata) if !metadata.is_file() => (
            format!("cannot run {shown}: it is not a file"),
            "`command` takes the path of a program".to_owned(),
        ),
        Ok(metadata) if metadata.permissions().mode() & RUN == 0 => (
            format!("cannot run {shown}: it is not executable"),
            format!("`chmod u+x {shown}` makes it so"),
        ),
        Ok(_) => return,
    };
    findings.mistake(subject, key, problem, help);
}
