//! A certificate chain and its key as two PEM files: read, and checked against each other.
//!
//! It must not know which site they are for; see `choose.rs` for that.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::file::read_limited;
use ondol_model::limits::CERTIFICATE_BYTES_MAX;
use ondol_model::limits::CERTIFICATE_CHAIN_MAX;
use ondol_model::plan::CertificateFiles;
use rustls::Error;
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem;
use rustls_pki_types::pem::PemObject;

use crate::entry::KeyPair;
use crate::facts;
use crate::facts::Facts;

/// Permission bits for those who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;
/// The permission bit for the group to read.
const GROUP_READS: u32 = 0o040;
/// The group of root.
const ROOT: u32 = 0;

/// A chain and a key that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The text of both.
    pub pem: KeyPair,
    /// What the first certificate says.
    pub facts: Facts,
    /// Whether each certificate of the chain is followed by its issuer.
    pub order: ChainOrder,
}

/// Whether each certificate of a chain is followed by its issuer (RFC 8446 §4.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainOrder {
    /// It is.
    Straight,
    /// It is not: some programs will not find the way to the root.
    Broken,
}

/// Who may read a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyReaders {
    /// Its owner, and perhaps the group of root or of the user that runs Ondol.
    Few,
    /// Its owner and the group of this number.
    Group(u32),
    /// Every user of the machine.
    Everyone,
}

/// Which file of a pair is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The chain.
    Chain,
    /// The key.
    Key,
}

/// Why a file with certificates can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system does not let it be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is larger than any certificate.
    #[error("{} is larger than {CERTIFICATE_BYTES_MAX} bytes, so it is no certificate or key", .0.display())]
    TooLarge(PathBuf),
}

/// Why a pair of files is no certificate that could be shown to anyone.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which of the two.
        part: Part,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is larger than any certificate.
    #[error("{path} is larger than {CERTIFICATE_BYTES_MAX} bytes, so it is no certificate or key")]
    TooLarge {
        /// Which of the two.
        part: Part,
        /// The file.
        path: PathBuf,
    },
    /// The texts are not a pair.
    #[error("{} cannot be used", match source.part() { Part::Chain => chain, Part::Key => key }.display())]
    Text {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: TextError,
    },
}

