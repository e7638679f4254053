//! Orders before they begin: real name servers and web servers on addresses of this machine.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;

use ondol_model::plan::KnownIssuer;

use super::*;
use crate::challenges::BoardReader;
use crate::lookup::name_server::NameServer;

/// This box at 127.0.0.1, and another machine at 127.0.0.2, both on the same port.
struct Town {
    board: Board,
    port: u16,
    issuer: AcmeIssuer,
    identities: Vec<String>,
    way: Challenge,
}

impl Town {
    fn new() -> Self {
        let (here, there) = (0..100)
            .find_map(|_| {
                let here = TcpListener::bind("127.0.0.1:0").unwrap();
                let port = here.local_addr().unwrap().port();
                Some((here, TcpListener::bind(("127.0.0.2", port)).ok()?))
            })
            .unwrap();
        let port = here.local_addr().unwrap().port();
        let (board, reader) = Board::new();
        serve(here, Some(reader), "HTTP/1.1 404 Not Found");
        serve(there, None, "HTTP/1.1 404 Not Found");
        Self {
            board,
            port,
            issuer: AcmeIssuer {
                reach: Reach::Any,
                ..KnownIssuer::LetsEncrypt.issuer(None)
            },
            identities: Vec::new(),
            way: Challenge::Http,
        }
    }

    async fn report(&self, names: &[&str], servers: &[&NameServer]) -> Report {
        let servers: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
        let names: Vec<HostPattern> = names
            .iter()
            .map(|name| HostPattern::parse(name).unwrap())
            .collect();
        let preflight = Preflight {
            names: &names,
            ways: &|_| vec![self.way],
            issuer: &self.issuer,
            caa_identities: &self.identities,
            account: None,
            lookup: &Lookup::new(&servers),
            board: &self.board,
            ports: Ports {
                http: self.port,
                https: 1,
            },
        };
        preflight.run().await
    }

    async fn check(&self, names: &[&str], servers: &[&NameServer]) -> String {
        match self.report(names, servers).await.verdict {
            Verdict::Go => "go".to_owned(),
            Verdict::Doubt(sentence) => format!("doubt: {sentence}"),
            Verdict::Stop(sentence) => format!("stop: {sentence}"),
        }
    }
}

/// Answers what the board says, or this status.
fn serve(listener: TcpListener, reader: Option<BoardReader>, status: &'static str) {
    let posted = reader.map(|reader| {
        let posted = reader.posted.clone();
        reader.shown.send_replace(u64::MAX);
        // Whoever posts asks whether it is shown for as long as the town stands.
        std::mem::forget(reader);
        posted
    });
    let answer = move |path: &str| {
        let all = posted.as_ref().map(|posted| Arc::clone(&posted.borrow()));
        let token = path.strip_prefix("/.well-known/acme-challenge/")?;
        all?.http.get(token).map(ToString::to_string)
    };
    ondol_base::tasks::spawn_thread("web", move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else {
                continue; // Only asked whether the port is open.
            };
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let path = first.split(' ').nth(1).unwrap();
            let (status, body) = match answer(path) {
                Some(answer) => ("HTTP/1.1 200 OK", answer),
                None => (status, "not here".to_owned()),
            };
            let length = body.len();
            write!(
                stream,
                "{status}\r\nServer: nginx\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
    })
    .unwrap();
}

fn zone(records: &[&str]) -> NameServer {
    let server = NameServer::start("127.0.0.1", &["example.com SOA ns.example.com"]);
    for record in records {
        server.add(record);
    }
    server
}

#[tokio::test]
async fn names_that_lead_here_are_fine() {
    let town = Town::new();
    let dns = zone(&["www.example.com A 127.0.0.1", "example.com A 127.0.0.1"]);
    assert_eq!(
        town.check(&["example.com", "www.example.com"], &[&dns])
            .await,
        "go"
    );
    assert_eq!(town.check(&["127.0.0.1"], &[]).await, "go");
}

#[tokio::test]
async fn a_name_that_leads_to_another_machine_stops_the_order() {
    let town = Town::new();
    let dns = zone(&["example.com A 127.0.0.1", "www.example.com A 127.0.0.2"]);
    let found = town
        .check(&["example.com", "www.example.com"], &[&dns])
        .await;
    let expected = "stop: www.example.com points to 127.0.0.2, where another server answers (404, nginx), and not Ondol: correct the record";
    assert_eq!(found, expected);
    let gone = town.check(&["gone.example.com"], &[&dns]).await;
    assert!(
        gone.starts_with("stop: gone.example.com does not exist in DNS: add an A record to "),
        "{gone}"
    );
}

