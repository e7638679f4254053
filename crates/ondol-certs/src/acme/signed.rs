//! Requests that are signed here and not by the ACME library, for the sake of their keys; see `jws.rs`.

use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::header;
use instant_acme::Error;
use instant_acme::Problem;
use serde_json::Value;
use serde_json::json;

use super::client::Client;
use super::explain;
use super::jws::AccountKey;

/// How often a request is signed anew because its nonce is refused. Pebble refuses one in twenty.
const NONCES_MAX: u32 = 10;
/// How often the ACME library, which signs three times itself, is asked again for the same reason.
const AGAIN_MAX: u32 = 4;
const NONCE: &str = "replay-nonce";

/// How a signed request says whose it is (RFC 8555 §6.2).
#[derive(Debug, Clone, Copy)]
pub(super) enum Signer<'s> {
    /// By its public key.
    Key,
    /// By the account's URL.
    Account(&'s str),
}

/// Sends a signed request, as often as its nonce is refused.
pub(super) async fn post(
    client: &Client,
    key: &AccountKey,
    signer: Signer<'_>,
    url: &str,
    payload: &str,
) -> Result<Response<Bytes>, Error> {
    let mut nonce = None;
    let mut tries = 0;
    loop {
        let fresh = match nonce.take() {
            Some(nonce) => nonce,
            None => fresh_nonce(client).await?,
        };
        let mut protected = json!({ "nonce": fresh, "url": url });
        match signer {
            Signer::Key => protected["jwk"] = key.jwk(),
            Signer::Account(uri) => protected["kid"] = uri.into(),
        }
        let body = key.sign(protected, payload).map_err(|_| Error::Crypto)?;
        let answer = send(client, url, &body).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let problem: Problem = serde_json::from_slice(answer.body())?;
        tries += 1;
        if explain::word(&problem) != "badNonce" || tries == NONCES_MAX {
            return Err(problem.into());
        }
        nonce = nonce_of(&answer);
    }
}

/// Does something with the ACME library, again while only nonces are in its way. It is no function because
/// futures of closures that borrow can't be known to be `Send`.
macro_rules! again {
    ($work:expr) => {{
        let mut tries = 1;
        loop {
            match $work.await {
                Err(error) if crate::acme::signed::is_worth_another(&error, tries) => tries += 1,
                done => break done,
            }
        }
    }};
}

pub(super) use again;

pub(super) fn is_worth_another(error: &Error, tries: u32) -> bool {
    explain::is(error, "badNonce") && tries < AGAIN_MAX
}

async fn send(client: &Client, url: &str, body: &Value) -> Result<Response<Bytes>, Error> {
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/jose+json")
        .body(Bytes::from(body.to_string()))?;
    let answer = client.send(request).await;
    answer.map_err(|error| Error::Other(error.into()))
}

async fn fresh_nonce(client: &Client) -> Result<String, Error> {
    let url = &client.directory().listed.new_nonce;
    let request = Request::head(url).body(Bytes::new())?;
    let answer = client.send(request).await;
    let answer = answer.map_err(|error| Error::Other(error.into()))?;
    nonce_of(&answer).ok_or(Error::Str("a nonce"))
}

fn nonce_of(answer: &Response<Bytes>) -> Option<String> {
    let value: &HeaderValue = answer.headers().get(NONCE)?;
    Some(value.to_str().ok()?.to_owned())
}
