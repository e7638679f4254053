//! Signatures of requests as Amazon and all who speak as it does want them (AWS Signature Version 4): over what is
//! asked, when, and with which body.

use aws_lc_rs::digest;
use aws_lc_rs::hmac;

use crate::clock;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// An access key.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "nobody is to print a secret")]
pub struct Keys<'a> {
    /// Its id, which is sent.
    pub access: &'a str,
    /// Its secret, which is not.
    pub secret: &'a str,
}

/// Whom a signature is for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `us-east-1`.
    pub region: &'a str,
    /// `s3`.
    pub service: &'a str,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Encoded, as it is sent.
    pub path: &'a str,
    /// Encoded, as it is sent: `a=b&c=`; may be empty.
    pub query: &'a str,
    /// The header fields that are signed, with names in lower case, in the order of the names: `host` and
    /// `x-amz-date` at least.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body's [`hash`].
    pub body: &'a str,
}

/// A moment (in seconds since the Unix epoch) as `x-amz-date` tells it: `20150830T123600Z`.
pub fn date(unix_seconds: i64) -> String {
    let mut date = clock::rfc3339(unix_seconds);
    date.retain(|letter| !"-:".contains(letter));
    date
}

/// The value of `Authorization` for a request of the moment of this [`date`].
pub fn authorization(keys: Keys<'_>, scope: Scope<'_>, asked: Asked<'_>, date: &str) -> String {
    let Scope { region, service } = scope;
    let day = date.get(..8).unwrap_or(date);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let canonical = canonical(asked);
    let to_sign = format!(
        "{ALGORITHM}\n{date}\n{scope}\n{}",
        hash(canonical.as_bytes())
    );
    let mut key = format!("AWS4{}", keys.secret).into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
        keys.access,
        names(asked.headers),
        hex(&mac(&key, &to_sign))
    )
}

/// The hash of a body, as signatures have it.
pub fn hash(body: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, body).as_ref())
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canonical(asked: Asked<'_>) -> String {
    let mut query: Vec<_> = asked.query.split('&').collect();
    query.sort_unstable();
    let headers = asked.headers.iter();
    let headers: String = headers
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        asked.method,
        asked.path,
        query.join("&"),
        names(asked.headers),
        asked.body
    )
}

fn names(headers: &[(&str, &str)]) -> String {
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    names.join(";")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// From Amazon's own collection of examples (aws-sig-v4-test-suite), which are all of this moment, these keys,
    /// and a service that is called `service`.
    #[test]
    fn signatures_are_those_of_amazons_examples() {
        let date = date(1_440_938_160);
        assert_eq!(date, "20150830T123600Z");
        let check = |method: &str, query: &str, expected: &str| {
            let asked = Asked {
                method,
                path: "/",
                query,
                headers: &[("host", "example.amazonaws.com"), ("x-amz-date", &date)],
                body: &hash(b""),
            };
            let keys = Keys {
                access: "AKIDEXAMPLE",
                secret: SECRET,
            };
            let scope = Scope {
                region: "us-east-1",
                service: "service",
            };
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature={expected}"
            );
            assert_eq!(authorization(keys, scope, asked, &date), expected);
        };
        let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        check("GET", "", vanilla);
        let ordered = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        check("GET", "Param2=value2&Param1=value1", ordered);
        let posted = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        check("POST", "", posted);
    }

    /// From Amazon's documents of S3 ("Signature calculations: transferring payload in a single chunk").
    #[test]
    fn signatures_are_those_of_the_examples_for_s3() {
        let check = |method: &str,
                     path: &str,
                     query: &str,
                     more: &[(&str, &str)],
                     body: &[u8],
                     expected: &str| {
            let (body, date) = (hash(body), date(1_369_353_600));
            let mut headers = vec![
                ("host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-content-sha256", &body),
                ("x-amz-date", &date),
            ];
            headers.extend(more);
            headers.sort_unstable();
            let asked = Asked {
                method,
                path,
                query,
                headers: &headers,
                body: &body,
            };
            let keys = Keys {
                access: "AKIAIOSFODNN7EXAMPLE",
                secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            };
            let scope = Scope {
                region: "us-east-1",
                service: "s3",
            };
            let value = authorization(keys, scope, asked, &date);
            assert_eq!(value.rsplit('=').next(), Some(expected), "{value}");
        };
        let ranged = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        check(
            "GET",
            "/test.txt",
            "",
            &[("range", "bytes=0-9")],
            b"",
            ranged,
        );
        let put = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
        let more = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        check(
            "PUT",
            "/test%24file.text",
            "",
            &more,
            b"Welcome to Amazon S3.",
            put,
        );
        let listed = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        check("GET", "/", "max-keys=2&prefix=J", &[], b"", listed);
    }
}
