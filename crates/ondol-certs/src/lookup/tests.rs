//! Questions to name servers that answer, don't, or answer oddly.

use std::net::UdpSocket;

use hickory_proto::op::ResponseCode;
use proptest::prelude::*;

use super::name_server::NameServer;
use super::*;

const ZONE: &[&str] = &[
    "example.com SOA ns.example.com",
    "example.com NS ns.example.com",
    "example.com CAA 0 issue ca.example; accounturi=x",
    "ns.example.com A 127.0.0.1",
    "www.example.com A 198.51.100.2",
    "www.example.com A 198.51.100.3",
    "www.example.com AAAA 2001:db8::1",
    "v4.example.com A 198.51.100.2",
    "alias.example.com CNAME www.example.com",
    "dangling.example.com CNAME gone.example.com",
    "a.deep.sub.example.com A 198.51.100.4",
    "_acme-challenge.example.com TXT one",
    "_acme-challenge.example.com TXT two",
    "_acme-challenge.www.example.com CNAME x.example.org",
];

fn lookup(server: &NameServer) -> Lookup {
    Lookup::new(&[server.address])
}

async fn addresses(server: &NameServer, name: &str) -> String {
    match lookup(server).addresses(name).await {
        Ok(Addresses { list, ttl }) => {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("{} for {ttl} s", list.join(" "))
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn addresses_of_both_versions_are_found_through_aliases() {
    let server = NameServer::start("127.0.0.1", ZONE);
    for name in ["www.example.com", "WWW.Example.com", "alias.example.com"] {
        assert_eq!(
            addresses(&server, name).await,
            "198.51.100.2 198.51.100.3 2001:db8::1 for 300 s",
            "{name}"
        );
    }
    let one = addresses(&server, "v4.example.com").await;
    assert_eq!(one, "198.51.100.2 for 300 s");
}

#[tokio::test]
async fn an_alias_whose_target_is_elsewhere_is_asked_for_too() {
    let server = NameServer::start("127.0.0.1", &["a.example.com CNAME b.example.org"]);
    server.answer_oddly("b.example.org", Some(ResponseCode::ServFail));
    let error = addresses(&server, "a.example.com").await;
    assert!(error.contains("b.example.org (SERVFAIL)"), "{error}");
    let endless = [
        "a.example.com CNAME b.example.com",
        "b.example.com CNAME a.example.com",
    ];
    let server = NameServer::start("127.0.0.1", &endless);
    let error = addresses(&server, "a.example.com").await;
    assert!(error.contains("too many aliases"), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let server = NameServer::start("127.0.0.1", ZONE);
    let lookup = lookup(&server);
    let nowhere = lookup.addresses("nowhere.example.com").await.unwrap_err();
    assert_eq!(
        nowhere.to_string(),
        "nowhere.example.com does not exist in DNS"
    );
    assert!(matches!(
        nowhere,
        LookupError::NoSuchName { ttl: Some(30), .. }
    ));
    let nothing = lookup.addresses("example.com").await.unwrap_err();
    assert!(nothing.is_absent());
    assert_eq!(nothing.to_string(), "example.com has no A record");
    let dangling = lookup.addresses("dangling.example.com").await.unwrap_err();
    assert_eq!(
        dangling.to_string(),
        "gone.example.com does not exist in DNS"
    );
}

#[tokio::test]
async fn name_servers_that_fail_are_named() {
    let server = NameServer::start("127.0.0.1", ZONE);
    server.answer_oddly("broken.example.com", Some(ResponseCode::ServFail));
    server.answer_oddly("refused.example.com", Some(ResponseCode::Refused));
    let address = server.address;
    let broken = addresses(&server, "broken.example.com").await;
    let head =
        format!("the name server {address} could not find out about broken.example.com (SERVFAIL)");
    assert!(broken.starts_with(&head), "{broken}");
    let refused = addresses(&server, "refused.example.com").await;
    let expected = "when it is asked for refused.example.com";
    assert!(refused.ends_with(expected), "{refused}");
    assert!(matches!(
        lookup(&server).caa("no name").await,
        Err(LookupError::NotAName { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let server = NameServer::start("127.0.0.1", ZONE);
    server.answer_oddly("v4.example.com", None);
    let error = addresses(&server, "v4.example.com").await;
    let head = "no name server answered in time when asked for v4.example.com";
    assert!(error.starts_with(head), "{error}");
}

#[tokio::test]
async fn the_next_name_server_is_asked_when_one_fails() {
    let failing = NameServer::start("127.0.0.1", ZONE);
    failing.answer_oddly("v4.example.com", Some(ResponseCode::ServFail));
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let good = NameServer::start("127.0.0.1", ZONE);
    let lookup = Lookup::new(&[failing.address, closed, good.address]);
    let found = lookup.addresses("v4.example.com").await.unwrap();
    assert_eq!(found.list.len(), 1);
    assert!(!failing.asked().is_empty());
}

#[tokio::test]
async fn nothing_is_remembered() {
    let server = NameServer::start("127.0.0.1", &["a.example A 198.51.100.2"]);
    assert_eq!(
        addresses(&server, "a.example").await,
        "198.51.100.2 for 300 s"
    );
    server.clear();
    server.add("a.example A 198.51.100.9");
    assert_eq!(
        addresses(&server, "a.example").await,
        "198.51.100.9 for 300 s"
    );
}

#[tokio::test]
async fn long_answers_come_over_tcp_and_old_servers_are_asked_without_edns() {
    let server = NameServer::start("127.0.0.1", &[]);
    server.forget_edns();
    let texts: Vec<String> = (0..20).map(|number| format!("{number:0300}")).collect();
    for text in &texts {
        server.add(&format!("_acme-challenge.example.com TXT {text}"));
    }
    let lookup = lookup(&server);
    let found = lookup.texts_at(server.address, "_acme-challenge.example.com");
    assert_eq!(found.await.unwrap(), texts);
    assert!(server.asked().last().unwrap().is_tcp);
}

#[tokio::test]
async fn caa_records_and_aliases_are_read() {
    let server = NameServer::start("127.0.0.1", ZONE);
    let lookup = lookup(&server);
    let caa = lookup.caa("example.com").await.unwrap();
    assert_eq!(caa[0].to_string(), "0 issue \"ca.example; accounturi=x\"");
    assert_eq!(lookup.caa("www.example.com").await.unwrap(), []);
    assert_eq!(lookup.caa("nowhere.example.com").await.unwrap(), []);
    let alias = lookup
        .cname("_acme-challenge.www.example.com")
        .await
        .unwrap();
    assert_eq!(alias.as_deref(), Some("x.example.org"));
    assert_eq!(lookup.cname("www.example.com").await.unwrap(), None);
    assert_eq!(lookup.cname("nowhere.example.com").await.unwrap(), None);
}

#[tokio::test]
async fn a_zone_and_its_name_servers_are_found_above_a_name() {
    let server = NameServer::start("127.0.0.1", ZONE);
    let lookup = lookup(&server);
    for name in [
        "example.com",
        "_acme-challenge.www.example.com",
        "not.there.example.com",
        "a.deep.sub.example.com",
    ] {
        let (zone, servers) = lookup.zone_of(name).await.unwrap();
        assert_eq!(zone, "example.com", "{name}");
        // The name server is the resolver too, so its port is known.
        assert_eq!(servers, [server.address], "{name}");
    }
}

#[tokio::test]
async fn where_no_zone_is_known_the_resolvers_are_asked() {
    let name = "_acme-challenge.www.example.com";
    let expected = |server: &NameServer| ("example.com".to_owned(), vec![server.address]);
    let server = NameServer::start("127.0.0.1", &["www.example.com A 198.51.100.2"]);
    let found = lookup(&server).zone_of(name).await;
    assert_eq!(found.unwrap(), expected(&server));
    server.answer_oddly(name, Some(ResponseCode::NotImp));
    let found = lookup(&server).zone_of(name).await;
    assert_eq!(found.unwrap(), expected(&server));
    server.answer_oddly(name, Some(ResponseCode::ServFail));
    assert!(lookup(&server).zone_of(name).await.is_err());
}

#[tokio::test]
async fn one_name_server_is_asked_itself() {
    let resolver = NameServer::start("127.0.0.1", &[]);
    let server = NameServer::start("127.0.0.1", ZONE);
    let lookup = lookup(&resolver);
    let name = "_acme-challenge.example.com";
    assert_eq!(
        lookup.texts_at(server.address, name).await.unwrap(),
        ["one", "two"]
    );
    assert!(!server.asked()[0].is_recursive);
    let nothing = lookup.texts_at(server.address, "v4.example.com").await;
    assert_eq!(nothing.unwrap(), [""; 0]);
    // One that is a resolver may have to ask others.
    assert_eq!(
        lookup.texts_at(resolver.address, name).await.unwrap(),
        [""; 0]
    );
    assert!(resolver.asked()[0].is_recursive);
}

#[tokio::test]
async fn few_addresses_of_name_servers_are_enough() {
    let server = NameServer::start("127.0.0.1", ZONE);
    for number in 2..100 {
        server.add(&format!("ns.example.com A 127.0.0.{number}"));
    }
    let (_, servers) = lookup(&server).zone_of("example.com").await.unwrap();
    assert_eq!(servers.len(), 16);
}

#[tokio::test]
async fn aliases_that_go_around_in_one_answer_end() {
    let name = Name::from_ascii("a.example.").unwrap();
    let (mut records, count) = (Vec::new(), 5_000);
    for number in 0..count {
        let name = |number: i32| Name::from_ascii(format!("a{}.example.", number % count)).unwrap();
        let target = hickory_proto::rr::rdata::CNAME(name(number + 1));
        records.push(Record::from_rdata(name(number), 1, RData::CNAME(target)));
    }
    records[count as usize - 1].name = name.clone();
    let mut message = hickory_proto::op::Message::query();
    message.add_answers(records);
    let answer = answer::Answer::new(message).unwrap();
    let said = answer.records(&name, RecordType::A).unwrap();
    assert!(matches!(said, Said::Alias(_)), "{said:?}");
}

#[test]
fn what_cannot_be_printed_is_not() {
    let labels: [&[u8]; 3] = [b"\x1b[2J \r\n.\xe2\x80\xae", b"example", b"org"];
    let text = text_of(&Name::from_labels(labels).unwrap());
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert!(text.ends_with(".example.org"), "{text}");
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(bytes: Vec<u8>, at in 0_usize..400, byte: u8, cut in 0_usize..400) {
        let mut message = hickory_proto::op::Message::query();
        let name = Name::from_ascii("www.example.com.").unwrap();
        let of = |data| Record::from_rdata(name.clone(), 300, data);
        message.add_answers([
            of(RData::CNAME(hickory_proto::rr::rdata::CNAME(name.clone()))),
            of(RData::TXT(hickory_proto::rr::rdata::TXT::new(vec!["one".to_owned(), "two".to_owned()]))),
            of(RData::A("198.51.100.2".parse().unwrap())),
        ]);
        let mut whole = message.to_vec().unwrap();
        let length = whole.len();
        whole[at % length] = byte;
        // A head, and anything behind it.
        let mut any = whole[..12].to_vec();
        any.extend(&bytes);
        for bytes in [&whole, &whole[..cut.min(length)], &any, &bytes] {
            let Ok(message) = hickory_proto::op::Message::from_vec(bytes) else { continue };
            let Some(answer) = answer::Answer::new(message) else { continue };
            let _ = answer.zone(&name);
            for record in &answer.answers {
                let _ = caa(record).map(|caa| caa.to_string());
            }
            let _ = answer.records(&name, RecordType::A);
        }
    }
}
