//! The site of README that moved from Apache, in the very words of README; and as Apache serves it, where that is
//! installed. Both are asked the same.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Pid;
use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use tokio_tungstenite::tungstenite;

use crate::harness::Folders;
use crate::harness::PATIENCE;
use crate::harness::eventually;
use crate::peers::Certificate;
use crate::peers::address;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::skipped;

const README: &str = include_str!("../../README.md");
const APACHE: &str = include_str!("migration/apache.conf");
const HOST: &str = "shop.example.com";
const BROWSER: &str = "Accept: text/html";
/// What README may take to say it all.
const LINES_MAX: usize = 25;

/// The configuration of README's site, as it stands there.
fn toml() -> &'static str {
    let section = README.split_once("\n## Moving from Apache\n").unwrap().1;
    let block = section.split_once("```toml\n").unwrap().1;
    block.split_once("```").unwrap().0
}

/// The hash of README's user.
fn hash() -> &'static str {
    let after = toml().split_once("alice = \"").unwrap().1;
    after.split_once('"').unwrap().0
}

/// The same text with the folders of a test, and with its app.
fn adapted(text: &str, folder: &Path, app: SocketAddr) -> String {
    let mut text = text.to_owned();
    let folder = folder.to_str().unwrap();
    for (from, to) in [
        ("/etc/ssl/shop", format!("{folder}/ssl")),
        ("/srv/shop", format!("{folder}/shop")),
        ("127.0.0.1:3000", app.to_string()),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    }
    text
}

/// What both configurations name. Returns the file of the root of the certificate.
fn furnish(folder: &Path) -> String {
    for name in ["ssl", "shop/assets", "shop/errors"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let ssl = folder.join("ssl");
    let root = Certificate::of(&[HOST, "www.shop.example.com"]).write(&ssl, "shop");
    fs::rename(ssl.join("shop.pem"), ssl.join("chain.pem")).unwrap();
    fs::rename(ssl.join("shop.key"), ssl.join("key.pem")).unwrap();
    fs::write(ssl.join("users"), format!("alice:{}\n", hash())).unwrap();
    let file = |name: &str, text: &str| fs::write(folder.join("shop").join(name), text).unwrap();
    file("assets/app.css", &"body { color: teal }\n".repeat(200));
    file("errors/404.html", "our own 404");
    file("errors/50x.html", "our own 50x");
    root
}

/// An app: tells what it was asked, sends every message of a WebSocket back, and breaks off at `/broken`.
fn app() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let head = peeked(&stream).to_ascii_lowercase();
    if head.contains("upgrade: websocket\r\n") {
        let Ok(mut socket) = tungstenite::accept(stream) else {
            return;
        };
        while let Ok(message) = socket.read() {
            if message.is_close() || socket.send(message).is_err() {
                return;
            }
        }
        return;
    }
    // What was only looked at is taken, so that closing is no reset.
    let mut bytes = vec![0; head.len()];
    if stream.read_exact(&mut bytes).is_ok() && !head.starts_with("get /broken ") {
        let body = format!("<pre>{head}</pre>").repeat(20);
        let length = body.len();
        // Whoever asked may have gone.
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
    }
}

/// The head of a request, which is still to be read.
fn peeked(stream: &TcpStream) -> String {
    let mut bytes = [0; 16 * 1024];
    loop {
        let Ok(count) = stream.peek(&mut bytes) else {
            return String::new();
        };
        let text = String::from_utf8_lossy(&bytes[..count]);
        if count == 0 || text.contains("\r\n\r\n") {
            return text.into_owned();
        }
        std::thread::yield_now();
    }
}

/// A server of the site: where it listens, and who vouches for its certificate.
struct Server {
    http: SocketAddr,
    https: SocketAddr,
    root: String,
}

/// What is asked, and what is promised: the status, a header field that begins so, and a part of the body.
type Case = (
    &'static str,
    &'static [&'static str],
    u16,
    &'static str,
    &'static str,
);

