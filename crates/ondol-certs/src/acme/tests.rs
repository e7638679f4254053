//! With real issuers, and with one in whose way something stands.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

mod accounts;
mod caddy;
mod dns;
mod evil;
mod faults;
mod front;
#[path = "../../../../tests/issuers/lib.rs"]
#[expect(dead_code, reason = "others need more of it")]
pub(crate) mod issuers;
mod orders;
pub(crate) mod plane;
mod renewals;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;

use ondol_model::plan::Reach;
use tempfile::TempDir;

use super::*;
use issuers::challtestsrv::NameServer;
use issuers::pebble::Pebble;
use issuers::pebble::Settings;
use plane::Plane;

/// A Pebble, a name server that leads every name to this machine, and what stands there.
struct World {
    pebble: Pebble,
    name_server: NameServer,
    plane: Plane,
    folder: TempDir,
}

impl World {
    /// `None` when no Pebble is installed.
    async fn new(change: impl FnOnce(&mut Settings)) -> Option<Self> {
        let plane = Plane::new().await;
        let name_server = NameServer::start()?;
        let mut settings = Settings {
            http_port: plane.http_port(),
            tls_port: plane.tls_port(),
            name_server: Some(name_server.address()),
            ..Settings::default()
        };
        change(&mut settings);
        Some(Self {
            pebble: Pebble::start_newer(&settings)?,
            name_server,
            plane,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn issuer(&self) -> AcmeIssuer {
        issuer(&self.pebble.directory(), &self.pebble.tls_root())
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("pebble")
    }

    fn account_file(&self) -> PathBuf {
        self.folder().join("account.json")
    }

    async fn open(&self) -> Result<Session, Failure> {
        self.open_at(&self.issuer()).await
    }

    async fn open_at(&self, issuer: &AcmeIssuer) -> Result<Session, Failure> {
        open(issuer, &self.folder()).await
    }

    /// Orders a certificate and brings the order to its end, with the data plane at work.
    async fn get(
        &self,
        session: &Session,
        names: &[&str],
        ways: &[Challenge],
    ) -> Result<Got, Failure> {
        get(&self.plane, session, names, ways).await
    }
}

/// A certificate, and how it was got.
struct Got {
    chain_pem: String,
    key_pem: String,
    url: String,
    steps: Vec<&'static str>,
}

impl Got {
    fn names(&self) -> Vec<String> {
        let pair = crate::files::parse(&self.chain_pem, &self.key_pem).unwrap();
        let mut names: Vec<_> = pair.facts.names.iter().map(ToString::to_string).collect();
        names.sort();
        names
    }
}

fn issuer(directory: &str, root: &Path) -> AcmeIssuer {
    AcmeIssuer {
        name: "pebble".into(),
        directory: directory.into(),
        staging: None,
        root: Some(root.to_owned()),
        external_account: None,
        reach: Reach::Any,
    }
}

async fn open(issuer: &AcmeIssuer, folder: &Path) -> Result<Session, Failure> {
    let email = Some("owner@example.com");
    sent(Session::open(
        issuer,
        Environment::Production,
        email,
        folder,
    ))
    .await
}

async fn get(
    plane: &Plane,
    session: &Session,
    names: &[&str],
    ways: &[Challenge],
) -> Result<Got, Failure> {
    let names: Vec<_> = names.iter().map(|name| host(name)).collect();
    let order = NewCertificate {
        names: &names,
        profile: None,
        replaces: None,
    };
    let begun = session.begin(&order).await?;
    let key_pem = new_key();
    let steps = Mutex::new(Vec::new());
    let solver = Solver {
        ways: &|_| ways.to_vec(),
        board: &plane.board,
        zone: None,
        step: &|step| steps.lock().unwrap().push(step),
    };
    let proceeding = session.proceed(&begun.url, &names, &key_pem, &solver);
    let chain_pem = plane.while_it_answers(sent(proceeding)).await?;
    Ok(Got {
        chain_pem,
        key_pem,
        url: begun.url,
        steps: steps.into_inner().unwrap(),
    })
}

/// What is done for certificates must be able to move between threads.
fn sent<F: Future + Send>(future: F) -> F {
    future
}

fn host(name: &str) -> HostPattern {
    HostPattern::parse(name).unwrap()
}

fn new_key() -> String {
    rcgen::KeyPair::generate().unwrap().serialize_pem()
}
