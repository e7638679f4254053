//! Knot: a real name server, whose zones a key may change (RFC 2136, RFC 8945).

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::program::Program;
use super::program::free_port;
use super::program::skipped;
use super::program::try_thrice;

/// As base64.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const KEY_NAME: &str = "box-key";
const PLACES: [&str; 2] = ["/usr/sbin/knotd", "/usr/local/sbin/knotd"];
/// A question for the SOA record of the root (RFC 1035 §4.1).
const QUESTION: [u8; 17] = [0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1];

/// A name server that runs. It has a root zone in which every name leads to 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Knot {
    address: SocketAddr,
    folder: TempDir,
    _program: Program,
}

impl Knot {
    /// With these zones, whose names lead to 127.0.0.1. `None` when it is not installed, which is said.
    pub(crate) fn start(zones: &[&str]) -> Option<Self> {
        let Some(program) = PLACES.into_iter().find(|place| fs::exists(place).unwrap()) else {
            skipped("knotd", "it is not installed");
            return None;
        };
        Some(try_thrice("Knot", || Self::try_start(program, zones)))
    }

    fn try_start(program: &str, zones: &[&str]) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let file = folder.path().join("knot.conf");
        fs::write(&file, configuration(&folder, address, zones)).unwrap();
        let secret = folder.path().join("tsig.key");
        fs::write(&secret, KEY).unwrap();
        fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(&file);
        let mut program = Program::start(&command, folder.path(), "knot");
        program.wait(|| is_there(address))?;
        Ok(Self {
            address,
            folder,
            _program: program,
        })
    }

    /// Where it is asked, by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of `dns` in a configuration that lets the box change the zones.
    pub(crate) fn provider(&self) -> String {
        let (server, key) = (self.address, self.key_file());
        let key = key.display();
        format!(
            "{{ provider = \"rfc2136\", server = \"{server}\", key_name = \"{KEY_NAME}\", algorithm = \"hmac-sha256\", key = {{ file = \"{key}\" }} }}"
        )
    }

    /// The file of the key that may change the zones.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("tsig.key")
    }

    /// The TXT records of a name.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let port = self.address.port().to_string();
        let server = format!("@{}", self.address.ip());
        let mut command = Command::new("kdig");
        let output = command.args([&server, "-p", &port, "+short", "TXT", name]);
        let said = String::from_utf8(output.output().unwrap().stdout).unwrap();
        let lines = said.lines().filter(|line| line.starts_with('"'));
        lines.map(|line| line.replace('"', "")).collect()
    }

    /// Adds a TXT record, as an owner does.
    pub(crate) fn add_txt(&self, name: &str, text: &str) {
        let zone = name.split_once('.').unwrap().1;
        let lines = format!(
            "server {} {}\nkey hmac-sha256:{KEY_NAME} {KEY}\nzone {zone}\nadd {name} 60 TXT \"{text}\"\nsend\n",
            self.address.ip(),
            self.address.port(),
        );
        let file = self.folder.path().join("update");
        fs::write(&file, lines).unwrap();
        let output = Command::new("knsupdate").arg(&file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn configuration(folder: &TempDir, address: SocketAddr, zones: &[&str]) -> String {
    let path = folder.path().display();
    let mut text = format!(
        "server:\n  rundir: \"{path}\"\n  listen: {}@{}\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n  storage: \"{path}\"\n\
         key:\n  - id: {KEY_NAME}\n    algorithm: hmac-sha256\n    secret: {KEY}\n\
         acl:\n  - id: change\n    key: {KEY_NAME}\n    action: update\n\
         template:\n  - id: default\n    storage: \"{path}\"\n    zonefile-sync: -1\n\
         zone:\n",
        address.ip(),
        address.port(),
    );
    for (number, zone) in std::iter::once(&".").chain(zones).enumerate() {
        let _infallible = write!(
            text,
            "  - domain: {zone}\n    file: \"{number}.zone\"\n    acl: change\n"
        );
        // A wildcard does not lead to the name server of the root, which has a name of its own.
        let records = "$TTL 60\n@ SOA ns hostmaster 1 600 600 600 60\n@ NS ns\nns A 127.0.0.1\n@ A 127.0.0.1\n* A 127.0.0.1\n";
        fs::write(folder.path().join(format!("{number}.zone")), records).unwrap();
    }
    text
}

fn is_there(address: SocketAddr) -> std::io::Result<()> {
    const ANSWER: Duration = Duration::from_millis(200);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(ANSWER))?;
    socket.send_to(&QUESTION, address)?;
    let mut answer = [0; 512];
    socket.recv(&mut answer)?;
    // No error, and at least one record.
    if answer[3] & 0x0f == 0 && answer[7] > 0 {
        Ok(())
    } else {
        Err(std::io::Error::other("its zones are not loaded yet"))
    }
}
