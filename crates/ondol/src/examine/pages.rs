//! Pages for errors and fixed answers that are not there: no mistake, since there are built-in ones, but
//! worth a word.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use ondol_config::KeyPath;
use ondol_model::Target;
use ondol_model::limits::PAGE_BYTES_MAX;
use ondol_model::plan::RespondBody;
use ondol_model::plan::Rules;

use super::Findings;
use super::Subject;
use super::access;
use super::access::Need;
use super::folders;
use crate::sandbox::ServeUser;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for site in &subject.plan.sites {
        let key = || KeyPath::site(&site.name.to_string());
        let mut told = HashSet::new();
        let rules = site.routes.iter().map(|route| {
            let key = key().route(route.path.as_str());
            (&route.rules, key)
        });
        for (rules, key) in std::iter::once((&site.rules, key())).chain(rules) {
            if let Some(folder) = folder(rules).filter(|folder| told.insert(*folder))
                && let Some((problem, help)) = folders::trouble(folder, subject.user)
            {
                let help = format!("{help}; until then visitors see the built-in pages");
                findings.warn(subject, &key.key("error_pages"), problem, help);
            }
        }
        for route in site.own_routes() {
            if let Target::Respond(respond) = &route.target
                && let RespondBody::File(file) = &respond.body
                && let Some(problem) = trouble(file, subject.user)
            {
                let key = key().route(route.path.as_str()).key("respond").key("file");
                let help = "until it can be read, visitors see the built-in page of the status";
                findings.warn(subject, &key, problem, help);
            }
        }
    }
}

fn folder(rules: &Rules) -> Option<&Path> {
    let pages = rules.error_pages.as_ref()?;
    Some(&pages.folder)
}

fn trouble(file: &Path, user: &ServeUser) -> Option<String> {
    let shown = file.display();
    let metadata = match fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) => return Some(format!("the file {shown} cannot be read: {error}")),
    };
    if !metadata.is_file() {
        return Some(format!("{shown} is not a file"));
    }
    if metadata.len() > PAGE_BYTES_MAX {
        let max = PAGE_BYTES_MAX / 1024;
        return Some(format!("the file {shown} is larger than {max} KiB"));
    }
    let access::Stopped { at, need } = access::stopped(file, Need::Read, user).ok()??;
    let (at, mode) = (at.display(), need.chmod());
    Some(format!(
        "the user {user} may not read {shown}: `chmod {mode} {at}` allows it"
    ))
}
