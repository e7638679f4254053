//! The head of an upstream's response: read strictly, freed of what concerns only that connection.

mod cgi;

use std::mem::MaybeUninit;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use ondol_model::limits::HEADERS_MAX;
use ondol_model::limits::RESPONSE_HEAD_BYTES_MAX;

use crate::headers;

/// How the end of a body is known (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// There is no body.
    None,
    /// So many bytes.
    Length(u64),
    /// By the chunked coding.
    Chunked,
    /// The connection ends with it.
    UntilClose,
}

/// Whether another request may follow on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterResponse {
    Keep,
    Close,
}

/// The head of a response.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) framing: BodyFraming,
    pub(super) after: AfterResponse,
    /// `Upgrade`, which the hop-by-hop rules took out of the headers.
    pub(super) upgrade: Option<HeaderValue>,
}

/// The head can't be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the head of the response is broken: {0}")]
pub(super) struct HeadError(&'static str);

/// Takes a head out of the buffer; `None` when more must be read first.
pub(super) fn take(
    buffer: &mut BytesMut,
    method: &Method,
) -> Result<Option<ResponseHead>, HeadError> {
    let within = buffer.len().min(RESPONSE_HEAD_BYTES_MAX);
    let Some(end) = find_end(&buffer[..within]) else {
        let too_large = buffer.len() > RESPONSE_HEAD_BYTES_MAX;
        return if too_large {
            Err(HeadError("it is too large"))
        } else {
            Ok(None)
        };
    };
    let head = buffer.split_to(end).freeze();
    parse(&head, method).map(Some)
}

/// Takes the head of a script's response (RFC 3875 §6.3) out of the buffer; `None` when more must be read first.
pub(super) fn take_cgi(
    buffer: &mut BytesMut,
    method: &Method,
) -> Result<Option<ResponseHead>, HeadError> {
    let within = buffer.len().min(RESPONSE_HEAD_BYTES_MAX);
    match find_end(&buffer[..within]) {
        Some(end) => cgi::parse(&buffer.split_to(end).freeze(), method).map(Some),
        None if buffer.len() > RESPONSE_HEAD_BYTES_MAX => Err(HeadError("it is too large")),
        None => Ok(None),
    }
}

/// The place after the empty line. Lone line feeds are taken as line ends, as small servers send them.
fn find_end(buffer: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', buffer).find_map(|at| match buffer.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

fn parse(head: &Bytes, method: &Method) -> Result<ResponseHead, HeadError> {
    let mut fields = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut response, head, &mut fields)
        .map_err(|_| HeadError("it is not HTTP"))?;
    let status = response
        .code
        .and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(HeadError("it has no status"))?;
    let is_http_1_1 = response.version == Some(1);
    sorted(head, response.headers, status, (method, is_http_1_1))
}

/// The head that these fields make.
fn sorted(
    head: &Bytes,
    fields: &[httparse::Header<'_>],
    status: StatusCode,
    (method, is_http_1_1): (&Method, bool),
) -> Result<ResponseHead, HeadError> {
    let mut connection = ConnectionFields::default();
    let mut headers = HeaderMap::with_capacity(fields.len() + 2);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let name = name.map_err(|_| HeadError("a header name is broken"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        let value = value.map_err(|_| HeadError("a header value is broken"))?;
        if let Some((name, value)) = connection.sort_out(name, value)? {
            headers.append(name, value);
        }
    }
    for nominated in &connection.options {
        headers::remove_nominated(&mut headers, nominated);
    }
    let framing = connection.framing(status, method, is_http_1_1)?;
    if framing == BodyFraming::Chunked {
        headers.remove(header::CONTENT_LENGTH);
        if let Some(trailer) = connection.trailer.take() {
            headers.insert(header::TRAILER, trailer);
        }
    }
    let after = connection.after(framing, is_http_1_1);
    Ok(ResponseHead {
        status,
        headers,
        framing,
        after,
        upgrade: connection.upgrade,
    })
}

/// The fields that concern this connection and its framing.
#[derive(Debug, Default)]
struct ConnectionFields {
    options: Vec<HeaderValue>,
    coding: Option<HeaderValue>,
    length: Option<u64>,
    upgrade: Option<HeaderValue>,
    /// Which trailers follow; passed on where the body is passed on with them.
    trailer: Option<HeaderValue>,
    has_date: bool,
}

impl ConnectionFields {
    /// Keeps what concerns the connection; gives back what goes on to the visitor.
    fn sort_out(
        &mut self,
        name: HeaderName,
        value: HeaderValue,
    ) -> Result<Option<(HeaderName, HeaderValue)>, HeadError> {
        match name {
            header::CONNECTION => self.options.push(value),
            header::TRANSFER_ENCODING if self.coding.is_some() => {
                return Err(HeadError("it has several transfer codings"));
            }
            header::TRANSFER_ENCODING => self.coding = Some(value),
            header::UPGRADE => self.upgrade = Some(value),
            header::TRAILER => self.trailer = Some(value),
            header::DATE if std::mem::replace(&mut self.has_date, true) => {}
            header::CONTENT_LENGTH => {
                let length = content_length(&value).ok_or(HeadError("its length is no number"))?;
                match self.length.replace(length) {
                    None => return Ok(Some((name, value))),
                    Some(earlier) if earlier == length => {}
                    Some(_) => return Err(HeadError("it has several lengths")),
                }
            }
            ref other if headers::is_hop_by_hop(other.as_str()) => {}
            _ => return Ok(Some((name, value))),
        }
        Ok(None)
    }

    fn framing(
        &self,
        status: StatusCode,
        method: &Method,
        is_http_1_1: bool,
    ) -> Result<BodyFraming, HeadError> {
        let bodiless = status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || *method == Method::HEAD;
        if bodiless {
            return Ok(BodyFraming::None);
        }
        match (&self.coding, self.length) {
            (Some(_), _) if !is_http_1_1 => Err(HeadError("HTTP/1.0 has no transfer codings")),
            (Some(coding), _) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
                Ok(BodyFraming::Chunked)
            }
            (Some(_), _) => Err(HeadError("its transfer coding is unknown")),
            (None, Some(0)) => Ok(BodyFraming::None),
            (None, Some(length)) => Ok(BodyFraming::Length(length)),
            (None, None) => Ok(BodyFraming::UntilClose),
        }
    }

    fn after(&self, framing: BodyFraming, is_http_1_1: bool) -> AfterResponse {
        let has = |option| {
            self.options
                .iter()
                .any(|value| headers::has_token(value, option))
        };
        let keeps = if is_http_1_1 {
            !has("close")
        } else {
            has("keep-alive") && !has("close")
        };
        // Someone on the way may have believed the length (RFC 9112 §6.3).
        let is_plain = self.coding.is_none() || self.length.is_none();
        if keeps && is_plain && framing != BodyFraming::UntilClose {
            AfterResponse::Keep
        } else {
            AfterResponse::Close
        }
    }
}

/// Digits alone; a sign, a list or an overflow is no length (RFC 9110 §8.6).
fn content_length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
