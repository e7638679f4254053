//! The folder of the access log: whether who talks to visitors may write into it.

use std::path::Path;

use super::access;
use super::access::Need;
use crate::sandbox::ServeUser;

/// Why this user can't keep the access log in a folder, as a sentence with what to do; `None` when it can,
/// when the folder is not there yet, or when this process may not look. Blocks on the disk.
pub(crate) fn trouble_with_logs(folder: &Path, user: &ServeUser) -> Option<String> {
    let access::Stopped { at, need } = access::stopped(folder, Need::WriteFolder, user)
        .ok()
        .flatten()?;
    let (at, folder) = (at.display(), folder.display());
    let verb = match need {
        Need::Enter | Need::ReadFolder => "enter",
        Need::Write | Need::WriteFolder => "write into",
    };
    let who = match user {
        ServeUser::Own => "the user that runs Ondol".to_owned(),
        ServeUser::Other { name, .. } => format!("the user {name}, which writes the access log,"),
    };
    let owner = match user {
        ServeUser::Own => "this user".to_owned(),
        ServeUser::Other { name, .. } => format!("it (`chown {name} {folder}`)"),
    };
    Some(format!(
        "{who} may not {verb} {at}: give the log a folder of its own with --logs (Ondol makes it), or, where \
         {folder} is for Ondol alone, give it to {owner}"
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
        let said = trouble_with_logs(&logs, &stranger).unwrap();
        assert!(
            said.contains("may not write into /") && said.contains("--logs"),
            "{said}"
        );
        assert_eq!(trouble_with_logs(&logs, &user(owner.uid())), None);
        assert_eq!(trouble_with_logs(&logs, &ServeUser::Own), None);
        assert_eq!(trouble_with_logs(&logs.join("missing"), &stranger), None);
        mode(temporary.path(), 0o700);
        let said = trouble_with_logs(&logs, &stranger).unwrap();
        assert!(said.contains("may not enter /"), "{said}");
    }
}
