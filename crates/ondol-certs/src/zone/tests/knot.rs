//! A real name server with zones that keys may change, on a port of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use ondol_model::plan::DnsProvider;
use ondol_model::plan::Secret;
use ondol_model::plan::TsigAlgorithm;

/// As base64: the key that may change the zones.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// As base64: another.
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// A Knot that ends with this value.
pub(super) struct Knot {
    process: Child,
    pub(super) address: SocketAddr,
    pub(super) folder: tempfile::TempDir,
}

impl Knot {
    /// Starts one with these zones, each with its records besides SOA and NS. `None` where none is installed.
    pub(super) fn start(test: &str, zones: &[(&str, &str)]) -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: {test}: knotd is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // Somebody may take the port before Knot does: then another is tried.
        (0..5)
            .find_map(|_| Self::try_start(&program, &folder, zones))
            .map(|(process, address)| Self {
                process,
                address,
                folder,
            })
    }

    fn try_start(
        program: &Path,
        folder: &tempfile::TempDir,
        zones: &[(&str, &str)],
    ) -> Option<(Child, SocketAddr)> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let path = folder.path();
        let listed = zones.iter().map(|(zone, _)| {
            format!("  - domain: {zone}\n    file: \"{zone}.zone\"\n    acl: change\n")
        });
        let text = configuration(path, address) + &listed.collect::<String>();
        for (zone, records) in zones {
            let records = format!(
                "$TTL 60\n@ SOA ns hostmaster 1 600 600 600 60\n@ NS ns\nns A {}\n{records}\n",
                address.ip()
            );
            write(&path.join(format!("{zone}.zone")), &records);
        }
        let file = path.join("knot.conf");
        write(&file, &text);
        let mut command = Command::new(program);
        let command = command.arg("-c").arg(&file).stdin(Stdio::null());
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        if lines
            .map_while(Result::ok)
            .any(|line| line.contains("server started"))
        {
            return Some((process, address));
        }
        let _ = process.kill();
        let _ = process.wait();
        None
    }

    /// The provider with a key by this name, which is `KEY` in truth.
    pub(super) fn provider(&self, key_name: &str) -> DnsProvider {
        self.provider_with(key_name, KEY)
    }

    /// The provider with the wrong key.
    pub(super) fn provider_with_other_key(&self, key_name: &str) -> DnsProvider {
        self.provider_with(key_name, OTHER_KEY)
    }

    fn provider_with(&self, key_name: &str, key: &str) -> DnsProvider {
        let path = self.folder.path().join("tsig.key");
        ondol_base::file::replace(&path, key.as_bytes(), 0o600).unwrap();
        DnsProvider::Rfc2136 {
            server: self.address,
            key_name: key_name.into(),
            algorithm: TsigAlgorithm::HmacSha256,
            key: Secret::File(path),
        }
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    ["/usr/sbin/knotd", "/usr/local/sbin/knotd", "/usr/bin/knotd"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "server:\n  rundir: \"{folder}\"\n  listen: {}@{}\n\
         log:\n  - target: stdout\n    any: info\n\
         database:\n  storage: \"{folder}\"\n\
         key:\n\
         \x20 - id: ondol\n    algorithm: hmac-sha256\n    secret: {KEY}\n\
         \x20 - id: useless\n    algorithm: hmac-sha256\n    secret: {KEY}\n\
         acl:\n\
         \x20 - id: change\n    key: ondol\n    action: update\n\
         template:\n  - id: default\n    storage: \"{folder}\"\n    zonefile-sync: -1\n\
         zone:\n",
        address.ip(),
        address.port(),
    )
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new();
    let mut file = file
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
