//! pebble-challtestsrv: a name server for tests, which says of every name what it was told to.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::https;
use super::pebble::program;
use super::program::Program;
use super::program::free_port;
use super::program::try_thrice;

/// A name server that runs. Names that it knows nothing of lead to 127.0.0.1, and have no AAAA record.
#[derive(Debug)]
pub(crate) struct NameServer {
    address: SocketAddr,
    management: SocketAddr,
    _program: Program,
    _folder: TempDir,
}

impl NameServer {
    /// `None` when it is not installed, which is said.
    pub(crate) fn start() -> Option<Self> {
        let program = program("pebble-challtestsrv")?;
        let help = Command::new(&program).arg("-help").output().unwrap();
        let is_newer = String::from_utf8_lossy(&help.stderr).contains("-dnsserver");
        Some(try_thrice("pebble-challtestsrv", || {
            let folder = tempfile::tempdir().unwrap();
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let management = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let mut command = Command::new(&program);
            let dns = if is_newer { "-dnsserver" } else { "-dns01" };
            command.args([dns, &address.to_string()]);
            command.args(["-management", &management.to_string()]);
            command.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
            command.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
            if is_newer {
                command.args(["-doh", ""]);
            }
            let mut program = Program::start(&command, folder.path(), "challtestsrv");
            program.wait(|| tell(management, "clear-txt", &json!({ "host": "none." })))?;
            Ok(Self {
                address,
                management,
                _program: program,
                _folder: folder,
            })
        }))
    }

    /// Where it is asked, by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where names lead of which nothing else was said; empty means nowhere.
    pub(crate) fn set_default(&self, ipv4: &str) {
        self.tell("set-default-ipv4", &json!({ "ip": ipv4 }));
    }

    /// The A records of a name.
    pub(crate) fn set_a(&self, name: &str, addresses: &[&str]) {
        let host = full(name);
        self.tell("clear-a", &json!({ "host": host }));
        self.tell("add-a", &json!({ "host": host, "addresses": addresses }));
    }

    /// The AAAA records of a name.
    pub(crate) fn set_aaaa(&self, name: &str, addresses: &[&str]) {
        let host = full(name);
        self.tell("clear-aaaa", &json!({ "host": host }));
        self.tell("add-aaaa", &json!({ "host": host, "addresses": addresses }));
    }

    /// Forgets the A records of a name: it leads where others do.
    pub(crate) fn clear_a(&self, name: &str) {
        self.tell("clear-a", &json!({ "host": full(name) }));
    }

    /// Another TXT record of a name.
    pub(crate) fn add_txt(&self, name: &str, text: &str) {
        self.tell("set-txt", &json!({ "host": full(name), "value": text }));
    }

    /// Forgets the TXT records of a name.
    pub(crate) fn clear_txt(&self, name: &str) {
        self.tell("clear-txt", &json!({ "host": full(name) }));
    }

    /// Another name for a name.
    pub(crate) fn set_cname(&self, name: &str, target: &str) {
        let record = json!({ "host": full(name), "target": full(target) });
        self.tell("set-cname", &record);
    }

    /// The CAA records of a name: tags and values.
    pub(crate) fn set_caa(&self, name: &str, policies: &[(&str, &str)]) {
        let policies = policies.iter();
        let policies = policies.map(|(tag, value)| json!({ "tag": tag, "value": value }));
        let policies: Vec<_> = policies.collect();
        let record = json!({ "host": full(name), "policies": policies });
        self.tell("add-caa", &record);
    }

    /// Fails every question about a name.
    pub(crate) fn fail(&self, name: &str) {
        self.tell("set-servfail", &json!({ "host": full(name) }));
    }

    fn tell(&self, what: &str, value: &Value) {
        tell(self.management, what, value).unwrap();
    }
}

fn tell(management: SocketAddr, what: &str, value: &Value) -> std::io::Result<()> {
    let path = format!("/{what}");
    https::ask_plainly(management, "POST", &path, &value.to_string()).map(drop)
}

fn full(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}