/// Why two PEM texts are not a certificate and its key.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The chain is broken PEM.
    #[error("the chain is not PEM (`-----BEGIN CERTIFICATE-----`)")]
    ChainPem(#[source] pem::Error),
    /// The chain has no certificate.
    #[error("there is no certificate in the chain file (`-----BEGIN CERTIFICATE-----`)")]
    NoCertificate,
    /// The chain has more certificates than clients accept.
    #[error("there are more than {CERTIFICATE_CHAIN_MAX} certificates in the chain file")]
    ChainTooLong,
    /// A certificate cannot be parsed.
    #[error("certificate {position} of the chain is broken")]
    BrokenCertificate {
        /// Counted from 1.
        position: usize,
        /// Why.
        #[source]
        source: facts::NotACertificate,
    },
    /// The key is broken PEM, or there is none.
    #[error("there is no private key in the key file (`-----BEGIN PRIVATE KEY-----`)")]
    NoKey(#[source] pem::Error),
    /// The key is protected by a passphrase.
    #[error(
        "the key is encrypted with a passphrase; write it without one (`openssl pkey -in OLD -out NEW`)"
    )]
    EncryptedKey,
    /// The key is of a kind that TLS does not use here.
    #[error("the key is of a kind that cannot be used (RSA, ECDSA and Ed25519 can)")]
    UnknownKey(#[source] Error),
    /// The key belongs to another certificate of the chain.
    #[error("the key belongs to certificate {position} of the chain; the site's own must be first")]
    NotFirst {
        /// Counted from 1.
        position: usize,
    },
    /// The key is another certificate's.
    #[error("the key does not belong to the certificate")]
    Mismatch,
    /// The certificate is older than what TLS is used with (X.509 version 3), or the like.
    #[error("the certificate is of a kind that cannot be used")]
    UnknownCertificate(#[source] Error),
}

impl PairError {
    /// The file that the person has to look at first.
    pub fn part(&self) -> Part {
        match self {
            Self::Read { part, .. } | Self::TooLarge { part, .. } => *part,
            Self::Text { source, .. } => source.part(),
        }
    }
}

impl TextError {
    fn part(&self) -> Part {
        match self {
            Self::ChainPem(_)
            | Self::NoCertificate
            | Self::ChainTooLong
            | Self::BrokenCertificate { .. }
            | Self::UnknownCertificate(_)
            | Self::NotFirst { .. } => Part::Chain,
            Self::NoKey(_) | Self::EncryptedKey | Self::UnknownKey(_) | Self::Mismatch => Part::Key,
        }
    }
}

/// Reads and checks a pair; also tells who may read the key. Blocks on the disk.
pub fn load(files: &CertificateFiles) -> Result<(Pair, KeyReaders), PairError> {
    let (chain_pem, _) = read(&files.chain, Part::Chain)?;
    let (key_pem, metadata) = read(&files.key, Part::Key)?;
    let pair = parse(&chain_pem, &key_pem).map_err(|source| PairError::Text {
        chain: files.chain.clone(),
        key: files.key.clone(),
        source,
    })?;
    let own_group = rustix::process::getegid().as_raw();
    let readers = readers(metadata.mode(), metadata.gid(), own_group);
    Ok((pair, readers))
}

fn readers(mode: u32, group: u32, own_group: u32) -> KeyReaders {
    if mode & OTHERS != 0 {
        KeyReaders::Everyone
    } else if mode & GROUP_READS != 0 && group != ROOT && group != own_group {
        KeyReaders::Group(group)
    } else {
        KeyReaders::Few
    }
}

/// Checks two PEM texts against each other. Whether the certificate is good now, and for which site,
/// is another question.
pub fn parse(chain_pem: &str, key_pem: &str) -> Result<Pair, TextError> {
    let chain = parse_chain(chain_pem)?;
    let key = parse_key(key_pem)?;
    let Some(first) = chain.first() else {
        return Err(TextError::NoCertificate);
    };
    let facts = Facts::of(first).map_err(|source| TextError::BrokenCertificate {
        position: 1,
        source,
    })?;
    let order = if chain
        .windows(2)
        .all(|two| facts::is_issued_by(&two[0], &two[1]))
    {
        ChainOrder::Straight
    } else {
        ChainOrder::Broken
    };
    check_match(chain, key)?;
    let pem = KeyPair {
        chain_pem: Arc::from(chain_pem),
        key_pem: Arc::from(key_pem),
    };
    Ok(Pair { pem, facts, order })
}

fn read(path: &Path, part: Part) -> Result<(String, Metadata), PairError> {
    read_text(path).map_err(|error| match error {
        ReadError::Read { path, source } => PairError::Read { part, path, source },
        ReadError::TooLarge(path) => PairError::TooLarge { part, path },
    })
}

/// Reads a file of certificates or a key. Blocks on the disk.
pub(super) fn read_text(path: &Path) -> Result<(String, Metadata), ReadError> {
    let failed = |source| ReadError::Read {
        path: path.to_owned(),
        source,
    };
    let read = read_limited(path, CERTIFICATE_BYTES_MAX).map_err(failed)?;
    read.ok_or_else(|| ReadError::TooLarge(path.to_owned()))
}

fn parse_chain(chain_pem: &str) -> Result<Vec<CertificateDer<'static>>, TextError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .take(CERTIFICATE_CHAIN_MAX + 1)
        .collect::<Result<_, _>>()
        .map_err(TextError::ChainPem)?;
    if chain.len() > CERTIFICATE_CHAIN_MAX {
        return Err(TextError::ChainTooLong);
    }
    Ok(chain)
}

fn parse_key(key_pem: &str) -> Result<PrivateKeyDer<'static>, TextError> {
    PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|source| {
        if key_pem.contains("ENCRYPTED") {
            TextError::EncryptedKey
        } else {
            TextError::NoKey(source)
        }
    })
}

fn check_match(
    mut chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<(), TextError> {
    let key = any_supported_type(&key).map_err(TextError::UnknownKey)?;
    let matches = |certificate: CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate], Arc::clone(&key)).keys_match()
    };
    let mut others = chain.split_off(1).into_iter();
    let Some(first) = chain.pop() else {
        return Err(TextError::NoCertificate);
    };
    match matches(first) {
        // Every kind of key here tells its public half, so `Unknown` does not happen.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(Error::InconsistentKeys(_)) => Err(others
            .position(|certificate| matches(certificate).is_ok())
            .map_or(TextError::Mismatch, |index| TextError::NotFirst {
                position: index + 2,
            })),
        Err(error) => Err(TextError::UnknownCertificate(error)),
    }
}

#[cfg(test)]
mod tests;
