//! A second reading of HTTP/1.1, written for this purpose alone: it knows one strict way to read a
//! message (RFC 9112) and shares no code with the first.

/// A request as a strict server reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// The requests that follow each other in some bytes; an error where anything is left or unclear.
pub(super) fn requests(mut bytes: &[u8]) -> Result<Vec<Request>, &'static str> {
    let mut requests = Vec::new();
    while !bytes.is_empty() {
        let (request, rest) = request(bytes)?;
        requests.push(request);
        bytes = rest;
    }
    Ok(requests)
}

fn request(bytes: &[u8]) -> Result<(Request, &[u8]), &'static str> {
    let (line, rest) = line(bytes)?;
    let line = std::str::from_utf8(line).map_err(|_| "the request line is not ASCII")?;
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err("the request line has not three parts");
    };
    // Letters of other scripts are not the standard's, but `curl` sends them as they are typed.
    let is_visible = |byte: u8| byte.is_ascii_graphic() || !byte.is_ascii();
    if method.is_empty() || !method.bytes().all(is_token) || !target.bytes().all(is_visible) {
        return Err("method or target");
    }
    let (fields, rest) = fields(rest)?;
    let of = |name: &str| -> Vec<&[u8]> {
        let all = fields.iter().filter(|(known, _)| known == name);
        all.map(|(_, value)| value.as_slice()).collect()
    };
    if of("host").len() != 1 {
        return Err("not one host");
    }
    let (body, rest) = match (&of("transfer-encoding")[..], &of("content-length")[..]) {
        ([], []) => (Vec::new(), rest),
        ([], [length]) => {
            let length = std::str::from_utf8(length)
                .ok()
                .filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let length = length.and_then(|text| text.parse().ok()).ok_or("length")?;
            let (body, rest) = rest.split_at_checked(length).ok_or("the body is short")?;
            (body.to_vec(), rest)
        }
        ([b"chunked"], []) => chunked(rest)?.ok_or("the body is short")?,
        _ => return Err("the framing is unclear"),
    };
    let (method, target) = (method.to_owned(), target.to_owned());
    Ok((
        Request {
            method,
            target,
            fields,
            body,
        },
        rest,
    ))
}

type Fields = Vec<(String, Vec<u8>)>;

fn fields(mut bytes: &[u8]) -> Result<(Fields, &[u8]), &'static str> {
    let mut fields = Vec::new();
    loop {
        let (field, rest) = line(bytes)?;
        bytes = rest;
        if field.is_empty() {
            return Ok((fields, bytes));
        }
        let colon = field
            .iter()
            .position(|byte| *byte == b':')
            .ok_or("no colon")?;
        let (name, value) = field.split_at(colon);
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err("a field name");
        }
        let value = value[1..].trim_ascii();
        if value
            .iter()
            .any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f)
        {
            return Err("a field value");
        }
        fields.push((
            String::from_utf8_lossy(name).to_ascii_lowercase(),
            value.to_vec(),
        ));
    }
}

/// A body, and what follows it.
type Body<'b> = (Vec<u8>, &'b [u8]);

/// The body of a chunked coding and what follows it; `None` when it has not ended.
pub(super) fn chunked(mut bytes: &[u8]) -> Result<Option<Body<'_>>, &'static str> {
    let mut body = Vec::new();
    loop {
        let Ok((size, rest)) = line(bytes) else {
            return Ok(None);
        };
        let digits = size
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii_end();
        let digits = std::str::from_utf8(digits).map_err(|_| "a size")?;
        if digits.len() > 16 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("a size");
        }
        let size = usize::from_str_radix(digits, 16).map_err(|_| "a size")?;
        if size == 0 {
            return Ok(fields(rest).ok().map(|(_, rest)| (body, rest)));
        }
        let Some((data, rest)) = rest.split_at_checked(size) else {
            return Ok(None);
        };
        body.extend_from_slice(data);
        match rest {
            [b'\r', b'\n', rest @ ..] => bytes = rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err("a chunk is longer than its size"),
        }
    }
}

/// Up to a CRLF; neither of its two may stand alone.
fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or("a line has no end")?;
    let line = bytes[..end].strip_suffix(b"\r").ok_or("a bare line feed")?;
    if line.contains(&b'\r') {
        return Err("a bare carriage return");
    }
    Ok((line, &bytes[end + 1..]))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
