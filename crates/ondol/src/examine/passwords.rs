//! Passwords that others could read on their way, and hashes that others could read in the file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use ondol_config::KeyPath;
use ondol_model::Site;
use ondol_model::plan::Rules;
use ondol_model::plan::Scheme;
use ondol_model::plan::auth::AuthBy;

use super::Findings;
use super::Subject;

/// What others may do with a file: a bit of its mode.
const OTHERS_READ: u32 = 0o004;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let mut files = BTreeSet::new();
    for site in &subject.plan.sites {
        for (index, key) in asking(site).into_iter().enumerate() {
            if site.scheme == Scheme::Http && index == 0 {
                findings.warn(
                    subject,
                    &key,
                    format!("the passwords of `{}` go over plain HTTP, where others can read them", site.name),
                    "remove `https = false`, unless only a network that you trust is in between, or a proxy in front does HTTPS",
                );
            }
            let place = subject.origins.mistake(&key, String::new(), None);
            let file = place.file();
            let mode = fs::metadata(file).map_or(0, |metadata| metadata.mode());
            if mode & OTHERS_READ != 0 && files.insert(file.to_owned()) {
                let shown = file.display();
                findings.warn(
                    subject,
                    &key,
                    format!("everyone on this machine can read the hashes of passwords in {shown}"),
                    format!("`chmod o-r {shown}` ends that; a hash can be guessed at"),
                );
            }
        }
    }
}

/// Where names and passwords are asked for: by the site, and by routes in their own words.
fn asking(site: &Site) -> Vec<KeyPath> {
    let is_basic = |rules: &Rules| {
        let auth = rules.access.auth.as_ref();
        auth.is_some_and(|auth| matches!(auth.by, AuthBy::Basic(_)))
    };
    let site_key = || KeyPath::site(&site.name.to_string());
    let own = is_basic(&site.rules).then(|| site_key().key("basic_auth"));
    let routes = site.routes.iter().filter(|route| {
        is_basic(&route.rules) && route.rules.access.auth != site.rules.access.auth
    });
    let routes = routes.map(|route| site_key().route(route.path.as_str()).key("basic_auth"));
    own.into_iter().chain(routes).collect()
}
