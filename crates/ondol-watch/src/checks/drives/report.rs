//! What `smartctl -j` writes, and what of it is worth a word. Pure.

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use serde::Deserialize;

use super::errors::Errors;

/// Kinds that smartctl finds by itself; others (behind a controller) must be named.
const FOUND_BY_ITSELF: [&str; 5] = ["ata", "nvme", "sat", "scsi", ""];
/// Bits of the exit code: the drive says that it fails.
const FAILS_NOW: u32 = 1 << 3;
/// Percent of a drive's life that are used, from which on another should be bought.
const WORN: u8 = 90;
/// Attributes of ATA whose growth means a drive's end: sectors that were replaced, read in vain, wait to be replaced,
/// can't be (Backblaze watches the same).
const ERRORS: [u64; 4] = [5, 187, 197, 198];
/// Bits of NVMe's critical warning, in words.
const WARNINGS: [&str; 6] = [
    "its spare room runs out",
    "it is too hot or too cold",
    "it is not reliable any more",
    "it takes nothing, and can only be read",
    "its protection against power cuts has failed",
    "its persistent memory can only be read",
];

/// A drive that can be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drive {
    /// `nvme0`.
    pub(super) name: String,
    /// What smartctl needs to find it.
    pub(super) arguments: Vec<String>,
}

/// What a drive says of itself.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) serial: String,
    pub(super) errors: u64,
    fails: Option<String>,
    worn: Option<u8>,
    degrees: Option<i64>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    devices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Said {
    smartctl: Program,
    #[serde(default)]
    serial_number: String,
    smart_status: Option<Status>,
    temperature: Option<Temperature>,
    ata_smart_attributes: Option<Attributes>,
    nvme_smart_health_information_log: Option<Nvme>,
}

#[derive(Deserialize)]
struct Program {
    #[serde(default)]
    exit_status: u32,
}

#[derive(Deserialize)]
struct Status {
    passed: bool,
}

#[derive(Deserialize)]
struct Temperature {
    current: Option<i64>,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    table: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    id: u64,
    raw: Raw,
}

#[derive(Deserialize)]
struct Raw {
    value: u64,
}

#[derive(Deserialize)]
struct Nvme {
    #[serde(default)]
    critical_warning: u8,
    #[serde(default)]
    percentage_used: u8,
    #[serde(default)]
    media_errors: u64,
}

/// The drives of `smartctl --scan -j`.
pub(super) fn drives(text: &[u8]) -> Vec<Drive> {
    let listed: Option<Listed> = serde_json::from_slice(text).ok();
    let devices = listed.map(|listed| listed.devices).unwrap_or_default();
    let devices = devices.into_iter().map(|Device { name, kind }| {
        let short = name.rsplit('/').next().unwrap_or_default();
        if FOUND_BY_ITSELF.contains(&kind.as_str()) {
            return Drive {
                name: short.to_owned(),
                arguments: vec![name],
            };
        }
        Drive {
            name: format!("{short}-{}", kind.replace(',', "-")),
            arguments: vec!["-d".to_owned(), kind, name],
        }
    });
    devices.collect()
}

impl Report {
    /// Reads `smartctl -j -a`; `None` when the drive says nothing of its health.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let said: Said = serde_json::from_slice(text).ok()?;
        if said.smart_status.is_none() && said.nvme_smart_health_information_log.is_none() {
            return None;
        }
        let nvme = said.nvme_smart_health_information_log;
        let attributes = said.ata_smart_attributes.map(|found| found.table);
        let attributes = attributes.unwrap_or_default();
        let errors = attributes.iter().filter(|found| ERRORS.contains(&found.id));
        let errors: u64 = errors.map(|found| found.raw.value).sum();
        let warned = nvme.as_ref().map_or(0, |nvme| nvme.critical_warning);
        let fails_now = said.smartctl.exit_status & FAILS_NOW != 0
            || said.smart_status.is_some_and(|status| !status.passed);
        Some(Self {
            serial: said.serial_number,
            errors: errors + nvme.as_ref().map_or(0, |nvme| nvme.media_errors),
            fails: warning(warned).or_else(|| fails_now.then(String::new)),
            worn: nvme.map(|nvme| nvme.percentage_used),
            degrees: said.temperature.and_then(|temperature| temperature.current),
        })
    }

    /// How the drive is. What it says stays as it is, so that one look is enough.
    pub(super) fn judge(&self, name: &str, errors: Errors, now: i64) -> Observation {
        let subject = Subject::Drive(name.to_owned());
        let mut seen = if let Some(why) = &self.fails {
            Observation::fail(subject, Finding::saying(What::DriveFailing, why)).certain()
        } else if errors.grow(now) {
            let grow = Finding::of(What::DriveErrors(errors.count));
            Observation::warn(subject, grow).certain()
        } else if let Some(worn) = self.worn.filter(|worn| *worn >= WORN) {
            Observation::warn(subject, Finding::of(What::DriveWorn(worn))).certain()
        } else {
            Observation::pass(subject).certain()
        };
        #[expect(clippy::cast_precision_loss, reason = "these are small")]
        let values = [
            (
                "disk_temperature_celsius",
                self.degrees.map(|value| value as f64),
            ),
            (
                "disk_worn_ratio",
                self.worn.map(|worn| f64::from(worn) / 100.0),
            ),
            ("disk_errors", Some(self.errors as f64)),
        ];
        let values = values.into_iter();
        seen.values
            .extend(values.filter_map(|(name, value)| Some((name, value?))));
        seen
    }
}

