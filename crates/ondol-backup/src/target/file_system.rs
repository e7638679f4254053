//! Which file system a folder is on, as a text that stays the same when the machine starts again and the disk is
//! plugged in elsewhere: so an unplugged disk is found out before its empty mount point fills the root disk.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::StatxFlags;

/// The mounts of this process.
const MOUNTS: &str = "/proc/self/mountinfo";
/// Links to disks by the ids of what is on them, where udev makes them.
const BY_UUID: &str = "/dev/disk/by-uuid";

/// File systems whose `f_fsid` is made from what is on the disk, and not from the device's number of today.
const LASTING_FSID: [&str; 7] = ["ext2", "ext3", "ext4", "btrfs", "zfs", "bcachefs", "erofs"];
/// File systems that are known by where they come from.
const REMOTE: [&str; 8] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "virtiofs",
    "fuse.sshfs",
    "ceph",
];

/// What is known of a file system. Not each machine knows all of it each time: two are compared by the first
/// that both know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// `ext4`; empty when it is not known.
    kind: String,
    /// Of the disk's content.
    uuid: Option<String>,
    /// Made from the same by the kernel.
    fsid: Option<String>,
    /// `nas:/export`, of those that are not on a disk.
    source: Option<String>,
    /// Where it is mounted.
    at: Option<String>,
}

/// The file system of a path that is there, as a text to remember.
pub(crate) fn file_system_of(path: &Path) -> io::Result<String> {
    Ok(FileSystem::of(&File::open(path)?)?.to_string())
}

impl FileSystem {
    /// The one that an open file or folder is on.
    pub(super) fn of(file: &impl AsFd) -> io::Result<Self> {
        let device = rustix::fs::fstat(file)?.st_dev;
        let mount = mount_of(file);
        let kind = mount.as_ref().map(|mount| mount.kind.clone());
        let kind = kind.unwrap_or_default();
        let fsid = rustix::fs::fstatvfs(file)?.f_fsid;
        let is_lasting = fsid != 0 && LASTING_FSID.contains(&&*kind);
        let source = mount.as_ref().map(|mount| &mount.source);
        let remote = source.filter(|_| REMOTE.contains(&&*kind));
        Ok(Self {
            uuid: uuid_of(device, source.map(String::as_str)),
            fsid: is_lasting.then(|| format!("{fsid:016x}")),
            source: remote.cloned(),
            at: mount.map(|mount| mount.at),
            kind,
        })
    }

    /// Reads what was remembered; what is not understood of it is not known.
    pub(super) fn parse(text: &str) -> Self {
        let mut words = text.split(' ');
        let kind = words.next().unwrap_or_default().to_owned();
        let mut known = Self {
            kind,
            ..Self::default()
        };
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let value = Some(value.to_owned());
            match key {
                "uuid" => known.uuid = value,
                "fsid" => known.fsid = value,
                "source" => known.source = value,
                "at" => known.at = value,
                _ => {}
            }
        }
        known
    }

    /// Whether both are the same one, as far as that can be said.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let pairs = [
            (&self.uuid, &other.uuid),
            (&self.fsid, &other.fsid),
            (&self.source, &other.source),
            (&self.at, &other.at),
        ];
        let known = pairs
            .into_iter()
            .find_map(|pair| Some((pair.0.as_ref()?, pair.1.as_ref()?)));
        known.map_or(self.kind == other.kind, |(one, another)| one == another)
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        let facts = [
            ("uuid", &self.uuid),
            ("fsid", &self.fsid),
            ("source", &self.source),
            ("at", &self.at),
        ];
        for (key, value) in facts {
            if let Some(value) = value {
                write!(f, " {key}={value}")?;
            }
        }
        Ok(())
    }
}

/// A line of the mounts. Its texts are as the kernel escapes them: without spaces.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    at: String,
    kind: String,
    source: String,
}

