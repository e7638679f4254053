//! How much memory there is, and how long programs wait for it (PSI). A machine whose kernel does not tell of waits is
//! taken to be well: memory that is full of files' contents is used, not missing.

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::machine::Machine;

/// Percent of the last minute in which something waited for memory, from which on a person notices.
const SOME_WARN: f64 = 25.0;
/// Percent in which everything did: the machine does little else.
const FULL_WARN: f64 = 10.0;
const FULL_FAIL: f64 = 40.0;

/// What the kernel tells of waits for memory, in percent of the last minute.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pressure {
    some: f64,
    full: f64,
}

/// Looks once.
pub(super) async fn look(machine: &Machine) -> Vec<Observation> {
    let read = |machine: &Machine| {
        let pressure = machine.text("/proc/pressure/memory");
        (pressure, machine.text("/proc/meminfo").unwrap_or_default())
    };
    let Some((pressure, amounts)) = machine.read(read).await else {
        return vec![Observation::unknown(Subject::Memory)];
    };
    let pressure = pressure.as_deref().and_then(parse_pressure);
    let mut seen = pressure.map_or_else(|| Observation::pass(Subject::Memory), judge);
    seen.values.extend(values(&amounts));
    if let Some(Pressure { some, .. }) = pressure {
        seen.values.push(("memory_pressure_ratio", some / 100.0));
    }
    vec![seen]
}

fn judge(pressure: Pressure) -> Observation {
    let Pressure { some, full } = pressure;
    let state = if full >= FULL_FAIL {
        State::Fail
    } else if full >= FULL_WARN || some >= SOME_WARN {
        State::Warn
    } else {
        return Observation::pass(Subject::Memory);
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits"
    )]
    let percent = some.clamp(0.0, 100.0).round() as u8;
    Observation {
        state,
        ..Observation::warn(Subject::Memory, Finding::of(What::MemoryPressure(percent)))
    }
}

/// Reads `some avg10=0.00 avg60=1.50 avg300=…` and the same for `full`.
fn parse_pressure(text: &str) -> Option<Pressure> {
    let average = |kind: &str| {
        let line = text.lines().find(|line| line.starts_with(kind))?;
        let mut words = line.split(' ');
        words.find_map(|word| word.strip_prefix("avg60=")?.parse().ok())
    };
    Some(Pressure {
        some: average("some")?,
        full: average("full")?,
    })
}

/// Reads the lines of `/proc/meminfo` that people ask for, in bytes.
fn values(text: &str) -> impl Iterator<Item = (&'static str, f64)> {
    let amount = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let kib: f64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024.0)
    };
    let wanted = [
        ("memory_size_bytes", "MemTotal:"),
        ("memory_available_bytes", "MemAvailable:"),
        ("swap_size_bytes", "SwapTotal:"),
        ("swap_free_bytes", "SwapFree:"),
    ];
    let found = wanted.map(|(value, name)| Some((value, amount(name)?)));
    found.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    const AMOUNTS: &str = "MemTotal:       16314504 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";

    async fn seen(pressure: &str) -> Observation {
        let files = [
            ("/proc/pressure/memory", pressure),
            ("/proc/meminfo", AMOUNTS),
        ];
        let (_folder, machine) = machine(&files);
        look(&machine).await.remove(0)
    }

    #[tokio::test]
    async fn waits_for_memory_are_told_by_how_long_they_are() {
        for (some, full, state) in [
            ("0.00", "0.00", State::Pass),
            ("24.90", "9.90", State::Pass),
            ("25.00", "0.00", State::Warn),
            ("12.00", "10.00", State::Warn),
            ("80.00", "40.00", State::Fail),
        ] {
            let text = format!(
                "some avg10=99.00 avg60={some} avg300=0.00 total=1\nfull avg10=99.00 avg60={full} avg300=0.00 total=1\n"
            );
            assert_eq!(seen(&text).await.state, state, "{some} {full}");
        }
        let text =
            "some avg10=0 avg60=79.6 avg300=0 total=1\nfull avg10=0 avg60=41 avg300=0 total=1";
        let what = seen(text).await.finding.unwrap().what;
        assert_eq!(what, What::MemoryPressure(80));
    }

    #[tokio::test]
    async fn a_kernel_that_tells_nothing_of_waits_still_tells_amounts() {
        let (_folder, machine) = machine(&[("/proc/meminfo", AMOUNTS)]);
        let seen = look(&machine).await.remove(0);
        assert_eq!(seen.state, State::Pass);
        let available = ("memory_available_bytes", 1024.0 * 1024.0);
        assert!(seen.values.contains(&available), "{:?}", seen.values);
    }
}
