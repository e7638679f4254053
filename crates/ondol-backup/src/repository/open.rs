//! Opening a repository, and making one.

use std::sync::Arc;

use bytes::Bytes;
use rustic_core::ConfigOptions;
use rustic_core::Credentials;
use rustic_core::KeyOptions;
use rustic_core::ProgressBars;
use rustic_core::RepositoryBackends;
use rustic_core::RepositoryOptions;
use rustic_core::RusticResult;
use rustic_core::repofile::ConfigFile;
use rustic_core::repofile::KeyFile;
use rustic_core::repofile::MasterKey;

use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::repository::Repository;
use crate::repository::adapter::Adapter;
use crate::repository::adapter::read_whole;
use crate::repository::claim::copy_of_config;
use crate::repository::seal::Seal;
use crate::repository::trouble::of_library;
use crate::repository::trouble::of_target;
use crate::repository::trouble::wrong_password;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::TargetError;
use crate::target::Trouble;

/// Packs of files; a restore holds whole ones in memory.
const PACK: &str = "16MiB";
/// They grow with the repository up to this.
const PACK_MAX: &str = "32MiB";
/// Packs of folders; they are read often, and in small parts.
const TREE_PACK: &str = "4MiB";
/// They grow up to this.
const TREE_PACK_MAX: &str = "16MiB";
/// zstd's own default: stronger levels cost much time for little.
const COMPRESSION: i32 = 3;

impl Repository {
    /// Opens the one that is there; when it has another id than expected, it is not the one that was used before.
    pub(crate) fn open(
        target: Arc<dyn Target>,
        password: &str,
        expected: Option<&str>,
    ) -> Result<Self, Failure> {
        let place = target.place();
        let failed = |error: &TargetError| of_target(&place, error);
        let sealed = match target.read(&Object::Config) {
            Ok(sealed) => sealed,
            // Without its configuration there may still be all else.
            Err(error) if error.trouble == Trouble::Missing => Bytes::new(),
            Err(error) => return Err(failed(&error)),
        };
        let opened = match opened(&*target, password, &sealed) {
            Err(_) if sealed.is_empty() => return Err(none(&place)),
            opened => opened?,
        };
        if let Some(expected) = expected.filter(|expected| *expected != opened.id) {
            return Err(another(&place, expected, &opened.id));
        }
        let adapter = Adapter::new(Arc::clone(&target));
        adapter.know_config(opened.copy.clone().unwrap_or(sealed));
        Ok(Self::of(target, Arc::new(adapter), opened))
    }

    /// Makes one where there is none.
    pub(crate) fn create(target: Arc<dyn Target>, password: &str) -> Result<Self, Failure> {
        let place = target.place();
        let adapter = Arc::new(Adapter::new(Arc::clone(&target)));
        let made = make(Arc::clone(&adapter), password);
        made.map_err(|error| of_library(&place, &error, adapter.take_heard()))?;
        Self::open(target, password, None)
    }

    /// The repository as the library has it; that reads its configuration, and nothing else.
    pub(crate) fn library(
        &self,
        progress: impl ProgressBars,
    ) -> Result<rustic_core::Repository<rustic_core::OpenStatus>, Failure> {
        let backends = RepositoryBackends::new(Arc::clone(&self.adapter) as _, None);
        let credentials = Credentials::Masterkey(self.master.clone());
        rustic_core::Repository::new_with_progress(&options(), &backends, progress)
            .and_then(|repository| repository.open(&credentials))
            .map_err(|error| self.failure(&error))
    }

    /// What the library could not do.
    pub(crate) fn failure(&self, error: &rustic_core::RusticError) -> Failure {
        of_library(&self.place(), error, self.adapter.take_heard())
    }
}

/// Makes a repository. It has two keys of the same password: without any nothing can be read, so one may be damaged.
fn make(adapter: Arc<Adapter>, password: &str) -> RusticResult<()> {
    let mut config = ConfigOptions::default();
    config.set_version = Some(2);
    config.set_compression = Some(COMPRESSION);
    config.set_datapack_size = PACK.parse().ok();
    config.set_datapack_size_limit = PACK_MAX.parse().ok();
    config.set_treepack_size = TREE_PACK.parse().ok();
    config.set_treepack_size_limit = TREE_PACK_MAX.parse().ok();
    config.set_extra_verify = Some(true);
    let key = KeyOptions::default();
    let backends = RepositoryBackends::new(adapter, None);
    let repository = rustic_core::Repository::new(&options(), &backends)?;
    let repository = repository.init(&Credentials::password(password), &key, &config)?;
    repository.add_key(password, &key)?;
    Ok(())
}