fn warning(bits: u8) -> Option<String> {
    let words = WARNINGS.iter().zip(0..);
    let words = words.filter(|(_, bit)| bits & (1 << bit) != 0);
    let words: Vec<_> = words.map(|(word, _)| *word).collect();
    (bits != 0).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;
    use serde_json::json;

    use super::*;

    fn seen(said: &serde_json::Value) -> Option<Observation> {
        let report = Report::parse(said.to_string().as_bytes())?;
        let errors = Errors::compared(None, report.errors, 0);
        Some(report.judge("sda", errors, 0))
    }

    fn what(said: &serde_json::Value) -> (State, Option<What>) {
        let seen = seen(said).unwrap();
        (seen.state, seen.finding.map(|finding| finding.what))
    }

    #[test]
    fn drives_are_found_by_smartctl_or_as_it_names_them() {
        let listed = json!({"devices": [
            {"name": "/dev/sda", "info_name": "/dev/sda", "type": "scsi", "protocol": "SCSI"},
            {"name": "/dev/nvme0", "type": "nvme"},
            {"name": "/dev/bus/0", "type": "megaraid,8"},
        ]});
        let found = drives(listed.to_string().as_bytes());
        let found: Vec<_> = found
            .iter()
            .map(|drive| (drive.name.as_str(), drive.arguments.join(" ")))
            .collect();
        let expected = [
            ("sda", "/dev/sda".to_owned()),
            ("nvme0", "/dev/nvme0".to_owned()),
            ("0-megaraid-8", "-d megaraid,8 /dev/bus/0".to_owned()),
        ];
        assert_eq!(found, expected);
        assert_eq!(drives(b"not found"), []);
    }

    #[test]
    fn an_nvme_drive_warns_in_words() {
        let nvme = |warning: u8, used: u8| {
            json!({
                "smartctl": {"exit_status": 0},
                "serial_number": "S1",
                "smart_status": {"passed": warning == 0},
                "temperature": {"current": 41},
                "nvme_smart_health_information_log":
                    {"critical_warning": warning, "percentage_used": used, "media_errors": 2},
            })
        };
        assert_eq!(what(&nvme(0, 89)), (State::Pass, None));
        assert_eq!(what(&nvme(0, 90)), (State::Warn, Some(What::DriveWorn(90))));
        let failing = seen(&nvme(0b101, 95)).unwrap();
        let words = "its spare room runs out, it is not reliable any more";
        let expected = Finding::saying(What::DriveFailing, words);
        assert_eq!(failing.finding, Some(expected));
        let degrees = ("disk_temperature_celsius", 41.0);
        assert!(failing.values.contains(&degrees));
    }

    #[test]
    fn a_disk_fails_by_its_own_word_or_by_errors_that_grow() {
        let ata = |passed: bool, exit: u32, pending: u64| {
            json!({
                "smartctl": {"exit_status": exit},
                "serial_number": "S2",
                "smart_status": {"passed": passed},
                "ata_smart_attributes": {"table": [
                    {"id": 5, "raw": {"value": 3}},
                    {"id": 9, "raw": {"value": 44_000}},
                    {"id": 197, "raw": {"value": pending}},
                ]},
            })
        };
        // Errors of long ago (bits 6 and 7) are in the logs of many a good disk.
        assert_eq!(what(&ata(true, 64, 0)), (State::Pass, None));
        let failing = (State::Fail, Some(What::DriveFailing));
        assert_eq!(what(&ata(false, 8, 0)), failing);
        assert_eq!(what(&ata(true, 8, 0)), failing);
        let report = Report::parse(ata(true, 0, 8).to_string().as_bytes()).unwrap();
        let before = Errors::compared(None, 3, 0);
        let grown = Errors::compared(Some(before), report.errors, 10);
        let seen = report.judge("sda", grown, 10);
        assert_eq!(seen.finding.unwrap().what, What::DriveErrors(11));
    }

    #[test]
    fn a_drive_that_sleeps_or_may_not_be_asked_says_nothing() {
        let asleep = json!({"smartctl": {"exit_status": 0}, "serial_number": "S3"});
        assert!(seen(&asleep).is_none());
        let refused = json!({"smartctl": {"exit_status": 2,
            "messages": [{"string": "Permission denied", "severity": "error"}]}});
        assert!(seen(&refused).is_none());
        assert!(Report::parse(b"<html>").is_none());
    }
}
