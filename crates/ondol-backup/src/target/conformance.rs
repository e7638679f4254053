//! What every place for a repository does the same. Each kind is shown to do it, against the real thing.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Folder;
use super::Object;
use super::Target;
use super::Trouble;

/// More than one page of any listing that is known: those of S3 have 1000.
const MANY: u32 = 1_100;
/// Packs, which lie in 256 folders.
const SOME: u32 = 300;
/// As many threads as a job has at the most.
const THREADS: u32 = 8;

/// What a kind of place can't do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unable {
    /// To replace an object by one with another content.
    pub(crate) replace: bool,
    /// To remove objects, but locks.
    pub(crate) remove: bool,
}

/// Shows it of an empty place that is not made yet.
pub(crate) fn check(target: &dyn Target, unable: Unable) {
    begins_empty(target);
    keeps_what_is_written(target);
    repeats_a_write(target, unable);
    tells_what_is_missing(target);
    reads_exactly_what_is_asked_for(target);
    removes(target, unable);
    serves_several_at_once(target);
    lists_everything(target);
}

fn begins_empty(target: &dyn Target) {
    let found = target.read(&Object::Config);
    assert_eq!(found.unwrap_err().trouble, Trouble::Missing);
    assert!(!target.place().is_empty());
    for _ in 0..2 {
        target.create().unwrap();
        for folder in Folder::ALL {
            assert_eq!(target.list(folder).unwrap(), [], "{folder:?}");
        }
    }
    write(target, &Object::Config, b"the configuration");
    target.create().unwrap();
    assert_eq!(target.read(&Object::Config).unwrap(), "the configuration");
}

fn keeps_what_is_written(target: &dyn Target) {
    for (number, length) in [1, 31, 32_767, 32_768, 32_769, 300_000, 5 << 20]
        .into_iter()
        .enumerate()
    {
        for folder in Folder::ALL {
            let object = object(folder, number as u32);
            let content = noise(length);
            // In pieces, as an engine has them; one is empty.
            let (start, end) = content.split_at(length / 3);
            let pieces = [start, b"", end].map(Bytes::copy_from_slice);
            target.write(&object, &pieces).unwrap();
            assert!(
                target.read(&object).unwrap() == content,
                "{length} bytes in {folder:?}"
            );
            let listed = sizes(target, folder);
            assert_eq!(listed.get(id(&object)), Some(&(length as u64)));
        }
    }
}

/// A write whose answer was lost is made once more.
fn repeats_a_write(target: &dyn Target, unable: Unable) {
    for folder in Folder::ALL {
        let object = object(folder, 100);
        for _ in 0..2 {
            write(target, &object, b"the same");
            assert_eq!(target.read(&object).unwrap(), "the same");
        }
        if !unable.replace {
            write(target, &object, b"another one");
            assert_eq!(target.read(&object).unwrap(), "another one");
            assert_eq!(sizes(target, folder)[id(&object)], 11);
        }
    }
}

fn tells_what_is_missing(target: &dyn Target) {
    for folder in Folder::ALL {
        let object = object(folder, 666);
        let read = target.read(&object).unwrap_err();
        assert_eq!(read.trouble, Trouble::Missing, "{folder:?}: {read}");
        let read = target.read_range(&object, 10, 10).unwrap_err();
        assert_eq!(read.trouble, Trouble::Missing, "{folder:?}: {read}");
    }
}

fn reads_exactly_what_is_asked_for(target: &dyn Target) {
    let object = object(Folder::Data, 200);
    let length = 3_000_000_usize;
    let content = noise(length);
    write(target, &object, &content);
    for (offset, count) in [
        (0, 1),
        (0, length),
        (1, length - 1),
        (length - 1, 1),
        (32_767, 2),
        (1_000_000, 1_500_000),
    ] {
        let read = target.read_range(&object, offset as u64, count as u64);
        assert!(
            read.unwrap() == content[offset..offset + count],
            "{count} bytes from {offset} on"
        );
    }
    let length = length as u64;
    for (offset, count) in [
        (0, length + 1),
        (length - 1, 2),
        (length, 1),
        (length + 100, 5),
    ] {
        let read = target.read_range(&object, offset, count).unwrap_err();
        assert_eq!(
            read.trouble,
            Trouble::Wrong,
            "{count} from {offset}: {read}"
        );
    }
}

fn removes(target: &dyn Target, unable: Unable) {
    for folder in Folder::ALL {
        let object = object(folder, 300);
        write(target, &object, b"not for long");
        if unable.remove && folder != Folder::Locks {
            let removed = target.remove(&object).unwrap_err();
            assert_eq!(removed.trouble, Trouble::Refused, "{folder:?}: {removed}");
            assert_eq!(target.read(&object).unwrap(), "not for long");
            continue;
        }
        for _ in 0..2 {
            target.remove(&object).unwrap();
            let read = target.read(&object).unwrap_err();
            assert_eq!(read.trouble, Trouble::Missing, "{folder:?}: {read}");
            assert!(!sizes(target, folder).contains_key(id(&object)));
        }
    }
}

fn serves_several_at_once(target: &dyn Target) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for number in 0..4 {
                    let object = object(Folder::Data, 1_000 + thread * 10 + number);
                    let content = noise(200_000 + thread as usize);
                    write(target, &object, &content);
                    assert!(target.read(&object).unwrap() == content);
                    let middle = target.read_range(&object, 99_000, 2_000).unwrap();
                    assert!(middle == content[99_000..101_000]);
                    target.list(Folder::Index).unwrap();
                }
            });
        }
    });
}

fn lists_everything(target: &dyn Target) {
    for (folder, count) in [(Folder::Snapshots, MANY), (Folder::Data, SOME)] {
        let mut expected = sizes(target, folder);
        for number in 0..count {
            let object = object(folder, 10_000 + number);
            write(target, &object, &vec![b'x'; 1 + number as usize % 7]);
            expected.insert(id(&object).to_owned(), u64::from(1 + number % 7));
        }
        assert_eq!(sizes(target, folder), expected, "{folder:?}");
    }
}

fn write(target: &dyn Target, object: &Object, content: &[u8]) {
    target
        .write(object, &[Bytes::copy_from_slice(content)])
        .unwrap();
}

/// What is listed; nothing is twice.
fn sizes(target: &dyn Target, folder: Folder) -> BTreeMap<String, u64> {
    let listed = target.list(folder).unwrap();
    let count = listed.len();
    let sizes: BTreeMap<_, _> = listed.into_iter().collect();
    assert_eq!(sizes.len(), count, "{folder:?} is listed twice");
    sizes
}

/// An object whose id differs from that of other numbers at its start too.
fn object(folder: Folder, number: u32) -> Object {
    let start = number.wrapping_mul(2_654_435_761);
    Object::In(folder, format!("{start:08x}{number:056x}"))
}

fn id(object: &Object) -> &str {
    match object {
        Object::Config => "config",
        Object::In(_, id) => id,
    }
}

/// So many bytes that don't repeat: each piece out of its place is noticed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ length as u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
