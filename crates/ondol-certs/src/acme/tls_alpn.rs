//! The certificate that a TLS-ALPN-01 challenge wants to be shown (RFC 8737, RFC 8738 §6).

use std::fmt::Write as _;
use std::net::IpAddr;

use ondol_model::HostPattern;
use rcgen::CertificateParams;
use rcgen::CustomExtension;
use rcgen::DistinguishedName;
use rcgen::KeyPair as RcgenKey;
use rcgen::SanType;

use crate::entry::KeyPair;

/// A certificate that vouches for itself, with the digest of the key authorization in it.
pub(super) fn certificate(name: &HostPattern, digest: &[u8]) -> Result<KeyPair, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![alternative_name(name)?];
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = RcgenKey::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(KeyPair {
        chain_pem: certificate.pem().into(),
        key_pem: key.serialize_pem().into(),
    })
}

/// How a name stands in a certificate or in a request for one.
pub(super) fn alternative_name(name: &HostPattern) -> Result<SanType, rcgen::Error> {
    match name.exact().and_then(|host| host.ip()) {
        Some(address) => Ok(SanType::IpAddress(address)),
        None => Ok(SanType::DnsName(name.to_string().try_into()?)),
    }
}

/// The name in the handshake that looks for it: addresses can't stand there as they are.
pub(super) fn server_name(name: &HostPattern) -> String {
    match name.exact().and_then(|host| host.ip()) {
        Some(address) => reversed(address),
        None => name.to_string(),
    }
}

fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let mut text = String::new();
            for byte in address.octets().into_iter().rev() {
                let _infallible = write!(text, "{:x}.{:x}.", byte & 0xf, byte >> 4);
            }
            text + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_name_addresses_in_reverse() {
        let name = |text: &str| server_name(&HostPattern::parse(text).unwrap());
        assert_eq!(name("app.example.com"), "app.example.com");
        assert_eq!(name("192.0.2.7"), "7.2.0.192.in-addr.arpa");
        assert_eq!(
            name("[2001:db8::4]"),
            "4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
