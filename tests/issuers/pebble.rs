//! Pebble: an issuer that speaks ACME (RFC 8555), made for tests. It forgets everything when it ends.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::ClientConfig;
use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::https;
use super::program::Program;
use super::program::free_port;
use super::program::skipped;
use super::program::try_thrice;

/// Where tests/run puts the newer one.
const NEWER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/pebble/usr/bin");

/// A Pebble that runs.
#[derive(Debug)]
pub(crate) struct Pebble {
    folder: TempDir,
    program: Program,
    acme: SocketAddr,
    management: SocketAddr,
    config: Arc<ClientConfig>,
}

/// How a Pebble is to be.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where it looks for answers to HTTP-01.
    pub(crate) http_port: u16,
    /// Where it looks for answers to TLS-ALPN-01.
    pub(crate) tls_port: u16,
    /// The name server that it asks; `None` means the machine's.
    pub(crate) name_server: Option<SocketAddr>,
    /// The kinds of certificates, with their lifetimes in seconds; the first is the default. An older
    /// Pebble has that alone.
    pub(crate) profiles: Vec<(&'static str, u64)>,
    /// The accounts, one of which each order needs: a name and a key as base64url. Empty: none is needed.
    pub(crate) external_accounts: Vec<(&'static str, &'static str)>,
    /// Names that it issues nothing for.
    pub(crate) blocked: Vec<&'static str>,
    /// The seconds after which it wants to be asked again about an order and its parts.
    pub(crate) retry_after: u32,
    /// Of a hundred good nonces it refuses so many.
    pub(crate) nonces_refused: u8,
    /// Of a hundred authorizations that are still good it uses so many again.
    pub(crate) authorizations_reused: u8,
    /// The seconds that it waits at most before it looks; the moment is chosen by it.
    pub(crate) sleep_max: u32,
}

impl Default for Settings {
    /// As nasty as it is by itself, but quick.
    fn default() -> Self {
        Self {
            http_port: 0,
            tls_port: 0,
            name_server: None,
            profiles: vec![("default", 90 * 24 * 3600), ("shortlived", 6 * 24 * 3600)],
            external_accounts: Vec::new(),
            blocked: Vec::new(),
            retry_after: 1,
            nonces_refused: 5,
            authorizations_reused: 50,
            sleep_max: 0,
        }
    }
}

impl Pebble {
    /// Any Pebble of this machine, the newer one first. `None` when there is none, which is said.
    pub(crate) fn start(settings: &Settings) -> Option<Self> {
        Self::run(&program("pebble")?, settings)
    }

    /// One that knows ARI (RFC 9773), profiles and DNS-PERSIST-01.
    pub(crate) fn start_newer(settings: &Settings) -> Option<Self> {
        let program = Path::new(NEWER).join("pebble");
        if !program.exists() {
            skipped("Pebble 2.10", "tests/run did not bring it");
            return None;
        }
        Self::run(&program, settings)
    }

    fn run(program: &Path, settings: &Settings) -> Option<Self> {
        Some(try_thrice("Pebble", || Self::try_run(program, settings)))
    }

