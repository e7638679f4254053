//! The head of a script's response: fields alone, one of which may be the status.

use bytes::Bytes;
use http::Method;
use http::StatusCode;
use ondol_model::limits::HEADERS_MAX;

use super::HeadError;
use super::ResponseHead;

/// A head with its empty line.
pub(super) fn parse(head: &Bytes, method: &Method) -> Result<ResponseHead, HeadError> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let parsed = httparse::parse_headers(head, &mut fields);
    let Ok(httparse::Status::Complete((_, fields))) = parsed else {
        return Err(HeadError("it is none of CGI"));
    };
    let is = |name: &'static str| {
        move |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case(name)
    };
    let status = match fields.iter().find(is("status")) {
        Some(field) => status(field.value).ok_or(HeadError("it has no status"))?,
        None if fields.iter().any(|field| is("location")(&field)) => StatusCode::FOUND,
        None => StatusCode::OK,
    };
    if status.is_informational() {
        return Err(HeadError("its status is that of no answer"));
    }
    let mut head = super::sorted(head, fields, status, (method, false))?;
    head.headers.remove("status");
    Ok(head)
}

/// Of `404 Not Found`.
fn status(value: &[u8]) -> Option<StatusCode> {
    let (code, rest) = value.split_first_chunk::<3>()?;
    let ends = rest.first().is_none_or(|byte| *byte == b' ');
    StatusCode::from_bytes(code).ok().filter(|_| ends)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use http::header;

    use super::super::BodyFraming;
    use super::super::take_cgi;
    use super::*;

    fn taken(text: &str) -> Result<Option<ResponseHead>, HeadError> {
        take_cgi(&mut BytesMut::from(text), &Method::GET)
    }

    #[track_caller]
    fn check(text: &str, expected: (u16, BodyFraming)) {
        let head = taken(text).unwrap().unwrap();
        assert_eq!((head.status.as_u16(), head.framing), expected, "{text:?}");
        assert!(!head.headers.contains_key("status"));
    }

    #[test]
    fn the_status_is_a_field() {
        let open = BodyFraming::UntilClose;
        check("Content-Type: text/html\r\n\r\n", (200, open));
        check("Status: 404 Not Found\r\nA: b\r\n\r\n", (404, open));
        check("STATUS: 503\nA: b\n\n", (503, open));
        check("Location: /there\r\n\r\n", (302, open));
        check("Location: /t\r\nStatus: 201 C\r\n\r\n", (201, open));
        check("Status: 304\r\n\r\n", (304, BodyFraming::None));
        check("Content-Length: 7\r\n\r\n", (200, BodyFraming::Length(7)));
        for bad in [
            "Status: 99\r\n\r\n",
            "Status: 2000\r\n\r\n",
            "Status: 100 Continue\r\n\r\n",
            "Status: \r\n\r\n",
            "no field\r\n\r\n",
            "A : b\r\n\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(taken(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            taken("Content-Type: a\r\n").map(|it| it.is_none()),
            Ok(true)
        );
    }

    #[test]
    fn what_concerns_a_connection_stays_behind() {
        let head = taken("Connection: close, X-A\r\nX-A: b\r\nUpgrade: h2\r\nX-B: c\r\n\r\n");
        let head = head.unwrap().unwrap();
        assert_eq!(head.headers.len(), 1);
        assert_eq!(head.headers["x-b"], "c");
        assert!(!head.headers.contains_key(header::CONNECTION));
    }
}
