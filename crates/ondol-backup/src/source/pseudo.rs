//! File systems that hold no files of anybody: what is in them is the kernel's.

use std::path::Path;

/// By the numbers of `statfs(2)`.
const PSEUDO: [(&str, u32); 20] = [
    ("autofs", 0x0187),
    ("binfmt_misc", 0x4249_4e4d),
    ("bpf", 0xcafe_4a11),
    ("cgroup", 0x0027_e0eb),
    ("cgroup2", 0x6367_7270),
    ("configfs", 0x6265_6570),
    ("debugfs", 0x6462_6720),
    ("devpts", 0x1cd1),
    ("efivarfs", 0xde5e_81e4),
    ("fusectl", 0x6573_5543),
    ("hugetlbfs", 0x9584_58f6),
    ("mqueue", 0x1980_0202),
    ("nfsd", 0x6e66_7364),
    ("nsfs", 0x6e73_6673),
    ("proc", 0x9fa0),
    ("pstore", 0x6165_676c),
    ("rpc_pipefs", 0x6759_6969),
    ("securityfs", 0x7363_6673),
    ("sysfs", 0x6265_6572),
    ("tracefs", 0x7472_6163),
];

/// Whether a folder is in such a file system.
pub(super) fn is_pseudo(path: &Path) -> bool {
    let Ok(found) = rustix::fs::statfs(path) else {
        return false;
    };
    let is_same = |number: u32| u32::try_from(found.f_type).is_ok_and(|it| it == number);
    PSEUDO.iter().any(|(_, number)| is_same(*number))
}
