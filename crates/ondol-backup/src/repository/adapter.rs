//! A target as rustic_core sees it.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use bytes::Bytes;
use rustic_core::BytesList;
use rustic_core::ErrorKind;
use rustic_core::FileType;
use rustic_core::Id;
use rustic_core::ReadBackend;
use rustic_core::RusticError;
use rustic_core::RusticResult;
use rustic_core::WriteBackend;

use crate::repository::seal::hash;
use crate::target::Folder;
use crate::target::Object;
use crate::target::Target;
use crate::target::TargetError;
use crate::target::Trouble;

/// A target as rustic_core sees it. What it could not do is remembered: some of the library's own errors don't say
/// what they came from, and some it keeps to itself.
pub(super) struct Adapter {
    target: Arc<dyn Target>,
    /// The configuration, which never changes: it is asked for often.
    config: OnceLock<Bytes>,
    /// The first trouble that was met.
    heard: Mutex<Option<TargetError>>,
    /// The trouble that ends all writing: whoever writes on is told the same at once, and does not wait again.
    lost: OnceLock<TargetError>,
}

impl Adapter {
    pub(super) fn new(target: Arc<dyn Target>) -> Self {
        Self {
            target,
            config: OnceLock::new(),
            heard: Mutex::new(None),
            lost: OnceLock::new(),
        }
    }

    /// The first trouble since this was asked last.
    pub(super) fn take_heard(&self) -> Option<TargetError> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.take()
    }

    /// The trouble that ended all writing.
    pub(super) fn lost(&self) -> Option<&TargetError> {
        self.lost.get()
    }

    /// The configuration is known, and is not read again.
    pub(super) fn know_config(&self, config: Bytes) {
        let _ = self.config.set(config);
    }

    fn error(&self, error: TargetError) -> Box<RusticError> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get_or_insert_with(|| error.clone());
        RusticError::with_source(ErrorKind::Backend, error.what.clone(), error)
    }
}

/// The object of a type and an id.
fn object(tpe: FileType, id: &Id) -> Object {
    let folder = match tpe {
        FileType::Config => return Object::Config,
        FileType::Index => Folder::Index,
        FileType::Key => Folder::Keys,
        FileType::Snapshot => Folder::Snapshots,
        FileType::Pack => Folder::Data,
    };
    Object::In(folder, id.to_hex().as_str().to_owned())
}

/// A whole object, found to be the one of its name.
pub(crate) fn read_whole(target: &dyn Target, object: &Object) -> Result<Bytes, TargetError> {
    let content = target.read(object)?;
    if let Object::In(_, id) = object
        && super::seal::hex(&hash(&content)) != *id
    {
        let what = format!("`{}` is damaged", object.path());
        return Err(TargetError::new(Trouble::Wrong, what));
    }
    Ok(content)
}

impl ReadBackend for Adapter {
    fn location(&self) -> String {
        self.target.place()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let folder = match object(tpe, &Id::default()) {
            Object::In(folder, _) => folder,
            Object::Config => {
                return match self.read_full(tpe, &Id::default()) {
                    Ok(config) => Ok(vec![(Id::default(), size_of(&config))]),
                    Err(_) if self.has_no_config() => Ok(Vec::new()),
                    Err(error) => Err(error),
                };
            }
        };
        let listed = self
            .target
            .list(folder)
            .map_err(|error| self.error(error))?;
        let known = listed.into_iter().map(|(id, size)| {
            let size = u32::try_from(size).map_err(|_| {
                let what = format!("`{}/{id}` is larger than any that can be", folder.word());
                self.error(TargetError::new(Trouble::Wrong, what))
            });
            Ok((Id::from_str(&id)?, size?))
        });
        known.collect()
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        let object = object(tpe, id);
        if object != Object::Config {
            return read_whole(&*self.target, &object).map_err(|error| self.error(error));
        }
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let config = self
            .target
            .read(&object)
            .map_err(|error| self.error(error))?;
        Ok(self.config.get_or_init(|| config).clone())
    }

    fn read_partial(
        &self,
        tpe: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let object = object(tpe, id);
        let read = self
            .target
            .read_range(&object, offset.into(), length.into());
        read.map_err(|error| self.error(error))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        object(tpe, id).path()
    }
}

impl WriteBackend for Adapter {
    fn create(&self) -> RusticResult<()> {
        self.target.create().map_err(|error| self.error(error))
    }

    fn write_bytes(
        &self,
        tpe: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        if let Some(lost) = self.lost.get() {
            return Err(self.error(lost.clone()));
        }
        let written = self.target.write(&object(tpe, id), content.slice());
        written.map_err(|error| self.error(self.lost.get_or_init(|| error).clone()))
    }

    fn remove(&self, tpe: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let removed = self.target.remove(&object(tpe, id));
        removed.map_err(|error| self.error(error))
    }
}

impl Adapter {
    /// Whether the last thing that was heard is that there is no configuration; then it was no trouble.
    fn has_no_config(&self) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_missing = heard
            .as_ref()
            .is_some_and(|error| error.trouble == Trouble::Missing);
        if is_missing {
            *heard = None;
        }
        is_missing
    }
}

fn size_of(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Adapter").field(&self.target).finish()
    }
}
