//! A folder of another machine as a target, by `ssh` and SFTP. An object is written by another name, synced, renamed,
//! and its folder is synced where the server can do that, as OpenSSH's can.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use bytes::Bytes;
use ondol_base::clock;

use super::Folder;
use super::Object;
use super::Pace;
use super::Pacing;
use super::Target;
use super::TargetError;
use super::Trouble;
use super::is_id;
use crate::access::StorageAccess;
use files::remove;
use pool::Pool;
use session::Fault;
use session::Session;
use ssh::Reach;
use wire::Name;

mod complaint;
mod files;
mod pool;
mod session;
mod ssh;
mod wire;

/// What is in the name of an object that is not whole yet, as restic has it.
const TEMPORARY: &str = "-tmp-";
/// So old is what nobody writes any more, in seconds.
const LEFT_BEHIND_AFTER: i64 = 24 * 60 * 60;
/// As many of those are remembered.
const LEFT_BEHIND_MAX: usize = 1_000;

/// A folder of another machine.
#[derive(Debug)]
struct Sftp {
    path: String,
    pool: Pool,
    pace: OnceLock<Arc<Pace>>,
    /// Files that jobs left half written, found while folders were listed; removed with the next write.
    left_behind: Mutex<Vec<String>>,
}

/// The folder; nothing is asked yet.
pub(super) fn open(access: &StorageAccess) -> Result<Arc<dyn Target>, TargetError> {
    Ok(Arc::new(sftp("ssh", access)?))
}

fn sftp(program: &str, access: &StorageAccess) -> Result<Sftp, TargetError> {
    let StorageAccess::Sftp {
        user,
        host,
        port,
        path,
        identity,
    } = access
    else {
        let what = "it is no folder of another machine";
        return Err(TargetError::new(Trouble::Other, what));
    };
    let reach = Reach {
        program: program.into(),
        user: user.clone(),
        host: host.clone(),
        port: *port,
        identity: identity.clone(),
    };
    Ok(Sftp {
        path: folder(path),
        pool: Pool::new(reach),
        pace: OnceLock::new(),
        left_behind: Mutex::default(),
    })
}

/// A path as the server takes it: it knows no `~`, and what does not begin with a slash is in the user's folder.
fn folder(path: &str) -> String {
    let path = path.strip_prefix("~/").unwrap_or(path);
    match path.trim_end_matches('/') {
        "" if path.starts_with('/') => "/".to_owned(),
        "" | "~" => ".".to_owned(),
        path => path.to_owned(),
    }
}

impl Target for Sftp {
    fn place(&self) -> String {
        let Reach {
            program: _,
            user,
            host,
            port,
            identity: _,
        } = &self.pool.reach;
        let user = user.as_ref().map(|user| format!("{user}@"));
        let port = port.map(|port| format!(":{port}"));
        format!(
            "{}{host}{} in {}",
            user.unwrap_or_default(),
            port.unwrap_or_default(),
            self.path
        )
    }

    fn create(&self) -> Result<(), TargetError> {
        let word = |folder: Folder| self.below(folder.word());
        let folders = Folder::ALL.map(word);
        let starts = (0..=u8::MAX).map(|start| format!("{}/{start:02x}", word(Folder::Data)));
        let starts: Vec<_> = starts.collect();
        self.call("make the folders of a repository", |session| {
            session.make_folder(&self.path)?;
            session.make_folders(&folders)?;
            session.make_folders(&starts)?;
            session.sync_folder(&word(Folder::Data))?;
            session.sync_folder(&self.path)
        })
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        let action = format!("list the folder `{}`", folder.word());
        self.call(&action, |session| match self.list_by(session, folder) {
            // Copies of a repository may lack its empty folders; where there is none, nothing is empty.
            Err(fault) if fault.is_missing() => {
                session.stat(&self.below("config"))?;
                Ok(Vec::new())
            }
            listed => listed,
        })
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        let path = self.below(&object.path());
        self.call(&format!("read {}", object.path()), |session| {
            session.read_file(&path, self.pace())
        })
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        let path = self.below(&object.path());
        self.call(&format!("read {}", object.path()), |session| {
            session.read_file_range(&path, offset, length, self.pace())
        })
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        let path = self.below(&object.path());
        self.call(&format!("write {}", object.path()), |session| {
            self.sweep(session)?;
            let temporary = temporary_name(&path);
            match session.write_file(&path, &temporary, content, self.pace()) {
                Err(fault) if fault.is_missing() => {
                    self.make_folders_for(session, object)?;
                    session.write_file(&path, &temporary, content, self.pace())
                }
                written => written,
            }
        })
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        let path = self.below(&object.path());
        self.call(&format!("remove {}", object.path()), |session| {
            session.remove_file(&path)?;
            // An index that came back after its packs are gone would name packs that aren't there.
            match object {
                Object::In(folder @ (Folder::Index | Folder::Snapshots), _) => {
                    session.sync_folder(&self.below(folder.word()))
                }
                Object::In(Folder::Data | Folder::Locks | Folder::Keys, _) | Object::Config => {
                    Ok(())
                }
            }
        })
    }