const CASES: &[Case] = &[
    (
        "http://shop.example.com/a?b=1",
        &[],
        308,
        "location: https://shop.example.com/a?b=1",
        "",
    ),
    (
        "http://www.shop.example.com/a",
        &[],
        308,
        "location: https://shop.example.com/a",
        "",
    ),
    (
        "https://www.shop.example.com/a",
        &[],
        308,
        "location: https://shop.example.com/a",
        "",
    ),
    (
        "https://shop.example.com/contact.html",
        &[],
        308,
        "location: https://shop.example.com/contact",
        "",
    ),
    (
        "https://shop.example.com/blog/2020/a",
        &[],
        301,
        "location: https://shop.example.com/posts/2020/a",
        "",
    ),
    (
        "https://shop.example.com/admin",
        &[],
        401,
        "www-authenticate: basic realm=\"shop\"",
        "",
    ),
    (
        "https://shop.example.com/admin/x",
        &["--user", "alice:wrong"],
        401,
        "",
        "",
    ),
    (
        "https://shop.example.com/admin/x",
        &["--user", "alice:secret"],
        200,
        "",
        "get /admin/x http/1.1",
    ),
    (
        "https://shop.example.com/a",
        &[],
        200,
        "strict-transport-security: max-age=31536000",
        "host: shop.example.com",
    ),
    (
        "https://shop.example.com/a",
        &[],
        200,
        "x-content-type-options: nosniff",
        "x-forwarded-proto: https",
    ),
    (
        "https://shop.example.com/a",
        &["-H", "X-Forwarded-Proto: http"],
        200,
        "x-frame-options: sameorigin",
        "x-forwarded-proto: https",
    ),
    (
        "https://shop.example.com/a",
        &[],
        200,
        "referrer-policy: strict-origin-when-cross-origin",
        "",
    ),
    (
        "https://shop.example.com/a",
        &["-H", "Accept-Encoding: gzip"],
        200,
        "content-encoding: gzip",
        "",
    ),
    (
        "https://shop.example.com/assets/app.css",
        &[],
        200,
        "cache-control: public, max-age=31536000, immutable",
        "teal",
    ),
    (
        "https://shop.example.com/assets/app.css",
        &["-H", "Accept-Encoding: gzip"],
        200,
        "content-encoding: gzip",
        "",
    ),
    (
        "https://shop.example.com/assets/none",
        &["-H", BROWSER],
        404,
        "strict-transport-security: ",
        "our own 404",
    ),
];

/// Of an app that breaks off Apache says 500, by a page of its own, to those who ask in HTTP/2.
const BROKEN: Case = (
    "https://shop.example.com/broken",
    &["-H", BROWSER],
    502,
    "strict-transport-security: ",
    "our own 50x",
);

impl Server {
    fn keeps(&self, promises: &[Case]) {
        for (url, arguments, status, header, body) in promises {
            let secure = url.starts_with("https://");
            let to = if secure { self.https } else { self.http };
            let given = [arguments, &["--cacert", &*self.root, url][..]].concat();
            let answer = ask(to, &given).unwrap();
            // Ports that are not the usual ones are named, and a path alone is on the same host.
            let head = answer
                .head
                .replace(&format!(":{}/", self.https.port()), "/");
            let head = head.replace("location: /", "location: https://shop.example.com/");
            let told = || format!("{url} {arguments:?}: {answer:?}");
            assert_eq!(answer.status, *status, "{}", told());
            assert!(
                head.lines().any(|line| line.starts_with(header)),
                "{header}: {}",
                told()
            );
            assert!(answer.body.contains(body), "{body}: {}", told());
        }
    }

    /// What comes back by a WebSocket within TLS.
    fn echo(&self, text: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&self.root).unwrap())
            .unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let config = ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(HOST).unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(self.https).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let stream = StreamOwned::new(session, stream);
        let url = format!("wss://{HOST}/live");
        let (mut socket, _) = tungstenite::client(url, stream).unwrap();
        socket.send(tungstenite::Message::text(text)).unwrap();
        socket.read().unwrap().into_text().unwrap().to_string()
    }
}

