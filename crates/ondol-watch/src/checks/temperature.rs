//! How hot the box is, by its own sensors and their own limits.

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::machine::Machine;

const SENSORS: &str = "/sys/class/hwmon";
/// Sensors of processors; only these are judged where they tell no limit of their own.
const PROCESSORS: [&str; 6] = [
    "coretemp",
    "k10temp",
    "zenpower",
    "cpu_thermal",
    "soc_thermal",
    "cpu",
];
/// The limits of a processor that tells none.
const PROCESSOR: Limits = Limits {
    warn: 85_000,
    fail: 95_000,
};
/// What is critical by a sensor's own word is warned of so much below, in thousandths of a degree.
const BEFORE_CRITICAL: i64 = 8_000;
/// What was too hot is well again so much below its limit.
const COOLED: i64 = 5_000;
/// What no machine has that still runs: sensors that are not connected say it.
const POSSIBLE: std::ops::Range<i64> = -40_000..150_000;

/// Looks at the sensors, and remembers how it was.
#[derive(Debug, Default)]
pub(super) struct Thermometer {
    state: Option<State>,
}

/// A sensor, in thousandths of a degree Celsius.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sensor {
    name: String,
    now: i64,
    limits: Option<Limits>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    warn: i64,
    fail: i64,
}

impl Thermometer {
    /// Looks once. A machine without sensors says nothing.
    pub(super) async fn look(&mut self, machine: &Machine) -> Vec<Observation> {
        let sensors = machine.read(sensors).await.unwrap_or_default();
        let seen = self.judge(&sensors);
        seen.into_iter().collect()
    }

    fn judge(&mut self, sensors: &[Sensor]) -> Option<Observation> {
        let hottest = sensors.iter().map(|sensor| sensor.now).max()?;
        let before = self.state.unwrap_or(State::Pass);
        let judged = sensors.iter().map(|sensor| (sensor.state(before), sensor));
        let (state, sensor) = judged.max_by_key(|(state, sensor)| (*state, sensor.now))?;
        self.state = Some(state);
        let mut seen = Observation::pass(Subject::Temperature);
        if state > State::Pass {
            let degrees = i32::try_from(sensor.now / 1000).unwrap_or(i32::MAX);
            let hot = Finding::saying(What::Hot(degrees), &sensor.name);
            seen = Observation {
                state,
                ..Observation::warn(Subject::Temperature, hot)
            };
        }
        #[expect(clippy::cast_precision_loss, reason = "it is at most 150,000")]
        let degrees = hottest as f64 / 1000.0;
        seen.values.push(("temperature_celsius", degrees));
        Some(seen)
    }
}

impl Sensor {
    /// How it is, where all were as `before`.
    fn state(&self, before: State) -> State {
        let Some(Limits { warn, fail }) = self.limits else {
            return State::Pass;
        };
        let limit_of = |limit: i64, state: State| {
            if before >= state {
                limit - COOLED
            } else {
                limit
            }
        };
        if self.now >= limit_of(fail, State::Fail) {
            State::Fail
        } else if self.now >= limit_of(warn, State::Warn) {
            State::Warn
        } else {
            State::Pass
        }
    }
}

/// All sensors that say something possible. Blocks.
fn sensors(machine: &Machine) -> Vec<Sensor> {
    let chips = machine.names(SENSORS).into_iter();
    let of_chip = |chip: String| {
        let folder = format!("{SENSORS}/{chip}");
        let name = machine.text(&format!("{folder}/name")).unwrap_or(chip);
        let inputs = machine.names(&folder).into_iter().filter_map(|file| {
            let is_temperature = file.starts_with("temp");
            let sensor = file.strip_suffix("_input").filter(|_| is_temperature)?;
            read_sensor(machine, &format!("{folder}/{sensor}"), &name)
        });
        inputs.collect::<Vec<_>>()
    };
    chips.flat_map(of_chip).collect()
}