fn options() -> RepositoryOptions {
    RepositoryOptions::default().no_cache(true)
}

/// What opens a repository.
pub(super) struct Opened {
    pub(super) master: MasterKey,
    pub(super) seal: Seal,
    pub(super) id: String,
    /// The text of its configuration.
    pub(super) config: String,
    /// The configuration to write, when the stored one is damaged.
    pub(super) copy: Option<Bytes>,
}

/// The key that a password opens, and the configuration that it opens. A damaged key is no reason to fail as long as
/// there is another, and one that was left by a repository that was never finished opens no configuration. For one that
/// is damaged stands the copy in a claim.
fn opened(target: &dyn Target, password: &str, sealed: &[u8]) -> Result<Opened, Failure> {
    let place = target.place();
    let listed = target.list(Folder::Keys);
    let ids = listed.map_err(|error| of_target(&place, &error))?;
    let mut fault = None;
    for (id, _) in ids {
        let object = Object::In(Folder::Keys, id);
        let file = match read_whole(target, &object) {
            Ok(content) => serde_json::from_slice::<KeyFile>(&content).ok(),
            Err(error) if error.trouble == Trouble::Wrong => None,
            Err(error) => return Err(of_target(&place, &error)),
        };
        let Some(file) = file else {
            fault.get_or_insert_with(|| object.path());
            continue;
        };
        let Ok(key) = file.key_from_password(&password) else {
            continue;
        };
        let mut master = MasterKey::new();
        (master.encrypt, master.mac.k, master.mac.r) = key.to_keys();
        let Some(seal) = Seal::of(&master) else {
            continue;
        };
        let stored = seal.open_file(sealed).and_then(|text| parsed(&text));
        if let Some((id, config)) = stored {
            return Ok(Opened {
                master,
                seal,
                id,
                config,
                copy: None,
            });
        }
        fault = Some(Object::Config.path());
        let copy = copy_of_config(target, &seal).map_err(|error| of_target(&place, &error))?;
        let known = copy.and_then(|text| parsed(text.as_bytes()));
        if let Some((id, config)) = known {
            let copy = seal.close(config.as_bytes()).map(Bytes::from);
            return Ok(Opened {
                master,
                seal,
                id,
                config,
                copy,
            });
        }
    }
    Err(match fault {
        Some(fault) => shut(&place, &fault),
        None => wrong_password(&place),
    })
}

/// The id in a configuration, and its text.
fn parsed(text: &[u8]) -> Option<(String, String)> {
    let config: ConfigFile = serde_json::from_slice(text).ok()?;
    let text = String::from_utf8(text.to_vec()).ok()?;
    Some((config.id.to_hex().as_str().to_owned(), text))
}

/// Nothing can be read any more.
fn shut(place: &str, object: &str) -> Failure {
    Failure::new(
        FailureKind::Damaged,
        format!(
            "Nothing at {place} can be read, because `{object}` is damaged and nothing there can stand for it. The \
             backups themselves may be whole: nothing was changed. Put that one file back as it was (from an older \
             version of it in the bucket, a snapshot of the disk, or another copy of this folder), and all can be read \
             again. Other targets are not concerned. To begin anew, give this target another folder or prefix."
        ),
    )
}

fn none(place: &str) -> Failure {
    Failure::new(
        FailureKind::NoRepository,
        format!("There are no backups at {place}: no repository is there. Nothing was written."),
    )
}

fn another(place: &str, expected: &str, id: &str) -> Failure {
    let short = |id: &str| id.get(..8).unwrap_or(id).to_owned();
    Failure::new(
        FailureKind::Foreign,
        format!(
            "At {place} is another repository than the one that was used before ({} instead of {}). It was not \
             touched. If it is the right one, give the target another `name` in `[backup]`.",
            short(id),
            short(expected)
        ),
    )
}
