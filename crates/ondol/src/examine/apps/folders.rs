//! The folders of apps: there, and for who runs them.

use std::fs;
use std::io;
use std::path::Path;

use ondol_config::KeyPath;

use super::Look;
use crate::examine::Findings;
use crate::examine::access;
use crate::examine::access::Need;
use crate::sandbox::ServeUser;

pub(super) fn examine(look: &Look<'_>, findings: &mut Findings) {
    // A pool that has no section of its own is in the folder of its site, which is looked at there.
    if let Some(dir) = &look.app.dir
        && look
            .subject
            .origins
            .has(&KeyPath::app(look.app.name.as_str()))
    {
        of_app(look, dir, findings);
    }
    for (index, path) in look.app.write.iter().enumerate() {
        if let Some((problem, help)) = unwritable(look, path) {
            findings.warn(look.subject, &look.key("write").index(index), problem, help);
        }
    }
    for (index, path) in look.app.data.iter().enumerate() {
        let is_missing = fs::metadata(path).is_err_and(|it| it.kind() == io::ErrorKind::NotFound);
        if is_missing && !look.app.write.contains(path) {
            let (shown, name) = (path.display(), &look.app.name);
            let problem =
                format!("{shown} does not exist, which a backup of the app `{name}` must hold");
            let help = format!("make it (`mkdir -p {shown}`), or mend the path");
            findings.warn(look.subject, &look.key("data").index(index), problem, help);
        }
    }
}

fn of_app(look: &Look<'_>, dir: &Path, findings: &mut Findings) {
    let (shown, name, key) = (dir.display(), &look.app.name, look.key("dir"));
    let problem = match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => {
            if let Some((problem, help)) = unreadable(look, dir) {
                findings.warn(look.subject, &key, problem, help);
            }
            return;
        }
        Ok(_) => format!("{shown} is not a folder (app `{name}`)"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("the folder {shown} does not exist (app `{name}`)")
        }
        Err(error) => format!("the folder {shown} cannot be reached: {error} (app `{name}`)"),
    };
    let help = "`dir` takes the folder of the app, where its Procfile, package.json or the like is; without it, the app waits for its first deploy";
    findings.mistake(look.subject, &key, problem, help);
}

fn unreadable(look: &Look<'_>, dir: &Path) -> Option<(String, String)> {
    let access::Stopped { at, need } =
        access::stopped(dir, Need::ReadFolder, &look.user).ok()??;
    let (name, at, chmod) = (&look.app.name, at.display(), need.chmod());
    let problem = format!(
        "{}, as which the app `{name}` runs, may not {} {at}",
        who(&look.user),
        verb(need)
    );
    let help = format!(
        "it runs in {} until its first deploy; `chmod {chmod} {at}` allows it",
        dir.display()
    );
    Some((problem, help))
}

fn unwritable(look: &Look<'_>, path: &Path) -> Option<(String, String)> {
    let (shown, name) = (path.display(), &look.app.name);
    let chown = match &look.user {
        ServeUser::Own => String::new(),
        ServeUser::Other { name, .. } => format!(" && chown -R {name} {shown}"),
    };
    let is_folder = match fs::metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let problem = format!("{shown} does not exist, which the app `{name}` may write");
            return Some((problem, format!("make it: `mkdir -p {shown}{chown}`")));
        }
        Err(_) => return None,
    };
    let need = match is_folder {
        true => Need::WriteFolder,
        false => Need::Write,
    };
    let access::Stopped { at, need } = access::stopped(path, need, &look.user).ok()??;
    let problem = format!(
        "{}, as which the app `{name}` runs, may not {} {}",
        who(&look.user),
        verb(need),
        at.display()
    );
    let help = match chown.strip_prefix(" && ") {
        Some(chown) if at == path || path.starts_with(&at) && need != Need::Enter => {
            format!("`{chown}` gives it to that user, once it is there")
        }
        _ => format!("`chmod {} {}` allows it", need.chmod(), at.display()),
    };
    Some((problem, help))
}

fn who(user: &ServeUser) -> String {
    match user {
        ServeUser::Own => "the user that runs Ondol".to_owned(),
        ServeUser::Other { name, .. } => format!("the user {name}"),
    }
}

fn verb(need: Need) -> &'static str {
    match need {
        Need::Enter => "enter",
        Need::Read | Need::ReadFolder => "read",
        Need::Write | Need::WriteFolder => "write",
    }
}
