//! What an app asks for and this machine can't enforce, said plainly.

use ondol_model::plan;

use crate::group::Groups;
use crate::shim;
use crate::spec::Limits;

const NO_LANDLOCK: &str = "This kernel has no Landlock that apps could be confined with (Linux 5.19 or newer, with `landlock` \
    among those of /sys/kernel/security/lsm): it reads and writes whatever its user may.";
const OWN_USER: &str = "It runs as your own user, because only root can start it as another: it may end your processes, and \
    sees the /tmp that everybody sees.";
const ESCAPES: &str = "Ondol can make no control groups here: a process that it starts and that makes itself independent \
    (a daemon) is not found again, and goes on when the app is stopped.";
const NO_GROUPS: &str =
    "this machine has no control groups (version 2) with limits that Ondol may use";

const NO_BUS: &str = "systemd would make control groups for it, but there is no message bus to ask it by: `apt install dbus`, \
    or the package `dbus` of another system, brings it.";

/// What can't be enforced of what an app asks for: sentences for the owner.
pub fn unenforced(app: &plan::App, groups: &Groups) -> Vec<String> {
    let asked = Limits {
        memory: app.memory,
        cpu_thousandths: app.cpu_thousandths,
        tasks: app.tasks,
        descriptors: None,
    };
    let is_root = rustix::process::geteuid().is_root();
    let left = groups.left_to_process(&asked);
    let said = [
        (!shim::can_confine()).then(|| NO_LANDLOCK.to_owned()),
        (!is_root).then(|| OWN_USER.to_owned()),
        (!groups.holds_together()).then(|| ESCAPES.to_owned()),
        groups.miss_a_bus().then(|| NO_BUS.to_owned()),
    ];
    said.into_iter()
        .flatten()
        .chain(limits(&left, is_root))
        .collect()
}

/// About limits that no group enforces.
fn limits(left: &Limits, is_root: bool) -> Vec<String> {
    let memory = left.memory.map(|_| {
        format!(
            "`memory` is not a limit of the whole app, because {NO_GROUPS}: each process alone gets no more than twice as much."
        )
    });
    let cpu = left
        .cpu_thousandths
        .map(|_| format!("`cpu` is not enforced, because {NO_GROUPS}."));
    let tasks = left.tasks.map(|_| {
        if is_root {
            format!(
                "`tasks` is a limit of all processes of its user together, eight times as high, because {NO_GROUPS}."
            )
        } else {
            format!("`tasks` is not enforced, because {NO_GROUPS}.")
        }
    });
    [memory, cpu, tasks].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_is_not_missed() {
        assert!(limits(&Limits::default(), true).is_empty());
        let asked = Limits {
            memory: Some(1),
            cpu_thousandths: Some(1),
            tasks: Some(1),
            descriptors: Some(1),
        };
        let said = limits(&asked, false);
        assert_eq!(said.len(), 3);
        assert!(said[2].contains("`tasks` is not enforced"), "{said:?}");
        assert!(limits(&asked, true)[2].contains("of its user"));
    }
}
