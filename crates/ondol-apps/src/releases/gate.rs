//! The folder of an app, and who gets into it: the app and those who serve its files, and no other app.

use std::fs::DirBuilder;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_model::app::AppName;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::work::Owner;
use crate::grounds;
use crate::places::Places;

/// Where the kernel keeps the list of who may do what with a file; see acl(5).
const ACCESS_LIST: &str = "system.posix_acl_access";
const ACCESS_LIST_VERSION: u32 = 2;
/// Read, write, enter.
const ALL: u16 = 7;
/// Enter, without seeing what is there.
const ENTER: u16 = 1;
/// Who is meant by no number.
const NO_NUMBER: u32 = u32::MAX;

/// Makes the folders of an app that hold its releases. Where the app has a user of its own, that user and the group
/// of those who serve visitors may enter the app's folder; what is in the releases can then be open to all that enter.
pub(super) fn prepare(places: &Places, app: &AppName, user: Option<Owner>) -> io::Result<()> {
    let folder = places.app(app);
    make(&folder, 0o700)?;
    if let Some(user) = user {
        let apps = folder.parent().unwrap_or(&places.state);
        for above in [&places.state, apps] {
            grounds::open_way(above)?;
        }
        let_in(&folder, user, places.visitors_group)?;
    }
    let releases = places.releases(app);
    make(&releases, 0o755)?;
    // The umask may have taken what the folder above decides on.
    std::fs::set_permissions(&releases, Permissions::from_mode(0o755))
}

fn make(folder: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(folder)
}

fn let_in(folder: &Path, user: Owner, group: Option<u32>) -> io::Result<()> {
    let list = access_list(user.uid, group);
    match rustix::fs::setxattr(folder, ACCESS_LIST, &list, XattrFlags::empty()) {
        Ok(()) => Ok(()),
        // A file system without such lists: all may enter, and only Landlock keeps other apps away.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            std::fs::set_permissions(folder, Permissions::from_mode(0o711))
        }
        Err(errno) => Err(errno.into()),
    }
}

/// The owner may do all, one user and one group may enter, and nobody else.
fn access_list(user: u32, group: Option<u32>) -> Vec<u8> {
    const OWNER: u16 = 0x01;
    const USER: u16 = 0x02;
    const OWNING_GROUP: u16 = 0x04;
    const GROUP: u16 = 0x08;
    const MASK: u16 = 0x10;
    const OTHERS: u16 = 0x20;
    let group = group.map(|group| (GROUP, ENTER, group));
    let before = [
        (OWNER, ALL, NO_NUMBER),
        (USER, ENTER, user),
        (OWNING_GROUP, 0, NO_NUMBER),
    ];
    let after = [(MASK, ENTER, NO_NUMBER), (OTHERS, 0, NO_NUMBER)];
    let mut list = ACCESS_LIST_VERSION.to_le_bytes().to_vec();
    for (who, what, number) in before.into_iter().chain(group).chain(after) {
        list.extend(who.to_le_bytes());
        list.extend(what.to_le_bytes());
        list.extend(number.to_le_bytes());
    }
    list
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    fn places(state: PathBuf) -> Places {
        Places {
            runtime: state.join("run"),
            logs: state.join("logs"),
            configuration: state.join("etc"),
            program: "/bin/false".into(),
            visitors_group: Some(65_533),
            state,
        }
    }

    /// Whether a user can look into a folder.
    fn enters(uid: u32, gid: u32, folder: &Path) -> bool {
        let mut ls = Command::new("setpriv");
        ls.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
        ls.arg("--clear-groups").arg("ls").arg(folder);
        let ran = ls.output().unwrap();
        ran.status.success()
    }

    #[test]
    fn only_the_app_and_those_who_serve_enter() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can become somebody else");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path().join("state"));
        let app = AppName::parse("coffee").unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let user = Owner {
            uid: 65_001,
            gid: 65_001,
        };
        prepare(&places, &app, Some(user)).unwrap();
        prepare(&places, &app, Some(user)).unwrap();
        let releases = places.releases(&app);
        assert!(enters(65_001, 65_001, &releases), "the app");
        assert!(enters(65_002, 65_533, &releases), "those who serve");
        assert!(!enters(65_002, 65_002, &releases), "another app");
        assert!(
            !enters(65_001, 65_001, &places.app(&app)),
            "the list of its folder"
        );
        assert!(
            !enters(65_001, 65_001, &places.state),
            "the list of the state"
        );
    }

    #[test]
    fn a_person_s_box_is_that_person_s() {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path().join("state"));
        let app = AppName::parse("coffee").unwrap();
        prepare(&places, &app, None).unwrap();
        let mode = places.app(&app).metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
