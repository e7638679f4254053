//! A real gRPC client and server, Python's, from end to end.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use ondol_model::Site;
use ondol_model::upstream::Upstream;

use crate::harness::Identity;
use crate::harness::Plane;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::secure_site;
use crate::harness::site;

/// A server; it ends with its input.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A Python that has gRPC: of this machine, or as `tests/run` installs it.
#[expect(
    clippy::print_stdout,
    reason = "whoever reads the tests' output must know"
)]
fn python() -> Option<PathBuf> {
    let candidates = [here("../../target/python/bin/python3"), "python3".into()];
    let has_grpc = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import grpc"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let found = candidates.into_iter().find(has_grpc);
    if found.is_none() {
        println!("skipped: gRPC: Python has no module grpc (tests/run installs it)");
    }
    found
}

fn serve(python: &Path) -> (Server, Upstream) {
    let mut server = Command::new(python)
        .arg(here("tests/proxy/grpc_peers.py"))
        .arg("server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    let output = server.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut port).unwrap();
    let upstream = Upstream::parse(&format!("h2c://127.0.0.1:{}", port.trim())).unwrap();
    (Server(server), upstream)
}

fn ask(python: &Path, arguments: &[&str]) {
    let client = Command::new(python)
        .arg(here("tests/proxy/grpc_peers.py"))
        .arg("client")
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&client.stderr);
    assert!(client.status.success(), "{said}");
}

fn check(site: impl Fn(Upstream) -> Site, asked: impl Fn(&Plane, &Identity, &Path)) {
    let Some(python) = python() else { return };
    let (_server, upstream) = serve(&python);
    let identity = Identity::new(&["a.test"]);
    let plane = Plane::start_with(plan([site(upstream)]), &[&identity]);
    asked(&plane, &identity, &python);
}

#[test]
fn grpc_goes_through_by_https() {
    check(
        |upstream| secure_site("a.test", proxy_to_all([upstream])),
        |plane, identity, python| {
            let mut trusted = tempfile::NamedTempFile::new().unwrap();
            let pem = &identity.entry.pair.chain_pem;
            trusted.write_all(pem.as_bytes()).unwrap();
            let port = plane.https.port().to_string();
            ask(python, &[&port, trusted.path().to_str().unwrap()]);
        },
    );
}

#[test]
fn grpc_goes_through_without_tls() {
    check(
        |upstream| site("a.test", proxy_to_all([upstream])),
        |plane, _, python| ask(python, &[&plane.http.port().to_string()]),
    );
}
