//! Folders that are served: there, folders, and readable by who talks to visitors.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use ondol_config::KeyPath;
use ondol_model::Target;
use ondol_model::plan::Symlinks;

use super::Findings;
use super::Subject;
use super::access;
use super::access::Need;
use crate::sandbox::ServeUser;

/// What is wrong with a folder, and what to do about it.
pub(super) type Trouble = (String, String);

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let mut known: HashMap<&Path, Option<Trouble>> = HashMap::new();
    for site in &subject.plan.sites {
        for route in site.own_routes() {
            let (root, name, symlinks) = match &route.target {
                Target::Files(files) => (&files.root, "files", Some(files.symlinks)),
                Target::Php(php) => (&php.root, "php", None),
                Target::App(_) | Target::Proxy(_) | Target::Redirect(_) | Target::Respond(_) => {
                    continue;
                }
            };
            let key = KeyPath::site(&site.name.to_string()).route(route.path.as_str());
            let key = key.key(name);
            if symlinks == Some(Symlinks::All) {
                let problem = format!(
                    "symbolic links in {} are followed wherever they lead, but only folders that are served can be read (site `{}`)",
                    root.display(),
                    site.name
                );
                let help = "serve the folders that they lead to in a site or route of their own, or leave `symlinks` as \"beneath\"";
                findings.warn(subject, &key.clone().key("symlinks"), problem, help);
            }
            let trouble = known
                .entry(root)
                .or_insert_with(|| trouble(root, subject.user));
            let Some((problem, help)) = trouble else {
                continue;
            };
            let problem = format!("{problem} (site `{}`)", site.name);
            findings.mistake(subject, &key.key("root"), problem, help.clone());
        }
    }
}

pub(super) fn trouble(root: &Path, user: &ServeUser) -> Option<Trouble> {
    let shown = root.display();
    let metadata = match fs::metadata(root) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let nearest = root.ancestors().find(|folder| folder.exists());
            let nearest = nearest.unwrap_or(Path::new("/")).display();
            let help = format!("make it (`mkdir -p {shown}`) or mend the path: {nearest} is there");
            return Some((format!("the folder {shown} does not exist"), help));
        }
        Err(error) => return Some(unreachable(root, &error)),
    };
    if !metadata.is_dir() {
        let help = "`files` takes the folder that holds the pages, and `php` that of the scripts, not one of them";
        return Some((format!("{shown} is not a folder"), help.to_owned()));
    }
    match access::stopped(root, Need::ReadFolder, user) {
        Ok(None) => None,
        Ok(Some(stopped)) => Some(forbidden(root, user, &stopped)),
        Err(error) => Some(unreachable(root, &error)),
    }
}

fn unreachable(root: &Path, error: &io::Error) -> Trouble {
    let problem = format!("the folder {} cannot be reached: {error}", root.display());
    let help = "let this user enter every folder above it, or start Ondol as root";
    (problem, help.to_owned())
}

fn forbidden(root: &Path, user: &ServeUser, stopped: &access::Stopped) -> Trouble {
    let who = match user {
        ServeUser::Own => "the user that runs Ondol".to_owned(),
        ServeUser::Other { name, .. } => format!("the user {name}, which serves it,"),
    };
    let access::Stopped { at, need } = stopped;
    let verb = match need {
        Need::Enter => "enter",
        Need::Read | Need::ReadFolder | Need::Write | Need::WriteFolder => "read",
    };
    let (at, root) = (at.display(), root.display());
    let problem = if at.to_string() == root.to_string() {
        format!("{who} may not {verb} the folder {root}")
    } else {
        format!("{who} may not {verb} {at}, so it cannot read {root}")
    };
    let help = format!(
        "`chmod {} {at}` allows it; or move the pages to a folder under /srv",
        need.chmod()
    );
    (problem, help)
}
