//! What happens when the power goes: whether a UPS tells, and whether it is switched off at last so that the box comes
//! back.

use std::fs;
use std::path::Path;

use ondol_model::plan::Power;
use ondol_model::plan::Ups;

use super::Finding;
use super::machine::has_battery;

/// The scripts that systemd runs last of all.
const LAST_SCRIPTS: [&str; 2] = [
    "usr/lib/systemd/system-shutdown",
    "lib/systemd/system-shutdown",
];

pub(super) fn look(root: &Path, power: &Power) -> Vec<Finding> {
    match &power.ups {
        Some(Ups::Nut { server, .. }) if is_here(server) => hook(root).into_iter().collect(),
        Some(Ups::Nut { .. } | Ups::Battery) => Vec::new(),
        Some(Ups::None) => Vec::new(), // The owner knows.
        None if has_battery(root) => Vec::new(),
        None => vec![Finding::advice(
            "Nothing tells of power cuts: the box goes down without a warning, in the middle of what it writes.",
            "A small UPS with a USB plug and `apt install nut` is enough; `ups = \"NAME@localhost\"` in [power] names it. \
             `ups = false` says that there is none, and ends this advice.",
        )],
    }
}

/// A UPS that is not switched off at the end of a shutdown never switches the box on again, when the mains come back
/// meanwhile.
fn hook(root: &Path) -> Option<Finding> {
    let has_hook = LAST_SCRIPTS
        .iter()
        .any(|folder| root.join(folder).join("nutshutdown").exists());
    let settings = fs::read_to_string(root.join("etc/nut/upsmon.conf"));
    if !has_hook {
        return Some(Finding::warning(
            "Nobody switches the UPS off at the end of a shutdown (there is no nutshutdown among the last scripts of systemd): \
             if the mains come back meanwhile, the box stays off.",
            "`apt install nut-client` brings /usr/lib/systemd/system-shutdown/nutshutdown.",
        ));
    }
    // Who is not root may not read it, and knows nothing.
    let settings = settings.ok()?;
    let has_flag = settings
        .lines()
        .any(|line| line.trim_start().starts_with("POWERDOWNFLAG"));
    (!has_flag).then(|| {
        Finding::warning(
            "The UPS is not switched off at the end of a shutdown: upsmon leaves no flag for the script that would.",
            "Put `POWERDOWNFLAG /etc/killpower` into /etc/nut/upsmon.conf and restart nut-monitor.",
        )
    })
}

fn is_here(server: &str) -> bool {
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: impl AsRef<Path>, text: impl AsRef<str>) {
        ondol_base::file::replace(path.as_ref(), text.as_ref().as_bytes(), 0o644).unwrap();
    }

    fn nut(server: &str) -> Power {
        Power {
            ups: Some(Ups::Nut {
                server: server.to_owned(),
                name: "ups".to_owned(),
            }),
            ..Power::default()
        }
    }

    fn problems(root: &Path, power: &Power) -> Vec<String> {
        let findings = look(root, power);
        findings
            .into_iter()
            .map(|finding| finding.problem)
            .collect()
    }

    #[test]
    fn a_ups_that_is_never_switched_off_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let missing = problems(root, &nut("localhost:3493"));
        assert!(
            missing[0].contains("there is no nutshutdown"),
            "{missing:?}"
        );
        // The machine that has the UPS switches it off.
        assert_eq!(problems(root, &nut("10.0.0.2:3493")), [""; 0]);

        let scripts = root.join(LAST_SCRIPTS[0]);
        fs::create_dir_all(&scripts).unwrap();
        write(scripts.join("nutshutdown"), "");
        assert_eq!(problems(root, &nut("localhost:3493")), [""; 0]);
        fs::create_dir_all(root.join("etc/nut")).unwrap();
        let settings = root.join("etc/nut/upsmon.conf");
        write(&settings, "# POWERDOWNFLAG /x\n");
        let no_flag = problems(root, &nut("127.0.0.1:3493"));
        assert!(no_flag[0].contains("leaves no flag"), "{no_flag:?}");
        write(&settings, "POWERDOWNFLAG /etc/killpower\n");
        assert_eq!(problems(root, &nut("[::1]:3493")), [""; 0]);
    }

    #[test]
    fn a_box_without_any_ups_gets_advice_until_its_owner_knows() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert!(problems(root, &Power::default())[0].starts_with("Nothing tells of power cuts"));
        let none = Power {
            ups: Some(Ups::None),
            ..Power::default()
        };
        assert_eq!(problems(root, &none), [""; 0]);
        let battery = root.join("sys/class/power_supply/BAT0");
        fs::create_dir_all(&battery).unwrap();
        write(battery.join("type"), "Battery\n");
        assert_eq!(problems(root, &Power::default()), [""; 0]);
    }
}
