//! Who the visitor is, where proxies in front tell it.

use ondol_model::Plan;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::network::Network;

use crate::harness::Plane;
use crate::harness::Upstream;
use crate::harness::plan;
use crate::harness::proxy_to_all;
use crate::harness::site;

const HEADERS: [&str; 4] = [
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-proto",
    "forwarded",
];

/// A site whose app says what it is told, behind proxies of this machine and of 10.0.0.0/8.
fn start(header: ClientIpHeader) -> Plane {
    let app = Upstream::answering(|request| {
        let told = HEADERS.map(|name| request.all(name).join("|")).join("\n");
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}",
            told.len()
        )
    });
    let mut plan: Plan = plan([site("a.test", proxy_to_all([app]))]);
    let trusted = ["127.0.0.1", "10.0.0.0/8"];
    plan.listen.trusted_proxies = trusted.map(|it| Network::parse(it).unwrap()).into();
    plan.listen.client_ip_header = header;
    Plane::start(plan)
}

/// What the app hears of a visitor whose proxy sends these lines.
fn told(plane: &Plane, lines: &str) -> [String; 4] {
    let request = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n");
    let answer = plane.visit().send(request).message();
    let mut lines = answer.text().split('\n').map(str::to_owned);
    HEADERS.map(|_| lines.next().unwrap())
}

#[test]
fn x_forwarded_for_is_read_from_the_right_over_several_lines() {
    let plane = start(ClientIpHeader::XForwardedFor);
    for (lines, client) in [
        ("", "127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"),
        (
            "X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.0.0.1\r\n",
            "192.0.2.7",
        ),
        (
            "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.0.0.1\r\n",
            "192.0.2.7",
        ),
        (
            "X-Forwarded-For: [2001:db8::7]:4711, 10.0.0.1:80\r\n",
            "2001:db8::7",
        ),
        ("X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n", "10.0.0.2"),
        // Beyond what is not understood nothing is believed.
        (
            "X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.1\r\n",
            "10.0.0.1",
        ),
        (
            "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: \u{e9}\r\nX-Forwarded-For: 10.0.0.1\r\n",
            "10.0.0.1",
        ),
        ("X-Forwarded-For: 1.1.1.1,\r\n", "127.0.0.1"),
        // The other header is as the visitor wrote it.
        ("Forwarded: for=1.1.1.1\r\n", "127.0.0.1"),
        (
            "Forwarded: for=1.1.1.1;proto=https\r\nX-Forwarded-For: 192.0.2.7\r\n",
            "192.0.2.7",
        ),
    ] {
        let [real, _, proto, forwarded] = told(&plane, lines);
        assert_eq!(
            (&*real, &*proto, &*forwarded),
            (client, "http", ""),
            "{lines:?}"
        );
    }
}

#[test]
fn forwarded_is_read_where_the_proxies_keep_it() {
    let plane = start(ClientIpHeader::Forwarded);
    for (line, client, proto) in [
        ("for=192.0.2.7;proto=https", "192.0.2.7", "https"),
        (
            "for=1.1.1.1;proto=https, For=\"[2001:db8::7]:1\";By=10.0.0.9, for=10.0.0.1;proto=https",
            "2001:db8::7",
            "http",
        ),
        (
            "for=\"1.1.1.1, for=192.0.2.7;proto=https",
            "192.0.2.7",
            "https",
        ),
        ("for=1.1.1.1, for=_hidden, for=10.0.0.1", "10.0.0.1", "http"),
        ("for=1.1.1.1, unknown", "127.0.0.1", "http"),
    ] {
        let lines = format!(
            "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nForwarded: {line}\r\n"
        );
        let [real, chain, told_proto, forwarded] = told(&plane, &lines);
        assert_eq!((&*real, &*told_proto, &*forwarded), (client, proto, line));
        let expected = match client {
            "127.0.0.1" => client.to_owned(),
            client => format!("{client}, 127.0.0.1"),
        };
        assert_eq!(
            chain, expected,
            "an app that reads the common header gets it right"
        );
    }
}

#[test]
fn the_scheme_is_what_the_nearest_proxy_says() {
    let plane = start(ClientIpHeader::XForwardedFor);
    for (lines, proto) in [
        ("X-Forwarded-Proto: HTTPS\r\n", "https"),
        ("X-Forwarded-Proto: https, http\r\n", "http"),
        (
            "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n",
            "http",
        ),
        ("X-Forwarded-Proto: gopher\r\n", "http"),
    ] {
        assert_eq!(told(&plane, lines)[2], proto, "{lines:?}");
    }
}

#[test]
fn strangers_are_not_believed_by_either_header() {
    let app = Upstream::answering(|request| {
        let told = HEADERS.map(|name| request.all(name).join("|")).join("\n");
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{told}",
            told.len()
        )
    });
    for header in [ClientIpHeader::XForwardedFor, ClientIpHeader::Forwarded] {
        let mut plan = plan([site("a.test", proxy_to_all([app.clone()]))]);
        plan.listen.client_ip_header = header;
        let plane = Plane::start(plan);
        let lie = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.1.1.1;proto=https\r\n";
        let expected = ["127.0.0.1", "127.0.0.1", "http", ""];
        assert_eq!(told(&plane, lie), expected);
    }
}
