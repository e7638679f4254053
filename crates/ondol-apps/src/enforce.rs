//! What an app asks for and this machine can't enforce, said plainly.

use ondol_model::plan;

use crate::group::Groups;
use crate::spec::Limits;

/// What can't be enforced of what an app asks for: sentences for the owner.
pub fn unenforced(app: &plan::App, groups: &Groups) -> Vec<String> {
    let limits = Limits {
        memory: app.memory,
        cpu_thousandths: app.cpu_thousandths,
        tasks: app.tasks,
        descriptors: None,
    };
    groups.unenforced(&limits)
}
