//! How it is made sure that a server behind `https://` is the one that is meant.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::host::Hostname;
use crate::plan::CertificateFiles;

/// What TLS to a server asks of it, and shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tls {
    /// The authorities that may vouch for it, in PEM; `None` is those of the system.
    pub ca: Option<PathBuf>,
    /// What it is shown when it asks who comes.
    pub certificate: Option<CertificateFiles>,
    /// The name that it must have a certificate for; `None` is the host of its address.
    pub server_name: Option<ServerName>,
    /// Whether its certificate is looked at.
    pub verification: Verification,
}

/// The name of a server, as its certificate has it: a host name or an address, without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerName(String);

/// Whether the certificate of a server is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verification {
    /// One that is not vouched for, or another's, is refused.
    #[default]
    Full,
    /// Any is taken: whoever is on the way can read and change everything.
    Off,
}

impl ServerName {
    /// `None` when it can't be the name of a server.
    pub fn parse(text: &str) -> Option<Self> {
        if text.parse::<IpAddr>().is_ok() {
            return Some(Self(text.to_owned()));
        }
        let name = Hostname::parse(text).ok()?;
        Some(Self(name.as_str().to_owned()))
    }

    /// The name as TLS has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tls {
    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let pair = self.certificate.iter();
        let pair = pair.flat_map(|files| [&files.chain, &files.key]);
        self.ca.iter().chain(pair)
    }

    /// Whether the authorities of the system are asked.
    pub fn needs_system_roots(&self) -> bool {
        self.ca.is_none() && self.verification == Verification::Full
    }
}
