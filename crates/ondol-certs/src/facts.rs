//! What a certificate says of itself: its names, its issuer, how long it is good. Pure; it knows no file.

use std::fmt;
use std::net::IpAddr;

use ondol_model::HostPattern;
use ondol_model::Hostname;
use ondol_model::certificate::Validity;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

/// What a person wants to know of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The names it covers (subjectAltName); what is no host name is left out.
    pub names: Vec<HostPattern>,
    /// Who issued it: the common name, or the whole name when there is none.
    pub issuer: String,
    /// How long it is good.
    pub validity: Validity,
    /// The kind of its key.
    pub key: KeyKind,
}

/// The kind of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with the size of its modulus.
    Rsa {
        /// Size in bits.
        bits: usize,
    },
    /// An elliptic curve, with the size of its field.
    Ecdsa {
        /// Size in bits: 256 for P-256.
        bits: usize,
    },
    /// Anything else (Ed25519).
    Other,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Ecdsa { bits } => write!(f, "ECDSA P-{bits}"),
            Self::Other => f.write_str("other"),
        }
    }
}

/// As much of an issuer's name as is shown; four times what a common name may have (RFC 5280).
const NAME_CHARS_MAX: usize = 256;

/// Why bytes are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct NotACertificate;

impl Facts {
    /// Reads a certificate in DER.
    pub fn of(der: &[u8]) -> Result<Self, NotACertificate> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NotACertificate)?;
        Ok(Self {
            names: names(&certificate),
            issuer: name_text(certificate.issuer()),
            validity: Validity {
                not_before: certificate.validity().not_before.timestamp(),
                not_after: certificate.validity().not_after.timestamp(),
            },
            key: key_kind(&certificate),
        })
    }

    /// Whether visitors of this name accept the certificate: a wildcard covers exactly one label
    /// (RFC 6125 §6.4.3), and only a wildcard covers a wildcard.
    pub fn covers(&self, wanted: &HostPattern) -> bool {
        self.names.iter().any(|name| match (name, wanted) {
            (HostPattern::Wildcard(domain), HostPattern::Exact(host)) => {
                host.ip().is_none()
                    && host
                        .as_str()
                        .split_once('.')
                        .is_some_and(|(_, rest)| rest == domain.as_str())
            }
            (HostPattern::Exact(_) | HostPattern::Wildcard(_), _) => name == wanted,
        })
    }
}

/// Whether the second certificate of two in DER says that it issued the first.
pub(crate) fn is_issued_by(der: &[u8], issuer: &[u8]) -> bool {
    let parsed = (
        X509Certificate::from_der(der),
        X509Certificate::from_der(issuer),
    );
    let (Ok((_, certificate)), Ok((_, issuer))) = parsed else {
        return false;
    };
    certificate.issuer().as_raw() == issuer.subject().as_raw()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<HostPattern> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = &extension.value.general_names;
    names.iter().filter_map(host_pattern).collect()
}

fn host_pattern(name: &GeneralName<'_>) -> Option<HostPattern> {
    match name {
        GeneralName::DNSName(text) => HostPattern::parse(text).ok(),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
                _ => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            };
            Some(HostPattern::Exact(Hostname::from(address)))
        }
        _ => None, // Mail addresses, URIs and the like name no host.
    }
}

/// On one line and short: whoever issues certificates writes it.
fn name_text(name: &X509Name<'_>) -> String {
    let common_name = name.iter_common_name().next();
    let text = match common_name.and_then(|attribute| attribute.as_str().ok()) {
        Some(text) => text.to_owned(),
        None => name.to_string(),
    };
    let printed = text.chars().filter(|letter| !letter.is_control());
    printed.take(NAME_CHARS_MAX).collect()
}

fn key_kind(certificate: &X509Certificate<'_>) -> KeyKind {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => KeyKind::Rsa {
            bits: key.key_size(),
        },
        Ok(PublicKey::EC(point)) => KeyKind::Ecdsa {
            bits: point.key_size(),
        },
        Ok(_) | Err(_) => KeyKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateParams;
    use rcgen::DnType;
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn the_name_of_an_issuer_is_one_short_line() {
        let mut params = CertificateParams::default();
        let name = format!("\u{1b}[2JEvil\r\n{}", "x".repeat(10_000));
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let facts = Facts::of(params.self_signed(&key).unwrap().der()).unwrap();
        assert!(facts.issuer.starts_with("[2JEvilxxx"), "{}", facts.issuer);
        assert_eq!(facts.issuer.len(), NAME_CHARS_MAX);
    }
    #[test]
    fn any_damage_to_a_certificate_is_read_or_refused() {
        let names = ["example.org", "*.example.org", "192.0.2.7", "2001:db8::1"];
        let mut params = CertificateParams::new(names.map(str::to_owned)).unwrap();
        params.not_after = rcgen::date_time_ymd(9999, 12, 31);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let whole = certificate.der().to_vec();
        assert_eq!(Facts::of(&whole).unwrap().names.len(), names.len());
        for at in 0..whole.len() {
            let _ = Facts::of(&whole[..at]);
            for change in [0x01, 0x15, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                let _ = Facts::of(&changed);
                let _ = is_issued_by(&changed, &whole);
            }
        }
    }
}
