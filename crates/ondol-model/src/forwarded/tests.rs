//! What honest proxies write, and what visitors make up before it.

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn of_forwarded(line: &str) -> Vec<Hop> {
    forwarded(line).collect()
}

fn hop_of(address: &str, scheme: Option<Scheme>) -> Hop {
    Hop {
        address: ip(address),
        scheme,
    }
}

#[test]
fn addresses_are_read_however_they_are_written() {
    for (text, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]:_hidden", "2001:db8::1"),
        ("192.0.2.1:_hidden", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(address(text), ip(expected), "{text}");
        let list = format!(" 10.0.0.1,\t{text} ");
        let hops: Vec<_> = x_forwarded_for(&list).map(|hop| hop.address).collect();
        assert_eq!(hops, [ip(expected), ip("10.0.0.1")]);
    }
    for text in [
        "",
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.1:",
        "192.0.2.1:x",
        "[192.0.2.1]",
        "[2001:db8::1",
        "2001:db8::1]",
        "192.0.2.1 ",
        "localhost",
        "192.0.2.1:65536",
        "fe80::1%eth0",
    ] {
        assert_eq!(address(text), None, "{text:?}");
    }
}

#[test]
fn the_examples_of_the_standard_are_understood() {
    assert_eq!(
        of_forwarded("for=192.0.2.43, for=\"[2001:db8:cafe::17]\""),
        [
            hop_of("2001:db8:cafe::17", None),
            hop_of("192.0.2.43", None)
        ]
    );
    assert_eq!(
        of_forwarded("For=\"[2001:db8:cafe::17]:4711\""),
        [hop_of("2001:db8:cafe::17", None)]
    );
    assert_eq!(
        of_forwarded("for=192.0.2.60;proto=http;by=203.0.113.43"),
        [hop_of("192.0.2.60", Some(Scheme::Http))]
    );
    let hidden = Hop {
        address: None,
        scheme: Some(Scheme::Https),
    };
    assert_eq!(of_forwarded("for=_gazonk;proto=HTTPS"), [hidden]);
    assert_eq!(
        of_forwarded("host=\"a,b;c\";for=192.0.2.1, ,"),
        [Hop::default()],
        "what has its signs in quotes is not understood, and nothing is made of its parts"
    );
}

#[test]
fn what_the_standard_does_not_allow_tells_nothing() {
    for element in [
        "192.0.2.1",
        "for",
        "for=",
        "for=192.0.2.1;for=192.0.2.2",
        "for=[2001:db8::1]",
        "for=192.0.2.1:80",
        "for=\"192.0.2.1",
        "for=192.0.2.1\"",
        "for=\"192.0.2.\\1\"",
        "for=192.0.2.1;",
        "proto=https",
        "for =192.0.2.1",
    ] {
        assert_eq!(of_forwarded(element), [Hop::default()], "{element:?}");
    }
}

#[test]
fn a_scheme_is_what_the_last_proxy_says() {
    assert_eq!(x_forwarded_proto("https"), Some(Scheme::Https));
    assert_eq!(x_forwarded_proto("http , HTTPS"), Some(Scheme::Https));
    assert_eq!(x_forwarded_proto("https,http"), Some(Scheme::Http));
    for line in ["", "https,", "httpss", "wss"] {
        assert_eq!(x_forwarded_proto(line), None, "{line:?}");
    }
}

fn trusts(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.octets()[0] == 10)
}

/// As a proxy writes it behind what was there: `for="[2001:db8::1]"`.
fn element(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("for={address};proto=https"),
        IpAddr::V6(address) => format!("for=\"[{address}]\";proto=https"),
    }
}

proptest! {
    /// Whatever a visitor sends, the address that an honest proxy puts behind it is the one.
    #[test]
    fn nothing_in_front_hides_what_a_proxy_has_added(
        made_up in "[ -~]{0,40}|(for=|\"|,|;|proto=https|10\\.0\\.0\\.1| |=|\\\\|\\[|\\]){0,20}",
        address: IpAddr,
        proxies in proptest::collection::vec(any::<[u8; 3]>(), 0..4),
    ) {
        let address = address.to_canonical();
        prop_assume!(!trusts(address));
        let proxies = proxies.iter().map(|[a, b, c]| IpAddr::from([10, *a, *b, *c]));
        let way: Vec<_> = std::iter::once(address).chain(proxies).collect();
        let elements: Vec<_> = way.iter().copied().map(element).collect();
        let line = format!("{made_up}, {}", elements.join(", "));
        let found = visitor(forwarded(&line), trusts);
        prop_assert_eq!(found, Hop { address: Some(address), scheme: Some(Scheme::Https) });

        let texts: Vec<_> = way.iter().map(ToString::to_string).collect();
        let line = format!("{made_up}, {}", texts.join(", "));
        prop_assert_eq!(visitor(x_forwarded_for(&line), trusts).address, Some(address));
    }

    #[test]
    fn any_text_is_answered(line in "\\PC{0,80}") {
        let hops = x_forwarded_for(&line).count();
        prop_assert_eq!(hops, line.split(',').count());
        let _ = visitor(forwarded(&line), trusts);
        let _ = x_forwarded_proto(&line);
    }

    /// Where nothing is told the way ends: what stands before it could be anybody's.
    #[test]
    fn nothing_is_believed_beyond_what_is_not_understood(before: IpAddr, gap in "unknown|_x|||\\[|x") {
        let line = format!("{before}, {gap}, 10.0.0.1");
        let expected = ip("10.0.0.1");
        prop_assert_eq!(visitor(x_forwarded_for(&line), trusts).address, expected);
    }
}
