//! What is mounted where (`/proc/self/mountinfo`, see proc(5)).

use std::path::Path;

use super::super::machine::Machine;

const TABLE: &str = "/proc/self/mountinfo";

/// A file system at a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) folder: String,
    pub(super) is_read_only: bool,
    /// The numbers of the device; the same for a folder of it that is mounted elsewhere too.
    device: String,
}

/// All of them, in the order in which they were mounted. Blocks.
pub(super) fn mounts(machine: &Machine) -> Vec<Mount> {
    let table = machine.text(TABLE).unwrap_or_default();
    table.lines().filter_map(parse).collect()
}

/// The one that a folder is on, be it there or not: the first of its device.
pub(super) fn mount_of<'m>(mounts: &'m [Mount], folder: &Path) -> Option<&'m Mount> {
    let over = mounts.iter().rev();
    let over = over.filter(|mount| folder.starts_with(&mount.folder));
    // Of those at the same folder the last one is seen.
    let mount = over.reduce(|best, mount| {
        if mount.folder.len() > best.folder.len() {
            mount
        } else {
            best
        }
    })?;
    let mut same = mounts
        .iter()
        .filter(|other| other.device == mount.device && other.is_read_only == mount.is_read_only);
    same.next()
}

/// `number parent device root folder options [fields…] - type source options-of-all`.
fn parse(line: &str) -> Option<Mount> {
    let (own, all) = line.split_once(" - ")?;
    let own: Vec<_> = own.split(' ').collect();
    let [_, _, device, _, folder, options, ..] = *own else {
        return None;
    };
    let all = all.split(' ').nth(2)?;
    let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    Some(Mount {
        folder: unescaped(folder),
        is_read_only: is_read_only(options) || is_read_only(all),
        device: device.to_owned(),
    })
}

/// Blanks and backslashes are written as three digits of base 8.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(|_| *first == b'\\') {
            Some(code) => {
                bytes.push(code);
                rest = &tail[3..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_on_the_nearest_mount_and_a_disk_has_one_name() {
        let table = "\
            22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
            23 22 0:5 / /proc rw - proc proc rw\n\
            24 22 8:17 / /srv/my\\040files rw - ext4 /dev/sdb1 ro,errors=remount-ro\n\
            25 22 8:1 /var/lib /var/lib rw - ext4 /dev/sda1 rw\n\
            26 22 8:33 / /mnt rw - ext4 /dev/sdc1 rw\n\
            27 26 8:49 / /mnt rw - ext4 /dev/sdd1 rw\n\
            not a mount\n";
        let mounts: Vec<_> = table.lines().filter_map(parse).collect();
        assert_eq!(mounts.len(), 6);
        for (folder, device, is_read_only) in [
            ("/home/me", "8:1", false),
            ("/var/lib/ondol", "8:1", false),
            ("/srv/my files/a", "8:17", true),
            ("/srv/my", "8:1", false),
            ("/mnt/x", "8:49", false),
        ] {
            let mount = mount_of(&mounts, Path::new(folder)).unwrap();
            let found = (mount.device.as_str(), mount.is_read_only);
            assert_eq!(found, (device, is_read_only), "{folder}");
        }
        let lib = mount_of(&mounts, Path::new("/var/lib/ondol")).unwrap();
        assert_eq!(lib.folder, "/");
        assert_eq!(mount_of(&[], Path::new("/")), None);
    }
}
