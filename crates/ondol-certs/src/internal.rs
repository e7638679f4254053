//! Ondol's own CA: a root kept on disk, and a leaf for each site that no other certificate covers.
//!
//! Blocks on the disk, so it belongs off the runtime. It must not know plans or sites: it is asked
//! for names. A leaf can be made again at any time, so leaves are written without waiting for the
//! disk, and apart from being made (a thousand take seconds to write on a slow disk, and a tenth of
//! that to make); the root, which people import, is written durably.

use std::fmt::Write as _;
use std::fs;
use std::fs::DirBuilder;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::chain::Chain;
use ondol_base::file;
use ondol_model::HostPattern;
use ondol_model::certificate::Validity;
use ondol_model::plan::CertificateFiles;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;

use crate::entry::KeyPair;
use crate::facts::Facts;
use crate::facts::is_issued_by;
use crate::files;
use crate::files::Pair;

/// A root is imported by hand on every device, so it lasts long.
const ROOT_LIFETIME: i64 = 3650 * DAY;
/// A root with less than this left is replaced, so that no leaf outlives it.
const ROOT_REMAINING_MIN: i64 = 180 * DAY;
/// The lifetime of a leaf.
const LEAF_LIFETIME: i64 = 90 * DAY;
/// Certificates begin this long ago, for devices whose clocks are behind.
const CLOCK_TOLERANCE: i64 = 3600;
/// The longest common name in characters (RFC 5280, `ub-common-name`).
const COMMON_NAME_MAX: usize = 64;
const DAY: i64 = 24 * 3600;

/// Ondol's own CA.
pub(crate) struct InternalCa {
    folder: PathBuf,
    root: Root,
}

struct Root {
    chain_pem: Arc<str>,
    der: CertificateDer<'static>,
    facts: Facts,
    issuer: Issuer<'static, rcgen::KeyPair>,
}

/// A certificate of Ondol's own CA.
#[derive(Debug)]
pub(crate) enum Leaf {
    /// It was on disk and is good.
    Kept(Pair),
    /// It is new, and only in memory; see [`InternalCa::keep`].
    Made(Pair),
}

/// What the owner should hear of, in sentences.
pub(crate) type Notices = Vec<String>;

