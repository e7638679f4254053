//! What a snapshot says of a file besides its content, as restic and rustic_core write it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;
use nix::unistd::Gid;
use nix::unistd::Group;
use nix::unistd::Uid;
use nix::unistd::User;
use ondol_model::base64;
use rustic_core::repofile::Metadata as Known;
use rustic_core::repofile::Node;
use rustic_core::repofile::NodeType;
use rustix::io::Errno;
use serde_json::Value;
use serde_json::json;

/// Where the kinds of files and the special bits are in the modes of restic, which are Go's.
const GO_DIR: u32 = 1 << 31;
const GO_SYMLINK: u32 = 1 << 27;
const GO_SETUID: u32 = 1 << 23;
const GO_SETGID: u32 = 1 << 22;
const GO_STICKY: u32 = 1 << 20;

/// The names of users and groups, each asked for once.
#[derive(Debug, Default)]
pub(super) struct Names {
    users: HashMap<u32, Option<String>>,
    groups: HashMap<u32, Option<String>>,
}

impl Names {
    fn user(&mut self, id: u32) -> Option<String> {
        let find = || User::from_uid(Uid::from_raw(id)).ok().flatten();
        let name = self.users.entry(id);
        name.or_insert_with(|| find().map(|it| it.name)).clone()
    }

    fn group(&mut self, id: u32) -> Option<String> {
        let find = || Group::from_gid(Gid::from_raw(id)).ok().flatten();
        let name = self.groups.entry(id);
        name.or_insert_with(|| find().map(|it| it.name)).clone()
    }
}

/// What is said of a folder, a link or a file of this machine.
pub(super) fn of_file(path: &Path, meta: &Metadata, names: &mut Names) -> io::Result<Node> {
    let name = path.file_name().unwrap_or_default();
    let kind = if meta.is_dir() {
        NodeType::Dir
    } else if meta.is_symlink() {
        NodeType::from_link(&std::fs::read_link(path)?)
    } else {
        NodeType::File
    };
    let mut known = known(meta, names);
    let attributes = attributes(path)?;
    if !attributes.is_empty() {
        // The library names the type of these nowhere, but it reads them.
        known.extended_attributes = serde_json::from_value(Value::Array(attributes))?;
    }
    Ok(Node::new_node(name, kind, known))
}

/// What is said of a file that is none of this machine. Its time must be one that no other of this name has: what seems
/// unchanged is not read.
pub(super) fn of_other(name: &OsStr, size: u64, time: Timestamp) -> Node {
    let known = Known {
        mode: Some(0o600),
        mtime: Some(time),
        atime: Some(time),
        ctime: Some(time),
        uid: Some(0),
        gid: Some(0),
        size,
        links: 1,
        ..Known::default()
    };
    Node::new_node(name, NodeType::File, known)
}

/// The time when a file was written, as nodes have it.
pub(super) fn written(meta: &Metadata) -> Option<Timestamp> {
    time(meta.mtime(), meta.mtime_nsec())
}

/// The time when anything of a file changed.
pub(super) fn changed(meta: &Metadata) -> Option<Timestamp> {
    time(meta.ctime(), meta.ctime_nsec())
}

fn time(seconds: i64, nanoseconds: i64) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(nanoseconds).ok()?;
    Timestamp::new(seconds, nanoseconds).ok()
}

fn known(meta: &Metadata, names: &mut Names) -> Known {
    let is_dir = meta.is_dir();
    let links = if is_dir { 0 } else { meta.nlink() };
    Known {
        mode: Some(go_mode(meta)),
        mtime: written(meta),
        // That of a read would change with each backup.
        atime: written(meta),
        ctime: changed(meta),
        uid: Some(meta.uid()),
        gid: Some(meta.gid()),
        user: names.user(meta.uid()),
        group: names.group(meta.gid()),
        inode: meta.ino(),
        // Only hard links need it, and it changes from boot to boot.
        device_id: if links > 1 { meta.dev() } else { 0 },
        size: if is_dir { 0 } else { meta.len() },
        links,
        extended_attributes: Vec::new(),
    }
}

fn go_mode(meta: &Metadata) -> u32 {
    let mode = meta.mode();
    let mut go = mode & 0o777;
    let bits = [
        (meta.is_dir(), GO_DIR),
        (meta.is_symlink(), GO_SYMLINK),
        (mode & 0o4000 != 0, GO_SETUID),
        (mode & 0o2000 != 0, GO_SETGID),
        (mode & 0o1000 != 0, GO_STICKY),
    ];
    for (_, bit) in bits.iter().filter(|(is_set, _)| *is_set) {
        go |= bit;
    }
    go
}

/// Access lists and other attributes, each with its name; none on file systems without them.
fn attributes(path: &Path) -> io::Result<Vec<Value>> {
    let list = whole(|into| rustix::fs::llistxattr(path, into))?;
    let names = list.split(|byte| *byte == 0).filter(|it| !it.is_empty());
    let mut attributes = Vec::new();
    for name in names {
        let key = OsStr::from_bytes(name);
        let value = match whole(|into| rustix::fs::lgetxattr(path, key, into)) {
            Ok(value) => value,
            // It was removed meanwhile, or is not for this user.
            Err(Errno::NODATA | Errno::ACCESS | Errno::PERM) => continue,
            Err(error) => return Err(error.into()),
        };
        let name = String::from_utf8_lossy(name);
        attributes.push(json!({ "name": name, "value": padded(&value) }));
    }
    Ok(attributes)
}

/// In base64, as restic writes it.
fn padded(value: &[u8]) -> String {
    let mut text = base64::encode(value);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Most lists and values are empty or small.
fn whole(read: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut value = vec![0; 256];
    loop {
        match read(&mut value) {
            Ok(count) => {
                value.truncate(count);
                return Ok(value);
            }
            Err(Errno::RANGE) => value.resize(read(&mut [])?.max(value.len()) + 1, 0),
            Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
}
