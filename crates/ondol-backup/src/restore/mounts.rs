//! Where disks are mounted: folders that can't be renamed.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

const MOUNTS: &str = "/proc/self/mountinfo";

/// Where disks are mounted on this machine; none when that can't be read.
pub(super) fn here() -> Vec<PathBuf> {
    std::fs::read(MOUNTS)
        .map(|text| of(&text))
        .unwrap_or_default()
}

fn of(text: &[u8]) -> Vec<PathBuf> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescaped)
        .collect()
}

/// Spaces and the like are written as `\040`.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\').then(|| after.get(..3)).flatten();
        let byte =
            code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 8).ok());
        match byte {
            Some(byte) => {
                path.push(byte);
                rest = &after[3..];
            }
            None => {
                path.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_with_their_spaces() {
        let text = b"22 28 0:21 / /proc rw - proc proc rw\n\
            35 28 8:1 / /mnt/my\\040disk rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
        let expected: Vec<PathBuf> = vec!["/proc".into(), "/mnt/my disk".into()];
        assert_eq!(of(text), expected);
        assert!(here().contains(&PathBuf::from("/")));
    }
}
