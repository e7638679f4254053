//! What asks browsers for more than they would do.

use ondol_config::KeyPath;
use ondol_model::plan::Hsts;

use super::Findings;
use super::Subject;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for site in &subject.plan.sites {
        let hsts = site.rules.security.hsts.as_ref();
        let Some(lack) = hsts.and_then(Hsts::preload_lacks) else {
            continue;
        };
        let key = KeyPath::site(&site.name.to_string()).key("hsts");
        let problem = format!(
            "browsers will not build in `{}`: `hsts` needs {lack}",
            site.name
        );
        let help = "add it, or remove `preload`: hstspreload.org asks for both";
        findings.warn(subject, &key, problem, help);
    }
}
