//! The mains go and come back, as a real NUT server tells it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::eventually;
use crate::peers::skipped;

use super::Host;
use super::said;

const DRIVER: &str = "/lib/nut/dummy-ups";
const SERVER: &str = "/lib/nut/upsd";
/// Turns of ten seconds: the box believes the mains after 30 s, and whoever plays them has a busy machine.
const TURNS: usize = 8;

/// A UPS that says what it is told to, by NUT's own driver and server. Both are killed when dropped.
struct Ups {
    folder: TempDir,
    port: u16,
    driver: Child,
    server: Child,
}

impl Ups {
    fn start() -> Option<Self> {
        if !Path::new(DRIVER).exists() || !Path::new(SERVER).exists() {
            skipped("nut-server", "it is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let device = folder.path().join("ups.dev");
        say(&device, "OL", 1_200);
        let configuration = format!(
            "[ups]\ndriver = dummy-ups\nport = {}\nmode = dummy-once\npollinterval = 1\n",
            device.display()
        );
        for (name, text) in [
            ("ups.conf", configuration.as_str()),
            ("upsd.conf", &format!("LISTEN 127.0.0.1 {port}\n")),
            ("upsd.users", ""),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let user = said(&Command::new("id").arg("-un").output().unwrap());
        let start = |program: &str, arguments: &[&str]| {
            Command::new(program)
                .args(arguments)
                .args(["-u", user.trim(), "-F"])
                .env("NUT_CONFPATH", folder.path())
                .env("NUT_STATEPATH", folder.path())
                .env("NUT_ALTPIDPATH", folder.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let driver = start(DRIVER, &["-a", "ups"]);
        eventually("the driver's socket", || {
            folder.path().join("dummy-ups-ups").exists().then_some(())
        });
        let server = start(SERVER, &[]);
        Some(Self {
            port,
            driver,
            server,
            folder,
        })
    }

    fn says(&self, status: &str, runtime: u32) {
        say(&self.folder.path().join("ups.dev"), status, runtime);
    }
}

/// The driver reads the file again when it has changed; never half of it.
fn say(device: &Path, status: &str, runtime: u32) {
    let text = format!(
        "ups.status: {status}\nups.mfr: Paper\nups.model: Tiger\nbattery.charge: 90\nbattery.runtime: {runtime}\nups.realpower: 27\n"
    );
    let new = device.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, device).unwrap();
}

impl Drop for Ups {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.driver] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn power(host: &Host) -> Value {
    host.running().ask("/watch")["power"].clone()
}

fn is_now(host: &Host, state: &str) {
    eventually(&format!("power is {state}"), || {
        (power(host)["state"] == state).then_some(())
    });
}

#[test]
fn a_box_whose_battery_is_nearly_empty_rests_until_the_mains_are_back() {
    let Some(ups) = Ups::start() else { return };
    let target = tempfile::tempdir().unwrap();
    let mut host = Host::with(&format!(
        "[power]\nups = \"ups@127.0.0.1:{}\"\nrest_below = \"5m\"\nprice_per_kwh = 228\ncurrency = \"KRW\"\n\
         [backup]\nto = \"{}\"",
        ups.port,
        target.path().display()
    ));
    host.answers("1");
    let before = host.app_pid();
    let told = eventually("what tells of the power", || {
        let power = power(&host);
        power["charge"].is_number().then_some(power)
    });
    assert_eq!(told["state"], "mains");
    let source = told["source"].as_str().unwrap();
    assert!(source.contains("Paper Tiger"), "{source}");
    assert_eq!(told["watts"], 27.0);
    assert_eq!(told["cost"], "4,500 KRW a month");

    ups.says("OB DISCHRG", 1_200);
    is_now(&host, "battery");
    eventually("that backups wait is shown", || {
        let shown = host.running().ask("/backups").to_string();
        shown.contains("Backups wait until the mains").then_some(())
    });
    assert_eq!(host.version(), "1", "visitors notice nothing of it");

    ups.says("OB DISCHRG", 290);
    is_now(&host, "low");
    let refused = eventually("visitors are told to come back", || {
        let answer = raw(&host);
        answer.starts_with("HTTP/1.1 503").then_some(answer)
    });
    assert!(
        refused.to_lowercase().contains("retry-after: "),
        "{refused}"
    );
    assert_eq!(host.running().get("b.test"), "neighbour");
    eventually("the app's process has ended", || {
        rustix::process::test_kill_process(before).err()
    });
    let told = host.fails(&["restart", "coffee"]);
    assert!(
        told.contains("the battery of the box is nearly empty"),
        "{told}"
    );

    ups.says("OL CHRG", 290);
    patiently(|| power(&host)["state"] == "mains");
    host.answers("1");
    host.done(&["restart", "coffee"]);
    host.stop();
}

/// Waits several times as long as `eventually`.
fn patiently(is_so: impl Fn() -> bool) {
    for turn in 1..=TURNS {
        let mut asked = 0;
        let is_now = eventually("a turn is over", || {
            asked += 1;
            let is_over = asked > 1_000;
            (is_so() || is_over).then_some(!is_over)
        });
        if is_now {
            return;
        }
        assert!(turn < TURNS, "it never was so");
    }
}

/// The whole answer for the app's site.
fn raw(host: &Host) -> String {
    use std::io::Read as _;
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(host.http()).unwrap();
    let question = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