/// Why Ondol's own CA cannot issue.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The cryptographic library refused to make a key.
    #[error("cannot make a key")]
    Key(#[source] rcgen::Error),
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[source] rcgen::Error),
    /// What was made, or kept, cannot be read.
    #[error("cannot read a certificate of Ondol's own CA")]
    Read(#[source] files::TextError),
    /// What was kept is no CA.
    #[error("cannot issue with the root of Ondol's own CA")]
    Root(#[source] rcgen::Error),
    /// The time is outside what certificates can say.
    #[error("the machine's clock is at an impossible time")]
    Clock(#[source] time::error::ComponentRange),
}

impl InternalCa {
    /// Opens the CA kept in this folder, or makes one. A root that cannot be used is set aside, not
    /// removed; a root that cannot be written still issues until the program ends.
    pub(crate) fn open(
        folder: &Path,
        box_name: &str,
        now: i64,
    ) -> Result<(Self, Notices), IssueError> {
        let mut notices = Notices::new();
        let root = match kept_root(folder, now) {
            KeptRoot::Good(root) => *root,
            KeptRoot::None => make_root(folder, box_name, now, &mut notices)?,
            KeptRoot::Unusable(reason) => {
                set_aside(folder, &reason, now, &mut notices);
                make_root(folder, box_name, now, &mut notices)?
            }
        };
        let folder = folder.to_owned();
        Ok((Self { folder, root }, notices))
    }

    /// The root's certificate in PEM, for import into browsers and systems.
    pub(crate) fn root_pem(&self) -> Arc<str> {
        Arc::clone(&self.root.chain_pem)
    }

    /// Whether the root should be replaced by opening the CA again.
    pub(crate) fn is_ending(&self, now: i64) -> bool {
        is_ending(self.root.facts.validity, now)
    }

    /// A certificate for these names: the kept one while it is good, else a new one. The first name
    /// says where it is kept.
    pub(crate) fn leaf(&self, names: &[HostPattern], now: i64) -> Result<Leaf, IssueError> {
        match files::load(&pair_files(&self.leaf_folder(names))) {
            Ok((pair, _)) if self.is_usable(&pair, names, now) => Ok(Leaf::Kept(pair)),
            // What is kept can always be replaced, so why it cannot be used does not matter.
            Ok(_) | Err(_) => self.make_leaf(names, now).map(Leaf::Made),
        }
    }

    /// Writes the certificate of these names to disk. Without it another is made at the next start.
    pub(crate) fn keep(&self, names: &[HostPattern], pair: &KeyPair) -> io::Result<()> {
        write_leaf(&self.leaf_folder(names), pair)
    }

    /// Whether a certificate of this CA needs no replacement yet.
    pub(crate) fn is_fresh(&self, validity: Validity, now: i64) -> bool {
        // Before the root's own beginning the machine's clock is behind, and then the certificate
        // that visitors accept is the kept one.
        let begun = validity.not_before <= self.time(now);
        begun && now < validity.renew_at()
    }

    fn is_usable(&self, pair: &Pair, names: &[HostPattern], now: i64) -> bool {
        let mut kept = pair.facts.names.clone();
        let mut wanted = names.to_vec();
        kept.sort_unstable();
        wanted.sort_unstable();
        kept == wanted
            && self.is_fresh(pair.facts.validity, now)
            && CertificateDer::from_pem_slice(pair.pem.chain_pem.as_bytes())
                .is_ok_and(|der| is_issued_by(&der, &self.root.der))
    }

    fn leaf_folder(&self, names: &[HostPattern]) -> PathBuf {
        self.folder.join(folder_name(names))
    }

    fn make_leaf(&self, names: &[HostPattern], now: i64) -> Result<Pair, IssueError> {
        let key = rcgen::KeyPair::generate().map_err(IssueError::Key)?;
        let root = self.root.facts.validity;
        let from = self.time(now);
        let validity = Validity {
            not_before: (from - CLOCK_TOLERANCE).max(root.not_before),
            not_after: (from + LEAF_LIFETIME).min(root.not_after),
        };
        let certificate = leaf_params(names, validity)?
            .signed_by(&key, &self.root.issuer)
            .map_err(IssueError::Certificate)?;
        files::parse(&certificate.pem(), &key.serialize_pem()).map_err(IssueError::Read)
    }

    fn time(&self, now: i64) -> i64 {
        now.max(self.root.facts.validity.not_before)
    }
}

impl std::fmt::Debug for InternalCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { folder, root } = self;
        f.debug_struct("InternalCa")
            .field("folder", folder)
            .field("root", &root.facts)
            .finish()
    }
}

enum KeptRoot {
    Good(Box<Root>),
    None,
    Unusable(String),
}

fn kept_root(folder: &Path, now: i64) -> KeptRoot {
    let files = pair_files(&root_folder(folder));
    if !exists(&files.chain) && !exists(&files.key) {
        return KeptRoot::None;
    }
    let pair = match files::load(&files) {
        Ok((pair, _)) => pair,
        Err(error) => return KeptRoot::Unusable(Chain(&error).to_string()),
    };
    if is_ending(pair.facts.validity, now) {
        return KeptRoot::Unusable("it ends soon".to_owned());
    }
    match root(pair) {
        Ok(root) => KeptRoot::Good(Box::new(root)),
        Err(error) => KeptRoot::Unusable(Chain(&error).to_string()),
    }
}

fn make_root(
    folder: &Path,
    box_name: &str,
    now: i64,
    notices: &mut Notices,
) -> Result<Root, IssueError> {
    let key = rcgen::KeyPair::generate().map_err(IssueError::Key)?;
    let certificate = root_params(box_name, &key, now)?
        .self_signed(&key)
        .map_err(IssueError::Certificate)?;
    let pair = files::parse(&certificate.pem(), &key.serialize_pem()).map_err(IssueError::Read)?;
    let root_folder = root_folder(folder);
    match write_root(&root_folder, &pair.pem) {
        Ok(()) => notices.push(format!(
            "Ondol made a CA of its own: {}. Browsers accept its certificates once its root is imported: `ondol certs root` prints it.",
            pair.facts.issuer
        )),
        Err(error) => notices.push(format!(
            "The root of Ondol's own CA could not be kept in {}: {error}. It is used, and another is made at the next start, so do not import it before this is mended.",
            root_folder.display(),
        )),
    }
    root(pair)
}

