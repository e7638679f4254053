//! The battery of this machine: a laptop is a server with a UPS.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::watch::PowerReading;

/// Where the kernel tells of it.
const SUPPLIES: &str = "sys/class/power_supply";
/// A battery with less is nearly empty, where it has no word for that: what it says of its charge is not exact.
const LOW: f64 = 0.05;
/// A battery that holds less than this share of what it was made for wants to be replaced.
const WORN: f64 = 0.4;

/// What the battery of the machine says; `None` where there is none. Blocks: some are asked over a slow wire.
pub(super) fn read(root: &Path) -> Option<PowerReading> {
    let supplies = fs::read_dir(root.join(SUPPLIES)).ok()?;
    let mut folders: Vec<_> = supplies
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    folders.sort();
    let supplies: Vec<_> = folders.into_iter().map(Supply).collect();
    let batteries: Vec<_> = supplies.iter().filter(|one| one.is_battery()).collect();
    let plugs: Vec<_> = supplies.iter().filter_map(Supply::is_plugged).collect();
    if batteries.is_empty() {
        return None;
    }
    let discharges = batteries
        .iter()
        .any(|one| one.word("status").as_deref() == Some("Discharging"));
    // Some are charged too slowly for what the machine draws; the plug says whether the mains are there.
    let is_on_battery = match plugs.is_empty() {
        true => discharges,
        false => !plugs.contains(&true),
    };
    let charge = charge(&batteries);
    let is_critical = batteries
        .iter()
        .all(|one| one.word("capacity_level").as_deref() == Some("Critical"));
    Some(PowerReading {
        is_on_battery,
        is_low: is_critical || charge.is_some_and(|charge| charge <= LOW),
        is_worn: is_worn(&batteries),
        charge,
        runtime: is_on_battery.then(|| runtime(&batteries)).flatten(),
        ..PowerReading::default()
    })
}

/// A folder that tells of one battery, or plug.
struct Supply(PathBuf);

impl Supply {
    /// Whether it is a battery of the machine, not one of a mouse.
    fn is_battery(&self) -> bool {
        let is_of_device = self.word("scope").as_deref() == Some("Device");
        let is_present = self.number("present").is_none_or(|present| present > 0.0);
        self.word("type").as_deref() == Some("Battery") && !is_of_device && is_present
    }

    /// Whether the mains come in here; `None` where they never do.
    fn is_plugged(&self) -> Option<bool> {
        let is_plug = matches!(self.word("type").as_deref(), Some("Mains" | "USB"));
        let is_of_device = self.word("scope").as_deref() == Some("Device");
        (is_plug && !is_of_device)
            .then(|| self.number("online"))
            .flatten()
            .map(|online| online > 0.0)
    }

    fn word(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.0.join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.word(name)?.parse().ok()
    }

    /// By energy, or by charge; a battery tells one of the two.
    fn either(&self, energy: &str, charge: &str) -> Option<f64> {
        self.number(energy).or_else(|| self.number(charge))
    }
}

fn sum(batteries: &[&Supply], energy: &str, charge: &str) -> Option<f64> {
    batteries.iter().map(|one| one.either(energy, charge)).sum()
}

fn charge(batteries: &[&Supply]) -> Option<f64> {
    let now = sum(batteries, "energy_now", "charge_now");
    let full = sum(batteries, "energy_full", "charge_full").filter(|full| *full > 0.0);
    let measured = now.zip(full).map(|(now, full)| now / full);
    let told = || {
        let percents: Option<f64> = batteries.iter().map(|one| one.number("capacity")).sum();
        percents.map(|percents| percents / 100.0 / batteries.len() as f64)
    };
    measured.or_else(told).map(|share| share.clamp(0.0, 1.0))
}

/// In seconds.
fn runtime(batteries: &[&Supply]) -> Option<u64> {
    let now = sum(batteries, "energy_now", "charge_now")?;
    let drawn = sum(batteries, "power_now", "current_now")?.abs();
    let hours = now / drawn;
    (drawn > 0.0 && hours.is_finite()).then_some((hours * 3_600.0) as u64)
}

fn is_worn(batteries: &[&Supply]) -> bool {
    let full = sum(batteries, "energy_full", "charge_full");
    let made_for = sum(batteries, "energy_full_design", "charge_full_design");
    full.zip(made_for)
        .is_some_and(|(full, made_for)| full > 0.0 && full < WORN * made_for)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::put;

    fn machine(supplies: &[(&str, &str)]) -> Option<PowerReading> {
        let root = tempfile::tempdir().unwrap();
        for (name, values) in supplies {
            let folder = root.path().join(SUPPLIES).join(name);
            for pair in values.split(' ') {
                let (file, value) = pair.split_once('=').unwrap();
                let value = value.replace('_', " ") + "\n";
                put(&folder.join(file), &value);
            }
        }
        read(root.path())
    }

    #[test]
    fn a_machine_without_a_battery_says_nothing() {
        assert_eq!(machine(&[]), None);
        assert_eq!(machine(&[("AC", "type=Mains online=1")]), None);
        let mouse = (
            "hid",
            "type=Battery scope=Device capacity=3 status=Discharging",
        );
        assert_eq!(machine(&[mouse]), None);
        assert_eq!(machine(&[("BAT0", "type=Battery present=0")]), None);
    }

    #[test]
    fn a_laptop_on_the_mains_and_off_them() {
        let battery = "type=Battery present=1 capacity=80 energy_now=40000000 energy_full=50000000 energy_full_design=60000000 power_now=10000000";
        for (online, is_on_battery) in [("1", false), ("0", true)] {
            let mains = format!("type=Mains online={online}");
            let status = if is_on_battery {
                "Discharging"
            } else {
                "Not_charging"
            };
            let battery = format!("{battery} status={status}");
            let reading = machine(&[("AC", &mains), ("BAT0", &battery)]).unwrap();
            assert_eq!(reading.is_on_battery, is_on_battery);
            assert_eq!(reading.charge, Some(0.8));
            assert_eq!(reading.runtime, is_on_battery.then_some(4 * 3_600));
            assert!(!reading.is_low && !reading.is_worn);
        }
    }

    #[test]
    fn plugs_of_any_kind_count_and_a_slow_charger_is_a_charger() {
        let battery = "type=Battery capacity=4 status=Discharging charge_now=200 charge_full=5000 charge_full_design=20000 current_now=-100";
        let plugs = [("AC", "type=Mains online=0"), ("usb", "type=USB online=1")];
        let reading = machine(&[plugs[0], plugs[1], ("BAT0", battery)]).unwrap();
        assert!(!reading.is_on_battery && reading.is_low && reading.is_worn);
        // Without a plug that tells, the battery does.
        let reading = machine(&[("BAT0", battery)]).unwrap();
        assert!(reading.is_on_battery);
        assert_eq!(reading.runtime, Some(2 * 3_600));
    }

    #[test]
    fn two_batteries_are_one() {
        let one = "type=Battery capacity=20 capacity_level=Critical status=Discharging";
        let other = "type=Battery capacity=80 capacity_level=Normal status=Unknown";
        let reading = machine(&[("BAT0", one), ("BAT1", other)]).unwrap();
        assert_eq!(reading.charge, Some(0.5));
        assert!(reading.is_on_battery && !reading.is_low);
        assert_eq!(reading.runtime, None);
        assert!(machine(&[("BAT0", one)]).unwrap().is_low);
    }
}