fn read_sensor(machine: &Machine, path: &str, chip: &str) -> Option<Sensor> {
    let value = |what: &str| machine.value::<i64>(&format!("{path}_{what}"));
    let possible = |value: &i64| POSSIBLE.contains(value) && *value > 0;
    let now = value("input").filter(|now| POSSIBLE.contains(now))?;
    let critical = value("crit").filter(possible);
    let high = value("max").filter(possible);
    let limits = limits(critical, high, PROCESSORS.contains(&chip));
    let label = machine.text(&format!("{path}_label"));
    let name = label.map_or_else(|| chip.to_owned(), |label| format!("{chip} {label}"));
    Some(Sensor { name, now, limits })
}

/// By what a sensor says: what is critical is so; what is high is worth a word, but for processors, which may be that
/// high at work.
fn limits(critical: Option<i64>, high: Option<i64>, is_processor: bool) -> Option<Limits> {
    match (critical, high) {
        (Some(critical), high) => Some(Limits {
            warn: high
                .filter(|high| !is_processor && *high < critical)
                .unwrap_or(critical - BEFORE_CRITICAL),
            fail: critical,
        }),
        (None, Some(high)) => Some(Limits {
            warn: high,
            fail: high + BEFORE_CRITICAL,
        }),
        (None, None) => is_processor.then_some(PROCESSOR),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::super::machine::tests::put;
    use super::*;

    #[test]
    fn a_sensors_own_limits_count() {
        let limits = |critical, high, is_processor| {
            limits(critical, high, is_processor).map(|limits| (limits.warn, limits.fail))
        };
        for (critical, high, is_processor, expected) in [
            (Some(100_000), Some(80_000), true, Some((92_000, 100_000))),
            (Some(84_850), Some(81_850), false, Some((81_850, 84_850))),
            (Some(90_000), None, false, Some((82_000, 90_000))),
            (None, Some(70_000), false, Some((70_000, 78_000))),
            (None, None, true, Some((85_000, 95_000))),
            (None, None, false, None),
        ] {
            assert_eq!(limits(critical, high, is_processor), expected);
        }
    }

    #[tokio::test]
    async fn the_worst_sensor_is_named_and_cools_down_before_it_is_well() {
        let chip = "/sys/class/hwmon/hwmon0";
        let disk = "/sys/class/hwmon/hwmon1";
        let put_disk = |machine: &Machine, degrees| {
            put(machine, &format!("{disk}/temp1_input"), degrees);
        };
        let (_folder, machine) = machine(&[
            (&format!("{chip}/name"), "coretemp"),
            (&format!("{chip}/temp1_input"), "91000"),
            (&format!("{chip}/temp1_label"), "Package id 0"),
            (&format!("{chip}/temp1_crit"), "100000"),
            (&format!("{chip}/temp2_input"), "-128000"),
            (&format!("{disk}/name"), "nvme"),
            (&format!("{disk}/temp1_crit"), "84850"),
            (&format!("{disk}/temp1_max"), "81850"),
            ("/sys/class/hwmon/hwmon2/name", "acpitz"),
            ("/sys/class/hwmon/hwmon2/temp1_input", "99000"),
        ]);
        let mut thermometer = Thermometer::default();
        for (degrees, state, detail) in [
            ("60000", State::Pass, None),
            ("81850", State::Warn, Some("nvme")),
            ("84900", State::Fail, Some("nvme")),
            ("80000", State::Fail, Some("nvme")),
            ("79000", State::Warn, Some("coretemp Package id 0")),
        ] {
            put_disk(&machine, degrees);
            let seen = thermometer.look(&machine).await.remove(0);
            let named = seen.finding.map(|finding| finding.detail);
            assert_eq!((seen.state, named.as_deref()), (state, detail), "{degrees}");
            assert_eq!(seen.values, [("temperature_celsius", 99.0)]);
        }
    }

    #[tokio::test]
    async fn a_machine_without_sensors_says_nothing() {
        let (_folder, machine) = machine(&[]);
        assert!(Thermometer::default().look(&machine).await.is_empty());
    }
}