    fn pace(&self, pace: &Arc<Pace>) -> Pacing {
        // The first one counts: a job has one.
        let _ = self.pace.set(Arc::clone(pace));
        Pacing::ByPiece
    }
}

impl Sftp {
    fn below(&self, path: &str) -> String {
        match &*self.path {
            "/" => format!("/{path}"),
            folder => format!("{folder}/{path}"),
        }
    }

    fn pace(&self) -> Option<&Pace> {
        self.pace.get().map(|pace| &**pace)
    }

    /// Does something, and names the place in its error.
    fn call<T>(
        &self,
        action: &str,
        call: impl Fn(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, TargetError> {
        self.pool.with(call).map_err(|fault| match fault {
            Fault::Broken(error) => error,
            Fault::Status { .. } => fault.explain(&format!("{action} on {}", self.place())),
            Fault::Wrong(error) => TargetError::new(
                error.trouble,
                format!("could not {action} on {}: {error}", self.place()),
            ),
        })
    }

    fn list_by(&self, session: &mut Session, folder: Folder) -> Result<Vec<(String, u64)>, Fault> {
        let path = self.below(folder.word());
        let mut folders = vec![(path.clone(), String::new())];
        if folder == Folder::Data {
            let names = session.list_folders(std::slice::from_ref(&path))?;
            let starts = names.into_iter().flatten().filter(is_start);
            folders = starts
                .map(|start| (format!("{path}/{}", start.name), start.name))
                .collect();
        }
        let paths: Vec<_> = folders.iter().map(|(path, _)| path.clone()).collect();
        let mut objects = Vec::new();
        for ((path, start), names) in folders.iter().zip(session.list_folders(&paths)?) {
            for Name { name, is } in names {
                if name.contains(TEMPORARY) {
                    self.found_behind(format!("{path}/{name}"), is.modified_at);
                }
                if !is_id(&name) || !name.starts_with(start) || !is.is_file() {
                    continue;
                }
                let Some(bytes) = is.bytes else {
                    return Err(Fault::wrong("the server does not tell sizes"));
                };
                objects.push((name, bytes));
            }
        }
        Ok(objects)
    }

    fn make_folders_for(&self, session: &mut Session, object: &Object) -> Result<(), Fault> {
        let path = self.below(&object.path());
        let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        session.make_folder(folder)
    }

    fn found_behind(&self, path: String, modified_at: Option<u32>) {
        let is_old =
            modified_at.is_some_and(|at| i64::from(at) < clock::unix_seconds() - LEFT_BEHIND_AFTER);
        let mut left_behind = self
            .left_behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if is_old && left_behind.len() < LEFT_BEHIND_MAX {
            left_behind.push(path);
        }
    }

    /// Removes what jobs left half written: the job that writes may do that.
    fn sweep(&self, session: &mut Session) -> Result<(), Fault> {
        let mut left_behind = self
            .left_behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let paths = std::mem::take(&mut *left_behind);
        drop(left_behind);
        paths
            .iter()
            .try_for_each(|path| session.tell(&remove(path)))
    }
}

/// Whether a name is that of a folder of packs.
fn is_start(name: &Name) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_hexdigit();
    name.name.len() == 2 && name.name.bytes().all(is_hex) && name.is.is_folder()
}

/// A name that no other writer has, of this machine or another.
fn temporary_name(path: &str) -> String {
    let chance = RandomState::new().build_hasher().finish();
    format!("{path}{TEMPORARY}{chance:016x}")
}

#[cfg(test)]
pub(crate) mod tests;
