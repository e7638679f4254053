//! What stands around a box: proxies in front, other machines behind, and visitors with certificates.

use std::fs;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use crate::harness::Folders;
use crate::harness::Running;
use crate::peers::Answer;
use crate::peers::Certificate;
use crate::peers::address;
use crate::peers::app_on_tcp;
use crate::peers::ask;
use crate::peers::curl;
use crate::peers::event_with;
use crate::peers::is_there;
use crate::peers::root;
use crate::peers::text;

/// A site by both schemes, whose app tells what it was asked, behind proxies of this machine's first
/// address. Visitors of these tests come from its second.
fn behind_proxies(app: SocketAddr) -> Running {
    let configuration = format!(
        "[listen]\nhttp = [{{ address = \"127.0.0.1:0\", proxy_protocol = true }}]\n\
         https = [{{ address = \"127.0.0.1:0\", proxy_protocol = true }}]\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [sites.\"a.test\"]\nhttps = false\nproxy = \"http://{app}\"\n\
         [sites.\"s.test\"]\nproxy = \"http://{app}\"\n"
    );
    Folders::with(&configuration).start()
}

/// An HAProxy that is killed when dropped.
struct HaProxy(Child);

impl HaProxy {
    /// `section` gets a socket that listens already, and its address.
    fn start(
        folder: &Path,
        name: &str,
        section: impl FnOnce(&str) -> String,
    ) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // A copy that the child keeps, unlike the original.
        let inherited = rustix::io::dup(&listener).unwrap();
        let socket = format!("fd@{}", std::os::fd::AsRawFd::as_raw_fd(&inherited));
        let file = folder.join(format!("{name}.cfg"));
        let section = section(&socket);
        let times = "timeout connect 5s\n  timeout client 30s\n  timeout server 30s";
        fs::write(&file, format!("defaults\n  {times}\n{section}\n")).unwrap();
        let child = Command::new("haproxy")
            .args(["-db", "-q", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        (Self(child), address)
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a visitor from the second address gets.
#[track_caller]
fn from_elsewhere(address: SocketAddr, arguments: &[&str]) -> Answer {
    let arguments = [&["--interface", "127.0.0.2"], arguments].concat();
    let answer = ask(address, &arguments).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

#[test]
fn haproxy_in_front_tells_who_visits_by_both_versions() {
    if !is_there("haproxy") || !is_there("curl") {
        return;
    }
    let running = behind_proxies(app_on_tcp());
    let (http, https) = (address(&running, "http"), address(&running, "https"));
    let root = root(&running);
    let folder = running.folders.path("");
    for version in ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"] {
        let to = |server: SocketAddr| {
            move |socket: &str| {
                format!(
                    "listen front\n  mode tcp\n  bind {socket}\n  server box {server} check inter 50ms {version}"
                )
            }
        };
        let (_plain, front) = HaProxy::start(&folder, "plain", to(http));
        let answer = from_elsewhere(front, &["http://a.test/"]);
        let told = answer.body.to_lowercase();
        assert!(
            told.contains("x-forwarded-for: 127.0.0.2\r\n"),
            "{version}: {told}"
        );
        let (_tls, front) = HaProxy::start(&folder, "tls", to(https));
        let answer = from_elsewhere(front, &["--cacert", &root, "https://s.test/"]);
        let told = answer.body.to_lowercase();
        assert!(
            told.contains("x-real-ip: 127.0.0.2\r\n"),
            "{version}: {told}"
        );
    }
    let log = fs::read_to_string(running.folders.path("logs/access.log")).unwrap_or_default();
    assert!(
        log.lines().all(|line| line.starts_with("127.0.0.2 ")),
        "{log}"
    );
}

#[test]
fn curl_is_let_in_with_a_header_alone() {
    if !is_there("curl") {
        return;
    }
    let running = behind_proxies(app_on_tcp());
    let http = address(&running, "http");
    let answer = ask(http, &["--haproxy-protocol", "http://a.test/"]).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    ask(http, &["http://a.test/"]).expect_err("it said nothing of itself");
    event_with(&running, "listener", "did not begin with a PROXY header");
    ask(
        http,
        &[
            "--interface",
            "127.0.0.2",
            "--haproxy-protocol",
            "http://a.test/",
        ],
    )
    .expect_err("it is no trusted proxy");
}

#[test]
fn an_address_gets_and_loses_its_preface_by_a_reload() {
    let with = |listener: &str| {
        format!(
            "[listen]\nhttp = [{listener}]\nhttps = []\ntrusted_proxies = [\"127.0.0.1\"]\n\
             [sites.\"a.test\"]\nhttps = false\nrespond = \"a\"\n"
        )
    };
    // A port that the system chose, so that the configuration can name it.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let plain = format!("\"{free}\"");
    let proxied = format!("{{ address = \"{free}\", proxy_protocol = true }}");
    let running = Folders::with(&with(&plain)).start();
    assert_eq!(running.get("a.test"), "a");
    let by_proxy = || {
        let header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n";
        let request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
        crate::peers::raw(free, format!("{header}{request}").as_bytes())
    };
    for (listener, expected) in [(&proxied, "HTTP/1.1 200"), (&plain, "HTTP/1.1 400")] {
        running.folders.configure(&with(listener));
        let output = running.folders.ondol(&["reload"]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(by_proxy().starts_with(expected), "{listener}");
        // Another image of the agent knows it too.
        running.re_execute();
        assert!(
            by_proxy().starts_with(expected),
            "{listener} after another start"
        );
    }
}

#[test]
fn haproxy_behind_ends_tls_itself_and_hears_who_visits() {
    if !is_there("haproxy") || !is_there("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let theirs = Certificate::of(&["other.test"]).write(folder.path(), "other");
    let part = |end: &str| fs::read_to_string(folder.path().join(format!("other.{end}"))).unwrap();
    fs::write(folder.path().join("all.pem"), part("pem") + &part("key")).unwrap();
    let pem = folder.path().join("all.pem");
    let (_behind, machine) = HaProxy::start(folder.path(), "behind", |socket| {
        format!(
            "frontend machine\n  mode http\n  bind {socket} accept-proxy ssl crt {} alpn h2,http/1.1\n  \
             http-request return status 200 content-type text/plain lf-string \"visitor %[src] of %[ssl_fc_sni]\"",
            pem.display()
        )
    });
    for version in ["v1", "v2"] {
        let running = Folders::with(&format!(
            "[listen]\nhttp = []\nhttps = [\"127.0.0.1:0\"]\n\
             [sites.\"a.test\"]\nrespond = \"here\"\n\
             [sites.\"other.test\"]\npassthrough = {{ tls = \"{machine}\", proxy_protocol = \"{version}\" }}\n"
        ))
        .start();
        let https = address(&running, "https");
        for http in ["--http1.1", "--http2"] {
            let answer = from_elsewhere(https, &[http, "--cacert", &theirs, "https://other.test/"]);
            assert_eq!(
                answer.body, "visitor 127.0.0.2 of other.test",
                "{version} {http}"
            );
        }
        let ours = root(&running);
        let answer = from_elsewhere(https, &["--cacert", &ours, "https://a.test/"]);
        assert_eq!(answer.body, "here");
        let sites = running.folders.ondol(&["sites"]);
        assert!(text(&sites).contains("passthrough"), "{}", text(&sites));
    }
}

/// Runs openssl to its end, in a folder.
#[track_caller]
fn openssl(folder: &Path, arguments: &str) -> String {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one visit after another, to one box")]
fn openssl_and_curl_show_certificates_to_a_site_that_asks_for_them() {
    if !is_there("openssl") || !is_there("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = |arguments: &str| openssl(folder.path(), arguments);
    // Without extensions it would be of version 1, which nobody believes here.
    fs::write(folder.path().join("v3"), "extendedKeyUsage=clientAuth\n").unwrap();
    for ca in ["family", "stranger"] {
        made(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={ca} -keyout {ca}.key -out {ca}.pem"
        ));
        made(&format!(
            "req -newkey rsa:2048 -nodes -subj /O=Home/CN=alice -keyout by-{ca}.key -out by-{ca}.csr"
        ));
        made(&format!(
            "x509 -req -in by-{ca}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days 2 -extfile v3 -out by-{ca}.pem"
        ));
    }
    let file = |name: &str| folder.path().join(name).display().to_string();
    let running = Folders::with(&format!(
        "[listen]\nhttp = []\nhttps = [\"127.0.0.1:0\"]\n\
         [sites.\"a.test\"]\nproxy = \"http://{}\"\nclient_ca = \"{}\"\n\
         [sites.\"open.test\"]\nrespond = \"open\"\n",
        app_on_tcp(),
        file("family.pem"),
    ))
    .start();
    let (https, root) = (address(&running, "https"), root(&running));
    let url = "https://a.test/";
    let shown = |by: &str| {
        let (certificate, key) = (file(&format!("by-{by}.pem")), file(&format!("by-{by}.key")));
        let arguments = [
            "--cacert",
            &root,
            "--cert",
            &certificate,
            "--key",
            &key,
            url,
        ];
        ask(https, &arguments)
    };
    let answer = shown("family").unwrap();
    let told = answer.body;
    assert!(
        told.contains("x-client-cert-subject: O=Home, CN=alice\r\n"),
        "{told}"
    );
    let printed = made("x509 -in by-family.pem -noout -fingerprint -sha256");
    let printed = printed.split('=').nth(1).unwrap().trim().replace(':', "");
    let expected = format!("x-client-cert-fingerprint: {}\r\n", printed.to_lowercase());
    assert!(told.contains(&expected), "{told}");
    let der = made("x509 -in by-family.pem -outform PEM");
    let base64: String = der.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(
        told.contains(&format!("client-cert: :{base64}:\r\n")),
        "{told}"
    );
    shown("stranger").expect_err("a stranger's certificate");
    crate::harness::eventually("the owner reads why", || {
        let log = running.log();
        log.contains("a visitor's certificate was refused")
            .then_some(())
    });
    ask(https, &["--cacert", &root, url]).expect_err("no certificate");
    let open = ask(https, &["--cacert", &root, "https://open.test/"]).unwrap();
    assert_eq!(open.body, "open");

    // Whom the box would believe is told to who asks.
    let said = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &https.to_string(),
            "-servername",
            "a.test",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        text(&said).contains("Acceptable client certificate CA names\nCN = family"),
        "{}",
        text(&said)
    );

    // Another issuer is believed as soon as the file names it.
    fs::copy(file("stranger.pem"), file("family.pem")).unwrap();
    event_with(&running, "certificate", "were taken up anew");
    crate::harness::eventually("the stranger is let in", || shown("stranger").ok());
    shown("family").expect_err("it is not believed any more");
    let missing = curl(https).args(["--cacert", &root, url]).output().unwrap();
    assert!(!missing.status.success());
}
