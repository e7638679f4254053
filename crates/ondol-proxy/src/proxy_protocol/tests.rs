//! Headers as proxies write them, and bytes as nobody should.

use proptest::prelude::*;

use super::*;

fn visitor(source: &str, destination: &str) -> Told {
    Told::Visitor {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

/// A header of version 2 by its parts.
fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    header.extend(rest);
    header
}

#[test]
fn lines_of_version_1_are_read_strictly() {
    let v4 = visitor("192.0.2.1:56324", "198.51.100.1:443");
    let v6 = visitor("[2001:db8::1]:1", "[2001:db8::2]:65535");
    for (line, told) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", v4),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", v6),
        (
            "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 443\r\n",
            v4,
        ),
        ("PROXY UNKNOWN\r\n", Told::Nobody),
        ("PROXY UNKNOWN ffff:f whatever 1 2 3\r\n", Told::Nobody),
    ] {
        let after = format!("{line}GET / HTTP/1.1\r\n");
        let whole = Ok(Progress::Whole(told, line.len()));
        assert_eq!(parse(after.as_bytes()), whole, "{line:?}");
    }
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 056324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n",
        "PROXY TCP4 2001:db8::1 198.51.100.1 1 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY TCP4\t192.0.2.1 198.51.100.1 1 443\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY \r\n",
        "GET / HTTP/1.1\r\n",
        "\u{16}\u{3}\u{1}",
        "\r\n\r\nPROXY",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(NoHeader), "{line:?}");
    }
}

#[test]
fn a_line_that_never_ends_is_none() {
    let mut line = b"PROXY UNKNOWN ".to_vec();
    line.resize(V1_MAX - 1, b'x');
    assert_eq!(parse(&line), Ok(Progress::Partial(V1_MAX)));
    line.push(b'x');
    assert_eq!(parse(&line), Err(NoHeader));
    line[V1_MAX - 2..].copy_from_slice(b"\r\n");
    assert_eq!(parse(&line), Ok(Progress::Whole(Told::Nobody, V1_MAX)));
}

#[test]
fn commands_and_families_of_version_2_are_told_apart() {
    let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
    let told = visitor("192.0.2.1:56324", "198.51.100.1:443");
    let whole = |header: &[u8], told| Ok(Progress::Whole(told, header.len()));
    let extras = [&v4[..], &[0x04, 0, 2, 0, 0], &[0xea; 300]].concat();
    for (bytes, told) in [
        (header(0x21, 0x11, &v4), told),
        (header(0x21, 0x11, &extras), told),
        (header(0x20, 0x11, &v4), Told::Nobody),
        (header(0x20, 0x00, &[]), Told::Nobody),
        (header(0x21, 0x00, &[1, 2, 3]), Told::Nobody),
        (header(0x21, 0x31, &[b'/'; 216]), Told::Nobody),
    ] {
        assert_eq!(parse(&bytes), whole(&bytes, told), "{bytes:?}");
    }
    for bytes in [
        header(0x21, 0x11, &v4[..11]),
        header(0x21, 0x21, &v4),
        header(0x21, 0x31, &[0; 215]),
        header(0x21, 0x12, &v4),
        header(0x22, 0x11, &v4),
        header(0x11, 0x11, &v4),
        header(0x21, 0x41, &v4),
        header(0x21, 0x11, &[0; V2_REST_MAX + 1]),
    ] {
        assert_eq!(parse(&bytes), Err(NoHeader), "{bytes:?}");
        // It is known from its first sixteen bytes: nothing more is waited for.
        assert_eq!(parse(&bytes[..V2_FIXED]), Err(NoHeader), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(source: SocketAddr, destination: SocketAddr, after: Vec<u8>) {
        let (source, destination) = (without_scope(source), without_scope(destination));
        let told = Told::Visitor { source, destination };
        for header in [v1(source, destination), v2(source, destination)] {
            let bytes = [&header[..], &after].concat();
            prop_assert_eq!(parse(&bytes), Ok(Progress::Whole(told, header.len())));
            prop_assert!(header.len() <= HEADER_MAX);
            // However it is cut, what is asked for next is part of the header.
            for end in 0..header.len() {
                let Ok(Progress::Partial(needed)) = parse(&header[..end]) else {
                    return Err(TestCaseError::fail(format!("cut at {end}")));
                };
                prop_assert!(end < needed && needed <= header.len());
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>, command: u8, family: u8, length: u16) {
        let mut headed = SIGNATURE.to_vec();
        headed.extend([command, family]);
        headed.extend(length.to_be_bytes());
        headed.extend(&bytes);
        let lined = [&b"PROXY "[..], &bytes].concat();
        for bytes in [bytes, headed, lined] {
            match parse(&bytes) {
                Ok(Progress::Whole(_, length)) => prop_assert!(length <= bytes.len()),
                Ok(Progress::Partial(needed)) => {
                    prop_assert!(bytes.len() < needed && needed <= HEADER_MAX);
                }
                Err(NoHeader) => {}
            }
        }
    }
}

/// As an address travels: without what only its own machine knows, and version 4 as itself.
fn without_scope(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
