//! Signatures of requests to Amazon (Signature Version 4): over what is asked, when, and with which body.

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::header;
use ondol_base::clock;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Route 53 is everywhere; its signatures are those of this region.
const REGION: &str = "us-east-1";
const SERVICE: &str = "route53";

/// Signs a request. `None` when the keys or the URL have signs that no header can have.
pub(super) fn sign(
    request: &mut Request<Bytes>,
    access_key: &str,
    secret_key: &str,
    now: i64,
) -> Option<()> {
    sign_for(SERVICE, request, access_key, secret_key, now)
}

fn sign_for(
    service: &str,
    request: &mut Request<Bytes>,
    access_key: &str,
    secret_key: &str,
    now: i64,
) -> Option<()> {
    let time: String = clock::rfc3339(now)
        .chars()
        .filter(|letter| !"-:".contains(*letter))
        .collect();
    let day = time.get(..8)?;
    let scope = format!("{day}/{REGION}/{service}/aws4_request");
    let canonical = canonical(request, &time)?;
    let to_sign = format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        hashed(canonical.as_bytes())
    );
    let mut key = format!("AWS4{secret_key}").into_bytes();
    for part in [day, REGION, service, "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex(&mac(&key, &to_sign));
    let authorization = format!(
        "{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    );
    let mut authorization = HeaderValue::from_str(&authorization).ok()?;
    authorization.set_sensitive(true);
    let headers = request.headers_mut();
    headers.insert("x-amz-date", HeaderValue::from_str(&time).ok()?);
    headers.insert(header::AUTHORIZATION, authorization);
    Some(())
}

/// What is signed of a request. Its path and its query are encoded already.
fn canonical(request: &Request<Bytes>, time: &str) -> Option<String> {
    let uri = request.uri();
    let mut query: Vec<_> = uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    Some(format!(
        "{}\n{}\n{}\nhost:{}\nx-amz-date:{time}\n\nhost;x-amz-date\n{}",
        request.method(),
        uri.path(),
        query.join("&"),
        uri.authority()?,
        hashed(request.body())
    ))
}

fn hashed(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Amazon's own collection of examples (aws-sig-v4-test-suite), which are all of this moment,
    /// these keys, and a service that is called `service`.
    #[test]
    fn signatures_are_those_of_amazons_examples() {
        let check = |method: &str, path: &str, expected: &str| {
            let request = Request::builder().method(method);
            let request = request.uri(format!("https://example.amazonaws.com{path}"));
            let mut request = request.body(Bytes::new()).unwrap();
            let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
            sign_for(
                "service",
                &mut request,
                "AKIDEXAMPLE",
                secret,
                1_440_938_160,
            )
            .unwrap();
            let value = request.headers()[header::AUTHORIZATION].to_str().unwrap();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature={expected}"
            );
            assert_eq!(value, expected, "{method} {path}");
            assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
        };
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        check("GET", "/", vanilla);
        let ordered = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        check("GET", "/?Param2=value2&Param1=value1", ordered);
        let posted = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        check("POST", "/", posted);
    }
}