    fn try_run(program: &Path, settings: &Settings) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let acme = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let management = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let root = write_certificate(folder.path(), "tls");
        let configuration = settings.configuration(folder.path(), acme, management);
        let file = folder.path().join("pebble.json");
        fs::write(&file, configuration.to_string()).unwrap();
        let mut command = Command::new(program);
        command.arg("-config").arg(&file);
        if let Some(server) = settings.name_server {
            command.args(["-dnsserver", &server.to_string()]);
        }
        command.envs(settings.environment());
        let program = Program::start(&command, folder.path(), "pebble");
        let mut pebble = Self {
            folder,
            program,
            acme,
            management,
            config: https::believing(&root),
        };
        pebble.wait_ready()?;
        Ok(pebble)
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let (acme, management, config) = (self.acme, self.management, Arc::clone(&self.config));
        self.program.wait(|| {
            https::ask(management, &config, "GET", "/roots/0", "")?;
            https::ask(acme, &config, "GET", "/dir", "").map(drop)
        })
    }

    /// The URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.acme.port())
    }

    /// Where it is asked for certificates.
    pub(crate) fn address(&self) -> SocketAddr {
        self.acme
    }

    /// The file of the root that vouches for the directory's own TLS.
    pub(crate) fn tls_root(&self) -> PathBuf {
        self.folder.path().join("tls.root")
    }

    /// The root of what it issues, as PEM.
    pub(crate) fn issued_root(&self) -> String {
        self.ask("GET", "/roots/0", "").unwrap()
    }

    /// What is known of a certificate by its serial number, in hexadecimal digits: `Valid` or `Revoked`.
    pub(crate) fn status_of(&self, serial: &str) -> String {
        let answer = self.ask("GET", &format!("/cert-status-by-serial/{serial}"), "");
        let answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
        answer["Status"].as_str().unwrap().to_owned()
    }

    /// Has it suggest this window for the renewal of a certificate (RFC 9773 §4.2): RFC 3339 times.
    pub(crate) fn suggest(&self, certificate: &str, start: &str, end: &str) {
        let window = json!({ "suggestedWindow": { "start": start, "end": end } });
        let question = json!({ "certificate": certificate, "ariResponse": window.to_string() });
        self.ask("POST", "/set-renewal-info/", &question.to_string())
            .unwrap();
    }

    /// What its management interface answers.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        https::ask(self.management, &self.config, method, path, body)
    }

    /// What it says it did.
    pub(crate) fn log(&self) -> String {
        self.program.log()
    }
}

impl Settings {
    fn configuration(&self, folder: &Path, acme: SocketAddr, management: SocketAddr) -> Value {
        let profiles = self.profiles.iter().map(|(name, lifetime)| {
            let profile = json!({ "description": "for tests", "validityPeriod": lifetime });
            ((*name).to_owned(), profile)
        });
        let keys = self.external_accounts.iter();
        let keys = keys.map(|(id, key)| ((*id).to_owned(), Value::from(*key)));
        let pair = |end| folder.join(format!("tls.{end}"));
        json!({ "pebble": {
            "listenAddress": acme.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": pair("pem"),
            "privateKey": pair("key"),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": !self.external_accounts.is_empty(),
            "externalAccountMACKeys": keys.collect::<serde_json::Map<_, _>>(),
            "domainBlocklist": self.blocked,
            "retryAfter": { "authz": self.retry_after, "order": self.retry_after },
            "keyAlgorithm": "ecdsa",
            "certificateValidityPeriod": self.profiles[0].1,
            "profiles": profiles.collect::<serde_json::Map<_, _>>(),
        } })
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("PEBBLE_WFE_NONCEREJECT", self.nonces_refused.to_string()),
            ("PEBBLE_AUTHZREUSE", self.authorizations_reused.to_string()),
            ("PEBBLE_VA_ALWAYS_VALID", "0".to_owned()),
        ];
        all.push(match self.sleep_max {
            0 => ("PEBBLE_VA_NOSLEEP", "1".to_owned()),
            seconds => ("PEBBLE_VA_SLEEPTIME", seconds.to_string()),
        });
        all
    }
}

/// The path of a program of Pebble's: the newer one, else the system's.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let newer = Path::new(NEWER).join(name);
    if newer.exists() {
        return Some(newer);
    }
    if Command::new(name).arg("-version").output().is_ok() {
        return Some(name.into());
    }
    skipped(name, "it is not installed");
    None
}

/// Writes `<name>.pem` and `<name>.key` for `localhost`, and `<name>.root`, which is returned.
pub(crate) fn write_certificate(folder: &Path, name: &str) -> String {
    let mut authority = CertificateParams::default();
    let called = "Root of a test's issuer";
    authority
        .distinguished_name
        .push(DnType::CommonName, called);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let params = CertificateParams::new(names).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let leaf = params.signed_by(&key, &issuer).unwrap().pem();
    let write = |end: &str, text: &str| {
        fs::write(folder.join(format!("{name}.{end}")), text).unwrap();
    };
    write("pem", &leaf);
    write("key", &key.serialize_pem());
    write("root", &root);
    root
}
