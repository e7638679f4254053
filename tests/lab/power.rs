//! The power goes, and comes back after a while: the box is back by itself, serves, and says once how long it was off.

use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::{ASK, Lab, step, vm};

/// Whoever is told of anything reads it in a file.
const CONFIGURATION: &str = r#"[box]
name = "lab"
[sites."one.test"]
files = "/srv/one"
[watch]
internet = []
domains = false
[people.me]
exec = ["sh", "-c", "cat >> /srv/told; echo >> /srv/told"]
"#;
/// Each takes minutes on an emulated machine; `ONDOL_POWER_CUTS` asks for more.
const POWER_CUTS: u64 = 2;
/// What may be wrong about how long the box was off, in seconds.
const WRONG_MAX: i64 = 30;
/// How long it was off, besides what the machine takes to be switched on again: from a flicker to a night.
const OFF: [u64; 4] = [0, 7 * 3_600 + 12 * 60, 40, 3 * 86_400];

#[test]
fn a_power_cut_is_told_once_with_how_long_it_was() {
    let Some(lab) = Lab::resume() else { return };
    lab.copy_in();
    lab.run(&format!(
        "mkdir -p /etc/ondol && cat > /etc/ondol/ondol.toml <<'END'\n{CONFIGURATION}END"
    ));
    lab.run("cd /root/deploy && ./install.sh --binary ./ondol && ondol certs root > /root/root.pem && sync");
    lives(&lab);
    let cuts = std::env::var_os("ONDOL_POWER_CUTS").and_then(|cuts| cuts.into_string().ok());
    let cuts = cuts
        .and_then(|cuts| cuts.parse().ok())
        .unwrap_or(POWER_CUTS);
    let mut later = 0;
    for round in 1..=cuts {
        step(&format!("power cut {round} of {cuts}"));
        lab.run("rm -f /srv/told && sync");
        lab.vm(&["cut"]);
        let cut_at = now();
        let off = OFF[usize::try_from(round - 1).unwrap_or(0) % OFF.len()];
        later += off;
        let switched_on_at = now();
        let started = vm().arg("start").env("LATER", later.to_string()).status();
        assert!(started.expect("tests/lab/vm starts").success());
        assert_eq!(
            lab.run(&format!("{ASK} https://one.test/")),
            "one",
            "it serves, before anybody did anything"
        );
        lab.wait("test -s /srv/told");
        lives(&lab);
        let told = lab.run("cat /srv/told");
        let messages: Vec<Value> = told
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_str(line).expect("a message is JSON"))
            .collect();
        let [message] = &messages[..] else {
            panic!("not one message, but {told}");
        };
        let off = i64::try_from(off).expect("it is short") + switched_on_at - cut_at;
        let said = seconds_said(&lab);
        step(&format!("it was off for {off} s, and says {said} s"));
        assert!((said - off).abs() <= WRONG_MAX, "{message}");
        let span = span(said);
        assert!(
            message.to_string().contains(&span),
            "no {span} in {message}"
        );
    }
}

/// Waits for a sign of life of this run of the machine: what was before it was told.
fn lives(lab: &Lab) {
    lab.wait(
        "test \"$(sqlite3 /var/lib/ondol/ondol.db 'select boot_id from watch_beat')\" = \"$(cat /proc/sys/kernel/random/boot_id)\"",
    );
}

/// How long the box says that it was off, to the second: people are told less.
fn seconds_said(lab: &Lab) -> i64 {
    let said = lab.run(
        "journalctl --unit ondol --boot --no-pager --output cat | grep -o 'back, [0-9]* s after' | tr -dc 0-9",
    );
    said.parse().expect("a number of seconds")
}

/// The same as people are told it, as far as that begins.
fn span(seconds: i64) -> String {
    let days = match seconds / 86_400 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h"),
        _ => days,
    }
}

fn now() -> i64 {
    let since = UNIX_EPOCH.elapsed();
    i64::try_from(since.expect("the clock is right").as_secs()).expect("it is not that late")
}
