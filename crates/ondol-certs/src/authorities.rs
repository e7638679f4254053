//! Those who issue certificates to visitors (`client_ca`): read, kept, and read again when they change.
//!
//! As with certificates, what went bad never replaces what was good.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_model::Plan;
use ondol_model::limits::CLIENT_AUTHORITIES_MAX;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem;
use rustls_pki_types::pem::PemObject;

use crate::files;
use crate::files::ReadError;
use crate::internal::Notices;
use crate::stamp::FileStamp;

/// The certificates of those who issue certificates to a site's visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthority {
    /// The file, as the plan has it.
    pub path: PathBuf,
    /// What is in it.
    pub pem: Arc<str>,
}

/// Why a file names nobody who could be believed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not PEM.
    #[error("{} is not PEM (`-----BEGIN CERTIFICATE-----`)", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// It has no certificate.
    #[error("there is no certificate in {} (`-----BEGIN CERTIFICATE-----`)", .0.display())]
    Empty(PathBuf),
    /// It has more certificates than are taken.
    #[error("there are more than {CLIENT_AUTHORITIES_MAX} certificates in {}", .0.display())]
    TooMany(PathBuf),
    /// One of its certificates is no authority.
    #[error("certificate {position} of {} can't issue others", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        position: usize,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// Reads a file and checks what is in it. Blocks on the disk.
pub fn load(path: &Path) -> Result<Arc<str>, AuthorityError> {
    let (text, _) = files::read_text(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .take(CLIENT_AUTHORITIES_MAX + 1)
        .collect::<Result<_, _>>()
        .map_err(|source| AuthorityError::Pem {
            path: path.to_owned(),
            source,
        })?;
    match certificates.len() {
        0 => return Err(AuthorityError::Empty(path.to_owned())),
        count if count > CLIENT_AUTHORITIES_MAX => {
            return Err(AuthorityError::TooMany(path.to_owned()));
        }
        _ => {}
    }
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        roots
            .add(certificate)
            .map_err(|source| AuthorityError::Unusable {
                path: path.to_owned(),
                position: index + 1,
                source,
            })?;
    }
    Ok(Arc::from(text))
}

/// The files that a plan names, with what is in use of them.
#[derive(Debug, Default)]
pub(super) struct Authorities(HashMap<PathBuf, Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The state of the file that was judged last.
    judged: Option<FileStamp>,
    /// A later state, not judged until it was seen twice: someone may still be writing.
    settling: Option<FileStamp>,
    /// The last good content.
    pem: Option<Arc<str>>,
    trouble: Option<String>,
}

impl Authorities {
    /// Reads what a plan names. What is known already is not read again.
    pub(super) fn take_up(&mut self, plan: &Plan, notices: &mut Notices) {
        let named = plan
            .sites
            .iter()
            .filter_map(|site| site.client_auth.as_ref());
        let wanted: BTreeSet<_> = named.map(|auth| auth.ca.clone()).collect();
        self.0.retain(|path, _| wanted.contains(path));
        for path in wanted {
            let seen = FileStamp::of(&path);
            let kept = self.0.entry(path.clone()).or_default();
            if kept.judged != Some(seen) {
                kept.judge(&path, seen, notices);
            }
        }
    }

    /// Reads files that changed; true when there is something else to use.
    pub(super) fn refresh(&mut self, notices: &mut Notices) -> bool {
        let mut changed = false;
        for (path, kept) in &mut self.0 {
            changed |= kept.look(path, notices);
        }
        changed
    }

    /// What is in use, in the order of the paths.
    pub(super) fn current(&self) -> Vec<ClientAuthority> {
        let good = self.0.iter().filter_map(|(path, kept)| {
            Some(ClientAuthority {
                path: path.clone(),
                pem: Arc::clone(kept.pem.as_ref()?),
            })
        });
        let mut current: Vec<_> = good.collect();
        current.sort_by(|a, b| a.path.cmp(&b.path));
        current
    }
}

impl Kept {
    fn look(&mut self, path: &Path, notices: &mut Notices) -> bool {
        let seen = FileStamp::of(path);
        if self.judged == Some(seen) {
            self.settling = None;
            return false;
        }
        if self.settling != Some(seen) {
            self.settling = Some(seen);
            return false;
        }
        let before = self.pem.clone();
        self.judge(path, seen, notices);
        let changed = self.pem != before;
        if changed {
            notices.push(format!(
                "Those who issue certificates to visitors were taken up anew from {}.",
                path.display()
            ));
        }
        changed
    }

    fn judge(&mut self, path: &Path, seen: FileStamp, notices: &mut Notices) {
        self.judged = Some(seen);
        match load(path) {
            Ok(pem) => (self.pem, self.trouble) = (Some(pem), None),
            Err(error) => {
                let instead = match self.pem {
                    Some(_) => "what it said before stays in use",
                    None => "nobody gets to its sites until it can",
                };
                let trouble = format!(
                    "The `client_ca` {} can't be used: {}; {instead}.",
                    path.display(),
                    Chain(&error)
                );
                if self.trouble.as_ref() != Some(&trouble) {
                    notices.push(trouble.clone());
                    self.trouble = Some(trouble);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
