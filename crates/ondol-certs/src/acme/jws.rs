//! Signed requests (RFC 7515) for the two questions whose key must be on disk before they are asked: the
//! registration of an account, and the change of its key. It knows no HTTP.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::KeyPair as _;
use ondol_model::base64;
use serde_json::Value;
use serde_json::json;

/// The bytes of one coordinate of a point of P-256.
const COORDINATE: usize = 32;

/// The key of an account: ECDSA on P-256, which every issuer takes.
pub(super) struct AccountKey {
    pair: EcdsaKeyPair,
}

impl AccountKey {
    /// A new key as PKCS #8.
    pub(super) fn generate() -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
        Ok(made.as_ref().to_vec())
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyRejected> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)?;
        Ok(Self { pair })
    }

    /// The public half (RFC 7517), its members in the order of their names (RFC 7638).
    pub(super) fn jwk(&self) -> Value {
        // The first byte says that both coordinates follow.
        let point = self.pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(COORDINATE.min(point.len()));
        json!({ "crv": "P-256", "kty": "EC", "x": url_encode(x), "y": url_encode(y) })
    }

    /// A request signed by this key; `header` says more than the algorithm.
    pub(super) fn sign(&self, mut header: Value, payload: &str) -> Result<Value, Unspecified> {
        header["alg"] = "ES256".into();
        signed(&header, payload, |text| {
            let signature = self.pair.sign(&SystemRandom::new(), text)?;
            Ok(signature.as_ref().to_vec())
        })
    }
}

/// Says that an account at an issuer's shop and this key are one (RFC 8555 §7.3.4).
pub(super) fn bind(
    key_id: &str,
    hmac_key: &[u8],
    url: &str,
    jwk: &Value,
) -> Result<Value, Unspecified> {
    let header = json!({ "alg": "HS256", "kid": key_id, "url": url });
    let key = hmac::Key::new(hmac::HMAC_SHA256, hmac_key);
    signed(&header, &jwk.to_string(), |text| {
        Ok(hmac::sign(&key, text).as_ref().to_vec())
    })
}

/// Base64 in the alphabet of URLs, without padding (RFC 4648 §5).
pub(super) fn url_encode(bytes: &[u8]) -> String {
    base64::encode(bytes).replace('+', "-").replace('/', "_")
}

/// The bytes of such a text, with or without padding, in either alphabet: people copy both.
pub(super) fn url_decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=');
    base64::decode(&text.replace('-', "+").replace('_', "/"))
}

fn signed(
    header: &Value,
    payload: &str,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Unspecified>,
) -> Result<Value, Unspecified> {
    let protected = url_encode(header.to_string().as_bytes());
    let payload = url_encode(payload.as_bytes());
    let signature = sign(format!("{protected}.{payload}").as_bytes())?;
    Ok(json!({
        "protected": protected,
        "payload": payload,
        "signature": url_encode(&signature),
    }))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED;
    use aws_lc_rs::signature::UnparsedPublicKey;

    use super::*;

    #[test]
    fn what_is_signed_can_be_verified_by_the_public_half() {
        let key = AccountKey::from_pkcs8(&AccountKey::generate().unwrap()).unwrap();
        let signed = key.sign(json!({ "nonce": "n" }), "{}").unwrap();
        let part = |name: &str| signed[name].as_str().unwrap().to_owned();
        let jwk = key.jwk();
        let coordinate = |name: &str| url_decode(jwk[name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let text = format!("{}.{}", part("protected"), part("payload"));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(text.as_bytes(), &url_decode(&part("signature")).unwrap())
            .unwrap();
        let header = String::from_utf8(url_decode(&part("protected")).unwrap()).unwrap();
        assert_eq!(header, r#"{"alg":"ES256","nonce":"n"}"#);
    }

    #[test]
    fn keys_are_read_however_people_copied_them() {
        for text in ["-_8", "+/8", "-_8=", " +/8=\n"] {
            assert_eq!(url_decode(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        assert_eq!(url_decode("no key"), None);
        assert_eq!(url_encode(&[0xfb, 0xff]), "-_8");
    }
}
