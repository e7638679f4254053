//! Caddy as an issuer (its `acme_server`): another hand's ACME.
//!
//! It looks for answers on ports 80 and 443 alone, and asks the system where names lead. So the names of
//! the test lead to an address of 127.0.0.0/8 that nobody else has, told by a hosts file that Caddy alone sees.

use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustls::ClientConfig;
use tempfile::TempDir;

use super::https;
use super::pebble::write_certificate;
use super::program::Program;
use super::program::free_port;
use super::program::skipped;
use super::program::try_thrice;

/// A Caddy that issues.
#[derive(Debug)]
pub(crate) struct Caddy {
    folder: TempDir,
    address: SocketAddr,
    program: Program,
}

impl Caddy {
    /// Whose hosts file has these names at that address. `None` where it can't run, which is said.
    pub(crate) fn start(names: &[&str], at: Ipv4Addr) -> Option<Self> {
        if Command::new("caddy").arg("version").output().is_err() {
            skipped("caddy", "it is not installed");
            return None;
        }
        let own_mounts = Command::new("unshare").args(["-m", "true"]).output();
        if !own_mounts.is_ok_and(|output| output.status.success()) {
            skipped("caddy", "only root can give it a hosts file of its own");
            return None;
        }
        Some(try_thrice("Caddy", || Self::try_start(names, at)))
    }

    fn try_start(names: &[&str], at: Ipv4Addr) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let root = write_certificate(folder.path(), "tls");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let path = folder.path().display();
        let configuration = format!(
            "{{\n admin off\n skip_install_trust\n auto_https off\n storage file_system {path}/data\n}}\n\
             https://localhost:{} {{\n bind 127.0.0.1\n tls {path}/tls.pem {path}/tls.key\n acme_server\n}}\n",
            address.port(),
        );
        let file = folder.path().join("Caddyfile");
        fs::write(&file, configuration).unwrap();
        let hosts = format!("127.0.0.1 localhost\n{at} {}\n", names.join(" "));
        fs::write(folder.path().join("hosts"), hosts).unwrap();
        let script = format!(
            "mount --bind {path}/hosts /etc/hosts && exec caddy run --adapter caddyfile --config {path}/Caddyfile"
        );
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]);
        command.env("HOME", folder.path());
        let mut program = Program::start(&command, folder.path(), "caddy");
        let config = https::believing(&root);
        program.wait(|| directory(address, &config))?;
        Ok(Self {
            folder,
            address,
            program,
        })
    }

    /// The URL of its directory.
    pub(crate) fn directory(&self) -> String {
        format!(
            "https://localhost:{}/acme/local/directory",
            self.address.port()
        )
    }

    /// The file of the root that vouches for the directory's own TLS.
    pub(crate) fn tls_root(&self) -> PathBuf {
        self.folder.path().join("tls.root")
    }

    /// The root of what it issues, as PEM.
    pub(crate) fn issued_root(&self) -> String {
        let file = "data/pki/authorities/local/root.crt";
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    /// What it says it did.
    pub(crate) fn log(&self) -> String {
        self.program.log()
    }
}

fn directory(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<()> {
    https::ask(address, config, "GET", "/acme/local/directory", "").map(drop)
}

/// An address of this machine whose ports 80 and 443 are free; `None` where nobody but root may take them.
pub(crate) fn free_address() -> Option<Ipv4Addr> {
    // The port tells apart what runs at once.
    let [high, low] = free_port().to_be_bytes();
    let address = Ipv4Addr::new(127, 101, high, low.max(1));
    let is_free = [80, 443]
        .iter()
        .all(|port| TcpListener::bind((address, *port)).is_ok());
    if !is_free {
        skipped(
            "caddy",
            "it looks for answers on ports 80 and 443, which only root can take",
        );
    }
    is_free.then_some(address)
}
