//! What only a folder of this machine does.

use super::*;

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let target = open(&folder.path().join("new"), None).unwrap();
    target.create().unwrap();
    let object = Object::In(Folder::Data, "ab".repeat(32));
    target
        .write(&object, &[Bytes::from_static(b"pack")])
        .unwrap();
    assert_eq!(target.read(&object).unwrap(), "pack");
    assert_eq!(target.list(Folder::Data).unwrap(), [("ab".repeat(32), 4)]);
}