fn mount_of(file: &impl AsFd) -> Option<Mount> {
    let flags = AtFlags::EMPTY_PATH;
    let known = rustix::fs::statx(file, c"", flags, StatxFlags::MNT_ID).ok()?;
    let is_told = known.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    let mounts = std::fs::read_to_string(MOUNTS).ok()?;
    let id = is_told.then(|| known.stx_mnt_id.to_string())?;
    mounts.lines().find_map(|line| read_mount(line, &id))
}

/// `ID PARENT MAJOR:MINOR ROOT AT OPTIONS [MORE…] - KIND SOURCE OPTIONS`, as proc(5) has it.
fn read_mount(line: &str, id: &str) -> Option<Mount> {
    let (place, what) = line.split_once(" - ")?;
    let mut place = place.split(' ');
    let is_it = place.next() == Some(id);
    let at = place.nth(3).filter(|_| is_it)?;
    let mut what = what.split(' ');
    Some(Mount {
        at: at.to_owned(),
        kind: what.next()?.to_owned(),
        source: what.next()?.to_owned(),
    })
}

/// The id of what is on the disk with this number, or of the device that the mount names: btrfs and others have
/// numbers of their own.
fn uuid_of(device: u64, source: Option<&str>) -> Option<String> {
    let named = source.filter(|source| source.starts_with("/dev/"));
    let named = named.and_then(|source| std::fs::metadata(source).ok());
    let named = named.map(|metadata| metadata.rdev());
    let links = std::fs::read_dir(BY_UUID).ok()?;
    let mut ids = links.flatten().filter(|link| {
        let disk = std::fs::metadata(link.path());
        disk.is_ok_and(|disk| disk.rdev() == device || Some(disk.rdev()) == named)
    });
    // Two links to one disk would otherwise be taken as they come.
    ids.by_ref()
        .filter_map(|link| link.file_name().into_string().ok())
        .filter(|id| !id.contains(' '))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_USB: &str = "ext4 uuid=0a fsid=00000000000000aa at=/mnt/usb";

    #[test]
    fn what_is_remembered_is_read_again() {
        for text in [
            OF_USB,
            "nfs4 source=nas:/export at=/mnt/with\\040space",
            "tmpfs",
            "",
        ] {
            assert_eq!(FileSystem::parse(text).to_string(), text);
        }
    }

    #[test]
    fn two_are_compared_by_the_first_fact_that_both_know() {
        for (another, is_same) in [
            ("ext4 uuid=0a fsid=00000000000000bb at=/media/usb", true),
            ("ext4 uuid=0b fsid=00000000000000aa at=/mnt/usb", false),
            // No udev today.
            ("ext4 fsid=00000000000000aa at=/media/usb", true),
            ("ext4 fsid=00000000000000bb at=/mnt/usb", false),
            ("xfs at=/mnt/usb", true),
            ("xfs at=/", false),
            ("ext4", true),
            ("xfs", false),
        ] {
            let (usb, another) = (FileSystem::parse(OF_USB), FileSystem::parse(another));
            assert_eq!(usb.is_same(&another), is_same, "{another}");
            assert_eq!(another.is_same(&usb), is_same, "{another}");
        }
    }

    #[test]
    fn a_line_of_the_mounts_is_found_by_its_id() {
        let line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw";
        let mount = Mount {
            at: "/mnt2".to_owned(),
            kind: "ext3".to_owned(),
            source: "/dev/root".to_owned(),
        };
        assert_eq!(read_mount(line, "36"), Some(mount));
        assert_eq!(read_mount(line, "35"), None);
        assert_eq!(read_mount("36 35", "36"), None);
    }

    #[test]
    fn a_folder_and_one_in_it_are_on_the_same_and_another_mount_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        std::fs::create_dir(&below).unwrap();
        let of = |path: &Path| FileSystem::parse(&file_system_of(path).unwrap());
        assert!(of(folder.path()).is_same(&of(&below)));
        assert!(!of(folder.path()).is_same(&of(Path::new("/proc"))));
        assert!(file_system_of(&folder.path().join("none")).is_err());
    }
}