fn root(pair: Pair) -> Result<Root, IssueError> {
    let Pair {
        pem,
        facts,
        order: _,
    } = pair;
    let KeyPair { chain_pem, key_pem } = pem;
    let no_certificate = |_| IssueError::Read(files::TextError::NoCertificate);
    let der = CertificateDer::from_pem_slice(chain_pem.as_bytes()).map_err(no_certificate)?;
    let key = rcgen::KeyPair::from_pem(&key_pem).map_err(IssueError::Root)?;
    let issuer = Issuer::from_ca_cert_der(&der, key).map_err(IssueError::Root)?;
    Ok(Root {
        chain_pem,
        der,
        facts,
        issuer,
    })
}

fn root_params(
    box_name: &str,
    key: &rcgen::KeyPair,
    now: i64,
) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    let mut short_id = String::new();
    for byte in params.key_identifier(key).iter().take(3) {
        let _infallible = write!(short_id, "{byte:02x}");
    }
    let room = COMMON_NAME_MAX - "Ondol  ".len() - short_id.len();
    let box_name: String = box_name.chars().take(room).collect();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("Ondol {box_name} {short_id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = moment(now - CLOCK_TOLERANCE)?;
    params.not_after = moment(now + ROOT_LIFETIME)?;
    Ok(params)
}

fn leaf_params(names: &[HostPattern], validity: Validity) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let common_name = names.first().map(ToString::to_string).unwrap_or_default();
    if common_name.len() <= COMMON_NAME_MAX {
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
    }
    for name in names {
        params
            .subject_alt_names
            .push(match name.exact().and_then(|host| host.ip()) {
                Some(address) => SanType::IpAddress(address),
                None => {
                    let text = name.to_string().try_into();
                    SanType::DnsName(text.map_err(IssueError::Certificate)?)
                }
            });
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = moment(validity.not_before)?;
    params.not_after = moment(validity.not_after)?;
    Ok(params)
}

fn moment(seconds: i64) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(IssueError::Clock)
}

fn is_ending(root: Validity, now: i64) -> bool {
    now > root.not_after - ROOT_REMAINING_MIN
}

fn root_folder(folder: &Path) -> PathBuf {
    folder.join("root")
}

/// Where the leaf of these names is kept. Neither `@` nor a dot at the end is in any host name, so
/// two sites never share a folder and none gets the root's.
pub(crate) fn folder_name(names: &[HostPattern]) -> String {
    match names.first() {
        None => "none@".to_owned(),
        Some(HostPattern::Wildcard(domain)) => format!("wildcard@{domain}"),
        Some(HostPattern::Exact(host)) if host.as_str() == "root" => "root.".to_owned(),
        Some(HostPattern::Exact(host)) => host.as_str().replace(['[', ']'], "").replace(':', "_"),
    }
}

fn pair_files(folder: &Path) -> CertificateFiles {
    CertificateFiles {
        chain: folder.join("chain.pem"),
        key: folder.join("key.pem"),
    }
}

/// Whether there is something, readable or not.
fn exists(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    }
}

fn set_aside(folder: &Path, reason: &str, now: i64, notices: &mut Notices) {
    let kept = root_folder(folder);
    let aside = folder.join(format!("root.replaced-{now}"));
    let outcome = match fs::rename(&kept, &aside) {
        Ok(()) => format!("it was set aside as {}", aside.display()),
        Err(error) => format!("it could not be set aside either ({error})"),
    };
    notices.push(format!(
        "The root of Ondol's own CA in {} is replaced by a new one: {reason}; {outcome}. Devices that trusted the old root need the new one: `ondol certs root`.",
        kept.display(),
    ));
}

fn write_root(folder: &Path, pair: &KeyPair) -> io::Result<()> {
    file::create_dir_private(folder)?;
    let files = pair_files(folder);
    file::replace(&files.key, pair.key_pem.as_bytes(), 0o600)?;
    file::replace(&files.chain, pair.chain_pem.as_bytes(), 0o600)
}

fn write_leaf(folder: &Path, pair: &KeyPair) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let files = pair_files(folder);
    replace_without_sync(&files.key, pair.key_pem.as_bytes())?;
    replace_without_sync(&files.chain, pair.chain_pem.as_bytes())
}

/// Like [`ondol_base::file::replace`], but what a power cut loses is made again at the next start.
fn replace_without_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("pem.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&new)?.write_all(bytes)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;
