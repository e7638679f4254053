//! The folder of the access log: whether who talks to visitors may write into it.

use std::path::Path;

use super::access;
use super::access::Need;
use crate::sandbox::ServeUser;

/// Why this user can't keep the access log at a path, as a sentence with what to do; `None` when it can, when
/// the folder is not there yet, or when this process may not look. Blocks on the disk.
pub(crate) fn trouble_with_log(log: &Path, user: &ServeUser) -> Option<String> {
    if access::stopped(log, Need::Write, user).is_ok_and(|stopped| stopped.is_none()) {
        return None; // It is there, whoever may make others beside it.
    }
    let folder = log.parent()?;
    let stopped = access::stopped(folder, Need::WriteFolder, user).ok()?;
    let access::Stopped { at, need } = stopped?;
    let (at, folder) = (at.display(), folder.display());
    let verb = match need {
        Need::Enter | Need::Read | Need::ReadFolder => "enter",
        Need::Write | Need::WriteFolder => "write into",
    };
    let (who, chown) = match user {
        ServeUser::Own => ("the user that runs Ondol".to_owned(), String::new()),
        ServeUser::Other { name, .. } => (
            format!("the user {name}, which writes the access log,"),
            format!(", or `chown {name} {folder}` where that is for Ondol alone"),
        ),
    };
    Some(format!(
        "{who} may not {verb} {at}: give the log a folder of its own with --logs (Ondol makes it){chown}"
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::Permissions;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_of_others_is_refused_with_what_to_do() {
        let temporary = tempfile::tempdir().unwrap();
        let logs = temporary.path().join("log");
        let log = logs.join("access.log");
        fs::create_dir(&logs).unwrap();
        let mode = |path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        mode(temporary.path(), 0o711);
        mode(&logs, 0o755);
        let owner = fs::metadata(&logs).unwrap();
        let user = |uid| ServeUser::Other {
            name: "web".to_owned(),
            uid,
            gid: owner.gid() + 1,
        };
        let stranger = user(owner.uid() + 1);
        let said = trouble_with_log(&log, &stranger).unwrap();
        assert!(
            said.contains("may not write into /") && said.contains("--logs"),
            "{said}"
        );
        assert_eq!(trouble_with_log(&log, &user(owner.uid())), None);
        let everyones = logs.join("everyones.log");
        std::os::unix::fs::symlink("/dev/null", &everyones).unwrap();
        assert_eq!(trouble_with_log(&everyones, &stranger), None);
        assert_eq!(trouble_with_log(&log, &ServeUser::Own), None);
        assert_eq!(
            trouble_with_log(&logs.join("missing/access.log"), &stranger),
            None
        );
        mode(temporary.path(), 0o700);
        let said = trouble_with_log(&log, &stranger).unwrap();
        assert!(said.contains("may not enter /"), "{said}");
    }
}
