//! A box and all that it has to do with: an issuer behind a front, and a name server.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::time::Duration;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

use crate::harness::Folders;
use crate::harness::Running;
use crate::issuers::caddy;
use crate::issuers::challtestsrv::NameServer;
use crate::issuers::front::Front;
use crate::issuers::https;
use crate::issuers::pebble::Pebble;
use crate::issuers::pebble::Settings;
use crate::issuers::program::free_port;
use crate::peers::text;

/// What a certificate may take on a busy machine, with answers that the issuer refuses now and then.
pub(super) const GOT: Duration = Duration::from_secs(60);

/// What stands around a box.
pub(super) struct Stage {
    pub(super) name_server: Option<NameServer>,
    pub(super) pebble: Pebble,
    pub(super) front: Front,
    resolver: SocketAddr,
    host: Ipv4Addr,
    http: u16,
    https: u16,
}

/// Which Pebble a test needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Any,
    /// ARI, profiles, DNS-PERSIST-01.
    Newer,
}

/// What a visitor saw in a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    /// In hexadecimal digits.
    pub(super) serial: String,
    pub(super) names: Vec<String>,
    pub(super) not_after: i64,
}

impl Stage {
    /// With a name server that leads every name to the box. `None` when a part is not installed.
    pub(super) fn set(needs: Needs, change: impl FnOnce(&mut Settings)) -> Option<Self> {
        let name_server = NameServer::start()?;
        let mut stage = Self::set_at(name_server.address(), needs, change)?;
        name_server.set_default(&stage.host.to_string());
        stage.name_server = Some(name_server);
        Some(stage)
    }

    /// With a name server that is there already.
    pub(super) fn set_at(
        resolver: SocketAddr,
        needs: Needs,
        change: impl FnOnce(&mut Settings),
    ) -> Option<Self> {
        // Where it is allowed, the ports are those of the world.
        let own = rustix::process::geteuid()
            .is_root()
            .then(caddy::free_address);
        let (host, http, https) = match own.flatten() {
            Some(host) => (host, 80, 443),
            None => (Ipv4Addr::LOCALHOST, free_port(), free_port()),
        };
        let mut settings = Settings {
            http_port: http,
            tls_port: https,
            name_server: Some(resolver),
            ..Settings::default()
        };
        change(&mut settings);
        let pebble = match needs {
            Needs::Any => Pebble::start(&settings)?,
            Needs::Newer => Pebble::start_newer(&settings)?,
        };
        Some(Self {
            name_server: None,
            front: Front::start(&pebble),
            pebble,
            resolver,
            host,
            http,
            https,
        })
    }

    pub(super) fn names(&self) -> &NameServer {
        self.name_server.as_ref().unwrap()
    }

    pub(super) fn host(&self) -> Ipv4Addr {
        self.host
    }

    pub(super) fn https(&self) -> SocketAddr {
        (self.host, self.https).into()
    }

    /// Pebble behind the front, as the configuration has it; `more` is added to its table.
    pub(super) fn issuer(&self, more: &str) -> String {
        format!(
            "{{ directory = \"{}\", name = \"pebble\", root = \"{}\"{more} }}",
            self.front.directory(),
            self.front.tls_root().display(),
        )
    }

    /// Sites that say their name, with more lines in `[tls]`.
    pub(super) fn configuration(&self, tls: &str, names: &[&str]) -> String {
        self.configuration_with(&self.issuer(""), tls, names)
    }

    pub(super) fn configuration_with(&self, issuers: &str, tls: &str, names: &[&str]) -> String {
        let Self {
            resolver,
            host,
            http,
            https,
            ..
        } = self;
        let mut text = format!(
            "[listen]\nhttp = [\"{host}:{http}\"]\nhttps = [\"{host}:{https}\"]\n\
             [tls]\nissuers = [{issuers}]\nresolvers = [\"{resolver}\"]\n{tls}\n"
        );
        for name in names {
            let _infallible = write!(text, "[sites.\"{name}\"]\nrespond = \"{name}\"\n");
        }
        text
    }

    /// A box with these sites.
    pub(super) fn start(&self, tls: &str, names: &[&str]) -> Running {
        Folders::with(&self.configuration(tls, names)).start()
    }

