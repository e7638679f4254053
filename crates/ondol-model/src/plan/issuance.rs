//! How a site's certificate is got: who is asked, and how the owner of the names is recognized (RFC 8555).

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::host::HostPattern;
use crate::host::Hostname;
use crate::network::is_public;

/// The profile of certificates that last some days; the only one in which Let's Encrypt vouches for addresses.
pub const SHORT_LIVED: &str = "shortlived";

/// How certificates are got for the names of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuance {
    /// Who is asked, in this order: the next one when one fails. Ondol's own CA serves what none of them can.
    pub issuers: Vec<Issuer>,
    /// How the names are shown to be the owner's; `None` means what fits best, see `issuing::ways`.
    pub challenge: Option<Challenge>,
    /// Who keeps the zone of the names; `None` when Ondol can't write into it.
    pub dns: Option<DnsProvider>,
    /// Which kind of certificate is asked for where the issuer offers kinds (`classic`, `tlsserver`,
    /// `shortlived`); `None` leaves it to the issuer.
    pub profile: Option<Box<str>>,
}

/// Who issues certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// Ondol's own CA.
    Internal,
    /// One that speaks ACME.
    Acme(AcmeIssuer),
}

/// An issuer that speaks ACME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeIssuer {
    /// What people and folders call it: lower-case letters, digits, `-` and `.`; unique in a plan.
    pub name: Box<str>,
    /// The URL of its directory.
    pub directory: Box<str>,
    /// The URL of the directory on which a certificate that failed is tried first, where the issuer has one.
    pub staging: Option<Box<str>>,
    /// The file of the roots that vouch for the directory's own TLS; `None` means those of the system.
    pub root: Option<PathBuf>,
    /// The account that the owner has at the issuer already.
    pub external_account: Option<ExternalAccount>,
    /// For which names it can vouch.
    pub reach: Reach,
}

/// For which names an issuer can vouch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Names that are public, see [`HostPattern::is_private`] and [`HostPattern::is_reserved`], and public
    /// addresses in certificates of the profile [`SHORT_LIVED`].
    Public,
    /// Whatever it agrees to: a directory of the owner's own.
    Any,
}

/// An account at an issuer that was made elsewhere (RFC 8555 §7.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    /// The name of its key.
    pub key_id: Box<str>,
    /// The key, as base64url.
    pub hmac_key: Secret,
}

/// Where a secret is; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Secret {
    /// In this variable of the agent's environment.
    Environment(Box<str>),
    /// In this file, which others must not be able to read.
    File(PathBuf),
}

/// How a name is shown to be the owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Challenge {
    /// By an answer on port 80 (RFC 8555 §8.3).
    Http,
    /// By a handshake on port 443 (RFC 8737).
    TlsAlpn,
    /// By a record in the zone, written for each order (RFC 8555 §8.4).
    Dns,
    /// By a record in the zone that the owner writes once (draft-ietf-acme-dns-persist).
    DnsPersist,
}

/// Who keeps a zone, and what is needed to write into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsProvider {
    /// A name server that takes updates (RFC 2136), signed by TSIG (RFC 8945).
    Rfc2136 {
        /// Its address.
        server: SocketAddr,
        /// The name of the key.
        key_name: Box<str>,
        /// What the key is used with.
        algorithm: TsigAlgorithm,
        /// The key, as base64.
        key: Secret,
    },
    /// Cloudflare.
    Cloudflare {
        /// An API token that may edit the zone.
        token: Secret,
    },
    /// deSEC.
    Desec {
        /// An API token.
        token: Secret,
    },
    /// Amazon Route 53.
    Route53 {
        /// The id of an access key.
        access_key: Secret,
        /// The access key itself.
        secret_key: Secret,
    },
    /// Gandi LiveDNS.
    Gandi {
        /// A personal access token.
        token: Secret,
    },
    /// Porkbun.
    Porkbun {
        /// The API key.
        api_key: Secret,
        /// The secret API key.
        secret_key: Secret,
    },
    /// A program of the owner's: run with `add` or `remove`, the record's full name, and its text.
    Exec {
        /// The program and its first arguments; never empty.
        command: Vec<Box<str>>,
    },
}

/// What signs an update of a zone (RFC 8945 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TsigAlgorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// An issuer that needs no more than its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownIssuer {
    /// Let's Encrypt.
    LetsEncrypt,
    /// Its staging: for trying out; no browser believes its certificates.
    LetsEncryptStaging,
    /// ZeroSSL, which wants an external account.
    ZeroSsl,
}

impl KnownIssuer {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::LetsEncrypt, Self::LetsEncryptStaging, Self::ZeroSsl];

    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::LetsEncrypt => "letsencrypt",
            Self::LetsEncryptStaging => "letsencrypt-staging",
            Self::ZeroSsl => "zerossl",
        }
    }

    /// The URL of its directory.
    pub fn directory(self) -> &'static str {
        match self {
            Self::LetsEncrypt => "https://acme-v02.api.letsencrypt.org/directory",
            Self::LetsEncryptStaging => "https://acme-staging-v02.api.letsencrypt.org/directory",
            Self::ZeroSsl => "https://acme.zerossl.com/v2/DV90",
        }
    }

    /// The issuer, with an external account where the owner has one.
    pub fn issuer(self, external_account: Option<ExternalAccount>) -> AcmeIssuer {
        let staging = match self {
            Self::LetsEncrypt => Some(Self::LetsEncryptStaging.directory().into()),
            Self::LetsEncryptStaging | Self::ZeroSsl => None,
        };
        AcmeIssuer {
            name: self.word().into(),
            directory: self.directory().into(),
            staging,
            root: None,
            external_account,
            reach: Reach::Public,
        }
    }
}

impl AcmeIssuer {
    /// Whether it can vouch for a name in a certificate of this profile.
    pub fn can_vouch_for(&self, name: &HostPattern, profile: Option<&str>) -> bool {
        match (self.reach, name.exact().and_then(Hostname::ip)) {
            (Reach::Any, _) => true,
            (Reach::Public, Some(address)) => is_public(address) && profile == Some(SHORT_LIVED),
            (Reach::Public, None) => !name.is_private() && !name.is_reserved(),
        }
    }
}

impl Issuance {
    /// The issuers that speak ACME, in order.
    pub fn acme_issuers(&self) -> impl Iterator<Item = &AcmeIssuer> {
        self.issuers.iter().filter_map(|issuer| match issuer {
            Issuer::Acme(issuer) => Some(issuer),
            Issuer::Internal => None,
        })
    }
}

impl Default for Issuance {
    /// Let's Encrypt, and all else by itself.
    fn default() -> Self {
        Self {
            issuers: vec![Issuer::Acme(KnownIssuer::LetsEncrypt.issuer(None))],
            challenge: None,
            dns: None,
            profile: None,
        }
    }
}

impl Challenge {
    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::TlsAlpn => "tls-alpn",
            Self::Dns => "dns",
            Self::DnsPersist => "dns-persist",
        }
    }

    /// What ACME calls it.
    pub fn acme_type(self) -> &'static str {
        match self {
            Self::Http => "http-01",
            Self::TlsAlpn => "tls-alpn-01",
            Self::Dns => "dns-01",
            Self::DnsPersist => "dns-persist-01",
        }
    }
}
