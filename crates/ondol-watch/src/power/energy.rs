//! What the machine draws: by the counters of its processor, or by what a UPS measures.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ondol_model::plan;
use ondol_model::watch::EnergyCounter;
use ondol_model::watch::SteadyWatts;
use ondol_model::watch::monthly_cost;

/// Where the kernel tells of it. Other folders there count the same once more.
const COUNTERS: &str = "sys/class/powercap";
const PREFIX: &str = "intel-rapl:";
/// Most machines have two counters, a server with many sockets has some dozens.
const COUNTERS_MAX: usize = 64;
/// The name of what counts the whole machine, where there is such a one.
const WHOLE: &str = "psys";

/// A counter of energy; in microjoules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    name: String,
    now: u64,
    range: u64,
}

/// What was drawn since the start of the agent.
#[derive(Debug, Default)]
pub(super) struct Energy {
    counters: BTreeMap<String, EnergyCounter>,
    joules: BTreeMap<String, f64>,
    now: Option<f64>,
    average: SteadyWatts,
    /// Whether a UPS has measured everything since the counters were read.
    is_measured: bool,
}

/// The counters of the processor, in the order of their names; none where there are none, or only root may read them.
/// Blocks.
pub(super) fn read(root: &Path) -> Vec<Reading> {
    let Ok(entries) = fs::read_dir(root.join(COUNTERS)) else {
        return Vec::new();
    };
    let mut readings: Vec<_> = entries
        .take(COUNTERS_MAX)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let id = entry.file_name().into_string().ok()?;
            let is_inner = id.strip_prefix(PREFIX)?.contains(':');
            let folder = entry.path();
            let name = fs::read_to_string(folder.join("name")).ok()?;
            let name = name.trim();
            // What is inside of a package is counted with it; memory is not.
            if is_inner && name != "dram" {
                return None;
            }
            let number = |file: &str| {
                let text = fs::read_to_string(folder.join(file)).ok()?;
                text.trim().parse::<u64>().ok()
            };
            let name = match is_inner {
                true => format!("{name}-{}", id.strip_prefix(PREFIX)?.replace(':', "-")),
                false => name.to_owned(),
            };
            Some(Reading {
                name,
                now: number("energy_uj")?,
                range: number("max_energy_range_uj").unwrap_or(0),
            })
        })
        .collect();
    readings.sort_by(|one, other| one.name.cmp(&other.name));
    readings
}

impl Energy {
    /// The counters of the processor stand at this, so many seconds after the last time.
    pub(super) fn counted(&mut self, readings: &[Reading], seconds: f64, baseline_watts: f64) {
        let mut whole = None;
        let mut parts = 0.0;
        let is_first = self.counters.is_empty();
        for reading in readings {
            let counter = self.counters.entry(reading.name.clone()).or_default();
            let joules = counter.risen(reading.now, reading.range) as f64 / 1_000_000.0;
            *self.joules.entry(reading.name.clone()).or_default() += joules;
            match reading.name == WHOLE {
                true => whole = Some(joules),
                false => parts += joules,
            }
        }
        let is_measured = std::mem::take(&mut self.is_measured);
        if is_measured || seconds <= 0.0 || (is_first && !readings.is_empty()) {
            return;
        }
        if readings.is_empty() && baseline_watts <= 0.0 {
            self.now = None;
            return;
        }
        let watts = whole.unwrap_or(parts) / seconds + baseline_watts;
        self.draws(watts, seconds);
    }

    /// A UPS measured so many watts, and so many seconds went by.
    pub(super) fn measured(&mut self, watts: f64, seconds: f64) {
        *self.joules.entry("ups".to_owned()).or_default() += watts * seconds;
        self.is_measured = true;
        self.draws(watts, seconds);
    }

    fn draws(&mut self, watts: f64, seconds: f64) {
        self.now = Some(watts);
        self.average.add(watts, seconds);
    }

    /// What is drawn now, in watts.
    pub(super) fn watts(&self) -> Option<f64> {
        self.now
    }

    /// Energy by what was measured, in joules.
    pub(super) fn joules(&self) -> Vec<(String, f64)> {
        let joules = self.joules.iter();
        joules
            .map(|(name, joules)| (name.clone(), *joules))
            .collect()
    }

    /// What a month of it costs, for people.
    pub(super) fn cost(&self, power: &plan::Power) -> Option<String> {
        let watts = self.average.watts()?;
        let price = power.price_per_kwh?;
        Some(monthly_cost(watts, price, &power.currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::put;

    fn plant(root: &Path, id: &str, name: &str, now: u64) {
        let folder = root.join(COUNTERS).join(id);
        for (file, value) in [
            ("name", name.to_owned()),
            ("energy_uj", now.to_string()),
            ("max_energy_range_uj", "1000000000".to_owned()),
        ] {
            put(&folder.join(file), &format!("{value}\n"));
        }
    }

    #[test]
    fn a_processor_and_the_rest_of_the_machine_are_added() {
        let root = tempfile::tempdir().unwrap();
        let mut energy = Energy::default();
        let power = plan::Power {
            price_per_kwh: Some(228_000),
            currency: "KRW".to_owned(),
            ..plan::Power::default()
        };
        // The second counter wraps in between.
        for (package, memory) in [(5_000_000, 900_000_000), (305_000_000, 20_000_000)] {
            plant(root.path(), "intel-rapl:0", "package-0", package);
            plant(root.path(), "intel-rapl:0:0", "core", package / 2);
            plant(root.path(), "intel-rapl:0:1", "dram", memory);
            plant(root.path(), "intel-rapl-mmio:0", "package-0", package);
            assert_eq!(energy.cost(&power), None);
            energy.counted(&read(root.path()), 60.0, 8.0);
        }
        assert_eq!(energy.watts(), Some(5.0 + 2.0 + 8.0));
        assert_eq!(
            energy.joules(),
            [
                ("dram-0-1".to_owned(), 120.0),
                ("package-0".to_owned(), 300.0)
            ]
        );
        assert_eq!(energy.cost(&power).unwrap(), "2,500 KRW a month");
    }

    #[test]
    fn what_counts_the_whole_machine_is_not_added_to_its_parts() {
        let root = tempfile::tempdir().unwrap();
        let mut energy = Energy::default();
        for now in [0, 600_000_000] {
            plant(root.path(), "intel-rapl:0", "package-0", now / 2);
            plant(root.path(), "intel-rapl:1", "psys", now);
            energy.counted(&read(root.path()), 60.0, 0.0);
        }
        assert_eq!(energy.watts(), Some(10.0));
    }

    #[test]
    fn without_counters_only_what_the_owner_says_is_known() {
        let root = tempfile::tempdir().unwrap();
        let mut energy = Energy::default();
        energy.counted(&read(root.path()), 60.0, 0.0);
        assert_eq!(energy.watts(), None);
        energy.counted(&read(root.path()), 60.0, 12.5);
        assert_eq!(energy.watts(), Some(12.5));
        assert!(energy.joules().is_empty());
    }

    #[test]
    fn a_ups_measures_everything() {
        let mut energy = Energy::default();
        energy.measured(27.0, 5.0);
        energy.measured(29.0, 5.0);
        assert_eq!(energy.joules(), [("ups".to_owned(), 280.0)]);
        assert_eq!(energy.watts(), Some(29.0));
        // What is said of the machine besides is in that already.
        energy.counted(&[], 60.0, 12.5);
        assert_eq!(energy.watts(), Some(29.0));
    }
}