    /// The file of the root of what is issued.
    pub(super) fn root(&self, running: &Running) -> String {
        let file = running.folders.path("issued.root");
        fs::write(&file, self.pebble.issued_root()).unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// A handshake of a visitor who believes the issuer.
    pub(super) fn served(&self, name: &str) -> Result<Served, String> {
        self.served_under(&self.pebble.issued_root(), name)
    }

    pub(super) fn served_under(&self, roots: &str, name: &str) -> Result<Served, String> {
        let config = https::believing(roots);
        let stream = https::connect(self.https(), name, &config);
        let mut stream = stream.map_err(|error| error.to_string())?;
        let shaken = stream.conn.complete_io(&mut stream.sock);
        shaken.map_err(|error| error.to_string())?;
        let chain = stream.conn.peer_certificates().unwrap_or_default();
        Ok(Served::of(&chain[0]))
    }

    /// Waits until a visitor who believes the issuer is served; what is served.
    pub(super) fn until_served(&self, running: &Running, name: &str) -> Served {
        self.until_served_within(GOT, running, name)
    }

    pub(super) fn until_served_within(
        &self,
        limit: Duration,
        running: &Running,
        name: &str,
    ) -> Served {
        // The root stays the same as long as Pebble runs.
        let root = self.pebble.issued_root();
        let mut last = String::new();
        let served = within(limit, || match self.served_under(&root, name) {
            Ok(served) => Some(served),
            Err(error) => {
                last = error;
                None
            }
        });
        served.unwrap_or_else(|| {
            panic!(
                "{name} was never served ({last}):\n{}\n{:#}",
                running.log(),
                running.ask("/certs")
            )
        })
    }
}

impl Served {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
        let names = parsed.subject_alternative_name().unwrap().unwrap();
        let names = names.value.general_names.iter();
        let names = names.map(ToString::to_string).collect();
        Self {
            serial: parsed.serial.to_str_radix(16),
            names,
            not_after: parsed.validity().not_after.timestamp(),
        }
    }

    /// The first certificate of a file.
    pub(super) fn in_file(path: &PathBuf) -> Self {
        Self::of(&CertificateDer::from_pem_file(path).unwrap())
    }
}

/// Asks until there is an answer, for so long.
pub(super) fn within<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    const PAUSE: Duration = Duration::from_millis(50);
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        std::thread::sleep(PAUSE);
    }
    ask()
}

/// What `ondol certs --json` says of the certificate of a site.
pub(super) fn told(running: &Running, name: &str) -> Value {
    let certificates = running.ask("/certs");
    let certificates = certificates["certificates"].as_array().unwrap().iter();
    let has_it = |one: &&Value| {
        let lists = [&one["sites"], &one["wanted"]];
        let mut names = lists.into_iter().filter_map(Value::as_array).flatten();
        names.any(|site| site == name)
    };
    certificates
        .clone()
        .find(has_it)
        .cloned()
        .unwrap_or_default()
}

/// Waits until the last try for a site failed with these words; the whole sentence.
pub(super) fn until_failed(
    limit: Duration,
    running: &Running,
    name: &str,
    words: &[&str],
) -> String {
    let mut last = Value::Null;
    let sentence = within(limit, || {
        last = told(running, name);
        let message = last["last"]["message"].as_str()?;
        let is_meant =
            last["last"]["good"] == false && words.iter().all(|word| message.contains(word));
        is_meant.then(|| message.to_owned())
    });
    sentence.unwrap_or_else(|| {
        panic!(
            "no failure with {words:?} of {name}: {last:#}\n{}",
            running.log()
        )
    })
}

/// Asks for a new certificate, and waits for the end of that; whether there is one, and what was said.
pub(super) fn renew(running: &Running, name: &str) -> (bool, String) {
    let output: Output = running.folders.ondol(&["certs", "renew", name]);
    (output.status.success(), text(&output))
}

/// The folder in which the certificate of a name is kept.
pub(super) fn folder(running: &Running, issuer: &str, name: &str) -> PathBuf {
    running
        .folders
        .path(&format!("state/certificates/{issuer}/{name}"))
}

/// Waits until an event of a kind has these words.
pub(super) fn until_told(running: &Running, kind: &str, words: &str) {
    let found = within(GOT, || {
        let events = running.ask("/events");
        let mut events = events["events"].as_array()?.iter();
        let is_it = |event: &&Value| {
            event["kind"] == kind && event["message"].as_str().unwrap().contains(words)
        };
        events.find(is_it).map(drop)
    });
    assert!(
        found.is_some(),
        "no event {kind} with {words:?}: {:#}",
        running.ask("/events")
    );
}

/// Seconds since the Unix epoch of an RFC 3339 time.
pub(super) fn seconds(text: &str) -> i64 {
    let output = Command::new("date").args(["-d", text, "+%s"]).output();
    let said = String::from_utf8(output.unwrap().stdout).unwrap();
    said.trim().parse().unwrap()
}