#[test]
fn the_site_that_moved_from_apache_keeps_what_readme_promises() {
    let lines = toml().lines().count();
    assert!(
        lines < LINES_MAX,
        "{lines} lines are no small thing any more"
    );
    if !is_there("curl") {
        return;
    }
    let folders = Folders::with("");
    let root = furnish(&folders.path(""));
    let listen = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n";
    let site = adapted(toml(), &folders.path(""), app());
    folders.configure(&format!("{listen}{site}"));
    let running = folders.start();
    let server = Server {
        http: address(&running, "http"),
        https: address(&running, "https"),
        root,
    };
    server.keeps(CASES);
    server.keeps(&[BROKEN]);
    assert_eq!(server.echo("온돌"), "온돌");
}

/// Apache as it is installed by Debian. It is asked to end when dropped.
struct Apache(Child);

impl Drop for Apache {
    fn drop(&mut self) {
        // With it end the processes that it has started.
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        let _ = rustix::process::kill_process(pid, Signal::TERM);
        let _ = self.0.wait();
    }
}

const MODULES: &str = "/usr/lib/apache2/modules";
const NEEDED: &[&str] = &[
    "alias",
    "auth_basic",
    "authn_core",
    "authn_file",
    "authz_core",
    "authz_user",
    "deflate",
    "filter",
    "headers",
    "http2",
    "mime",
    "mpm_event",
    "proxy",
    "proxy_http",
    "proxy_wstunnel",
    "rewrite",
    "socache_shmcb",
    "ssl",
];

#[test]
fn apache_says_the_same_of_the_site() {
    if !is_there("curl") || !is_there("apache2") {
        return;
    }
    if let Some(module) = NEEDED
        .iter()
        .find(|name| !Path::new(&module(name)).exists())
    {
        return skipped("apache2", &format!("it has no module {module}"));
    }
    let folders = Folders::with("");
    let root = furnish(&folders.path(""));
    let [http, https] = free_ports();
    let site = adapted(APACHE, &folders.path(""), app());
    let site = site
        .replace("*:80>", &format!("{http}>"))
        .replace("*:443>", &format!("{https}>"));
    let folder = folders.path("");
    let folder = folder.display();
    let mut text = format!(
        "ServerRoot {folder}\nServerName box\nPidFile {folder}/pid\nDefaultRuntimeDir {folder}\nErrorLog {folder}/errors\n\
         Listen {http}\nListen {https}\nThreadsPerChild 8\nMaxRequestWorkers 16\nUser nobody\nGroup nogroup\n"
    );
    let load = |name: &&str| format!("LoadModule {name}_module {}\n", module(name));
    text.extend(NEEDED.iter().map(load));
    text += "TypesConfig /dev/null\nAddType text/css .css\nAddType text/html .html\n";
    let file = folders.path("apache.conf");
    fs::write(&file, text + &site).unwrap();
    let mut command = Command::new("apache2");
    command
        .arg("-f")
        .arg(&file)
        .arg("-DFOREGROUND")
        .stdin(Stdio::null());
    let apache = Apache(command.spawn().unwrap());
    eventually("Apache listens", || TcpStream::connect(https).ok());
    let server = Server { http, https, root };
    server.keeps(CASES);
    assert_eq!(server.echo("온돌"), "온돌");
    drop(apache);
}

fn module(name: &str) -> String {
    format!("{MODULES}/mod_{name}.so")
}

/// Two ports that nobody has at the moment.
fn free_ports() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

#[test]
fn a_route_without_a_target_is_the_site_with_other_rules() {
    if !is_there("curl") {
        return;
    }
    let folders = Folders::with(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = []\n[sites.\"a.test\"]\nhttps = false\nfiles = \"www\"\n\
         routes = [{ path = \"/kept\", headers = { X-Kept = \"yes\" } }]\n",
    );
    fs::create_dir_all(folders.path("www/kept")).unwrap();
    fs::write(folders.path("www/kept/a"), "the file below its own name").unwrap();
    let running = folders.start();
    let http = address(&running, "http");
    let answer = ask(http, &["http://a.test/kept/a"]).unwrap();
    assert_eq!(answer.body, "the file below its own name");
    assert_eq!(answer.header("x-kept"), Some("yes"));
    assert_eq!(ask(http, &["http://a.test/a"]).unwrap().status, 404);
}