#[tokio::test]
async fn a_closed_port_leaves_a_doubt() {
    let town = Town::new();
    let dns = zone(&["example.com A 127.0.0.3"]);
    let found = town.check(&["example.com"], &[&dns]).await;
    let expected = "doubt: example.com points to 127.0.0.3, whose port 80 refuses connections";
    assert_eq!(found, expected);
}

#[tokio::test]
async fn port_443_is_proposed_where_80_is_closed() {
    let town = Town::new();
    let dns = zone(&["example.com A 127.0.0.1"]);
    let names = [HostPattern::parse("example.com").unwrap()];
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let preflight = Preflight {
        names: &names,
        ways: &|_| vec![Challenge::Http],
        issuer: &town.issuer,
        caa_identities: &[],
        account: None,
        lookup: &Lookup::new(&[dns.address]),
        board: &town.board,
        ports: Ports {
            http: closed,
            https: town.port,
        },
    };
    let report = preflight.run().await;
    assert!(report.is_http_closed, "{report:?}");
    let alpn = Preflight {
        ways: &|_| vec![Challenge::TlsAlpn],
        ..preflight
    };
    assert_eq!(alpn.run().await.verdict, Verdict::Go);
}

#[tokio::test]
async fn what_the_owner_has_just_corrected_counts() {
    let town = Town::new();
    let stale = zone(&[
        "example.com NS ns.example.com",
        "ns.example.com A 127.0.0.4",
        "example.com A 127.0.0.2",
    ]);
    let fresh = NameServer::start("127.0.0.4", &["example.com A 127.0.0.1"]);
    assert_eq!(town.check(&["example.com"], &[&stale, &fresh]).await, "go");
}

#[tokio::test]
async fn records_above_a_name_can_forbid_it() {
    let mut town = Town::new();
    let dns = zone(&[
        "example.com CAA 0 issue other.example",
        "example.com CAA 0 issuewild letsencrypt.org",
        "ours.example.com CAA 0 issue letsencrypt.org; validationmethods=dns-01",
    ]);
    town.way = Challenge::Dns;
    let found = town.check(&["a.b.example.com"], &[&dns]).await;
    assert_eq!(
        found,
        "stop: the CAA record of example.com (`0 issue \"other.example\"`) does not allow letsencrypt to issue for a.b.example.com: add `example.com. CAA 0 issue \"letsencrypt.org\"`"
    );
    assert_eq!(town.check(&["*.example.com"], &[&dns]).await, "go");
    assert_eq!(town.check(&["a.ours.example.com"], &[&dns]).await, "go");
    town.identities = vec!["other.example".to_owned()];
    assert_eq!(town.check(&["a.b.example.com"], &[&dns]).await, "go");
}

#[tokio::test]
async fn nobody_is_asked_for_addresses_that_no_issuer_goes_to() {
    let mut town = Town::new();
    town.way = Challenge::Dns;
    let dns = zone(&[]);
    assert_eq!(town.check(&["nowhere.example.com"], &[&dns]).await, "go");
    let kinds: Vec<String> = dns
        .asked()
        .iter()
        .map(|asked| asked.kind.to_string())
        .collect();
    assert!(kinds.iter().all(|kind| kind == "CAA"), "{kinds:?}");
}

#[tokio::test]
async fn ways_that_records_forbid_are_said() {
    let town = Town::new();
    let dns = zone(&[
        "example.com A 127.0.0.1",
        "example.com CAA 0 issue letsencrypt.org; validationmethods=dns-01",
    ]);
    let names = [HostPattern::parse("example.com").unwrap()];
    let preflight = Preflight {
        names: &names,
        ways: &|_| vec![Challenge::Http, Challenge::Dns],
        issuer: &town.issuer,
        caa_identities: &[],
        account: None,
        lookup: &Lookup::new(&[dns.address]),
        board: &town.board,
        ports: Ports {
            http: town.port,
            https: 1,
        },
    };
    let report = preflight.run().await;
    assert_eq!(report.forbidden, [(names[0].clone(), Challenge::Http)]);
    assert_eq!(report.verdict, Verdict::Go);
}
