//! The box on a real Debian with a real systemd: installed, booted, reloaded, upgraded, killed, removed, and cut off in the
//! middle of a write.
//!
//! Knows the program only as its owner does: by its commands, its files and what it answers. The machine is `tests/lab`; where
//! it can't be built, each story says so and passes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

#[path = "lab/apps.rs"]
mod apps;
#[path = "lab/backup.rs"]
mod backup;
#[path = "lab/power.rs"]
mod power;

/// `tests/lab/vm` ends so on a machine that can't have a lab.
const NO_LAB: i32 = 77;

/// Acknowledged reloads before the power goes, in each round of the power cut story.
const RELOADS_BEFORE_CUT: usize = 6;
const POWER_CUTS: usize = 2;

/// The sites of the lab's box; the second one says which version of the file is in effect.
const CONFIGURATION: &str = r#"[box]
name = "lab"
[sites."one.test"]
files = "/srv/one"
[sites."two.test"]
respond = { body = "BODY" }
"#;

const ASK: &str = "curl --silent --show-error --max-time 30 --cacert /root/root.pem";

#[test]
fn installed_and_lived_with() {
    let Some(lab) = Lab::resume() else { return };
    let before = lab.run(TRACES);
    lab.copy_in();
    first_file_is_accepted(&lab);
    installed_it_serves(&lab);
    installed_twice_nothing_changes(&lab);
    step("what visitors send is read by a process that may do nothing else");
    lab.data_plane_is_confined();
    changed_file_is_taken_up(&lab);
    broken_file_changes_nothing(&lab);
    upgraded_it_loses_no_request(&lab);
    killed_it_comes_back(&lab);
    switched_on_it_starts_by_itself(&lab);
    uninstalled_it_leaves_what_is_the_owners(&lab, &before);
}

#[test]
fn power_cut_while_writing() {
    let Some(lab) = Lab::resume() else { return };
    lab.copy_in();
    lab.configure("v0");
    lab.run("cd /root/deploy && ./install.sh --binary ./ondol && ondol certs root > /root/root.pem && sync");
    lab.serves("v0");

    let mut version = 0;
    let mut acknowledged = Vec::new();
    for round in 1..=POWER_CUTS {
        step(&format!("power cut {round} of {POWER_CUTS}"));
        let seen = lab.reload_until_cut(version + 1);
        version = seen.version;
        acknowledged.extend(seen.events);
        lab.vm(&["start"]);
        let body = lab.run(&format!("{ASK} https://two.test/"));
        let serving = body
            .strip_prefix('v')
            .and_then(|number| number.parse::<usize>().ok());
        assert!(
            serving.is_some_and(|serving| serving >= version),
            "version {version} was acknowledged, and it serves {body:?}"
        );
        version = serving.unwrap_or(version);
        let kept = lab.events();
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|event| !kept.contains(event))
            .collect();
        assert!(
            lost.is_empty(),
            "{} of {} acknowledged events are gone: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
        assert_eq!(
            lab.run("sqlite3 /var/lib/ondol/ondol.db 'pragma integrity_check'"),
            "ok"
        );
    }

    step("the same disk loses what was not flushed, so the rounds before could have failed");
    lab.run(&format!("sync && tr '\\0' x < /dev/zero | dd of=/dev/vda {BEHIND} iflag=fullblock oflag=direct seek=16384"));
    lab.vm(&["cut"]);
    lab.vm(&["start"]);
    let kept = lab.run(&format!(
        "dd if=/dev/vda {BEHIND} skip=16384 | tr -d '\\0' | wc -c"
    ));
    let kept: usize = kept.parse().expect("wc prints a number");
    assert!(
        kept > 0 && kept < 1 << 20,
        "{kept} of {} bytes were kept",
        1 << 20
    );
}

/// How `dd` reaches the megabyte behind the file system, which takes the first 16384 of these blocks.
const BEHIND: &str = "bs=64k count=16 status=none";

const EVENTS: &str = "ondol events --json --limit 200";

/// Every file on the machine that an installation could have left, besides what is the owner's.
const TRACES: &str = "find / -xdev -path /root -prune -o -path /etc/ondol -prune -o -path /var/lib/ondol -prune -o -path /var/log/ondol -prune \
    -o -name '*ondol*' -print | sort";

/// Changes whenever a file that the installer puts somewhere is touched.
const INSTALLED: &str = "stat --format '%n %i %Y %s %a' /usr/local/bin/ondol /etc/systemd/system/ondol.service /etc/ondol/ondol.toml";

fn first_file_is_accepted(lab: &Lab) {
    step("the first file that the installer writes is accepted");
    let first = lab.run("cd /root/deploy && ./install.sh --binary ./ondol --no-start");
    assert!(
        first.contains("wrote a first /etc/ondol/ondol.toml"),
        "{first}"
    );
    lab.run("ondol check");
    assert_eq!(lab.run("systemctl is-enabled ondol"), "enabled");
    assert_eq!(
        lab.code("systemctl --quiet is-active ondol"),
        3,
        "--no-start started it"
    );
}

fn installed_it_serves(lab: &Lab) {
    step("installed with the owner's file, it serves over HTTPS");
    lab.configure("two");
    let second = lab.run("cd /root/deploy && ./install.sh --binary ./ondol");
    assert!(second.contains("ondol: started."), "{second}");
    lab.run("ondol certs root > /root/root.pem");
    lab.serves("two");
    assert_eq!(lab.run(&format!("{ASK} https://one.test/")), "one");
    assert_eq!(
        lab.run("curl -s -o /dev/null -w '%{http_code}' http://two.test/"),
        "308"
    );
    assert_eq!(
        lab.run("curl -sk -o /dev/null -w '%{http_code}' -H 'Host: three.test' https://two.test/"),
        "421"
    );
}

fn installed_twice_nothing_changes(lab: &Lab) {
    step("installed twice, nothing changes");
    let (pid, files) = (lab.agent(), lab.run(INSTALLED));
    let third = lab.run("cd /root/deploy && ./install.sh --binary ./ondol");
    assert!(third.starts_with("ondol: nothing to do"), "{third}");
    assert_eq!((lab.agent(), lab.run(INSTALLED)), (pid, files));
}

fn changed_file_is_taken_up(lab: &Lab) {
    step("a changed file is taken up");
    lab.configure("three");
    lab.run("systemctl reload ondol");
    lab.serves("three");
}

fn broken_file_changes_nothing(lab: &Lab) {
    step("a broken file changes nothing, and why is said");
    lab.run("sed -i 's/^respond/responds/' /etc/ondol/ondol.toml");
    assert_ne!(
        lab.code("systemctl reload ondol"),
        0,
        "a broken file was reloaded without a word"
    );
    let journal = lab.run("journalctl --unit ondol --no-pager --output cat --lines 20");
    assert!(
        journal.contains("responds"),
        "the journal does not say what is wrong: {journal}"
    );
    let refused = lab.command("cd /root/deploy && echo >> ondol && ./install.sh --binary ./ondol");
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
    assert!(
        text(&refused.stderr).contains("nothing was installed"),
        "{}",
        text(&refused.stderr)
    );
    lab.serves("three");
}

/// The program is replaced by another build of it twice, while one visitor keeps
/// coming back and one stays connected.
fn upgraded_it_loses_no_request(lab: &Lab) {
    step("upgraded, it keeps its pid and loses no request");
    lab.configure("three");
    let pid = lab.agent();
    lab.run("cp /root/deploy/ondol /root/next && echo >> /root/next && touch /root/visits");
    lab.run(&format!(
        "systemd-run --quiet --unit visits sh -c 'for i in $(seq 500); do [ ! -e /root/enough ] || exit 0; \
         {ASK} -o /dev/null -w \"%{{http_code}}\\n\" https://two.test/ >> /root/visits 2>&1; done'"
    ));
    lab.run(&format!("systemd-run --quiet --unit stays sh -c '{ASK} --rate 4/s -w \"\\n\" \"https://two.test/?[1-60]\" > /root/stays 2>&1'"));
    lab.comes_back_thrice();
    lab.run("ondol upgrade /root/next");
    lab.wait(&format!("cmp -s /root/next /proc/{pid}/exe"));
    lab.comes_back_thrice();
    lab.run("echo >> /root/next");
    let installed = lab.run("cd /root/deploy && ./install.sh --binary /root/next");
    assert!(installed.contains("no request was lost"), "{installed}");
    lab.wait(&format!("cmp -s /root/next /proc/{pid}/exe"));
    lab.comes_back_thrice();
    lab.run("touch /root/enough");
    lab.wait("! systemctl --quiet is-active visits && ! systemctl --quiet is-active stays");
    assert_eq!(
        lab.agent(),
        pid,
        "the agent has another pid since the upgrade"
    );
    assert_eq!(
        lab.run("sort -u /root/visits"),
        "200",
        "a visitor was turned away during the upgrade"
    );
    assert_eq!(
        lab.run("sort -u /root/stays"),
        "three",
        "a visitor who stayed connected lost a request"
    );
    assert_eq!(lab.run("wc -l < /root/stays"), "60");
    lab.serves("three");
    lab.data_plane_is_confined();
}

fn killed_it_comes_back(lab: &Lab) {
    step("killed, it comes back");
    let pid = lab.agent();
    lab.run("systemctl kill --signal KILL --kill-who main ondol");
    lab.wait(&format!("p=$(systemctl show --value --property MainPID ondol); [ $p != 0 ] && [ $p != {pid} ] && systemctl --quiet is-active ondol"));
    lab.serves("three");
}

fn switched_on_it_starts_by_itself(lab: &Lab) {
    step("switched off and on, it starts by itself");
    let root = lab.run("sha256sum < /root/root.pem");
    lab.vm(&["stop"]);
    lab.vm(&["start"]);
    lab.serves("three");
    assert_eq!(
        lab.run("ondol certs root | sha256sum"),
        root,
        "the box has another root certificate since the boot"
    );
    assert_eq!(
        lab.run("systemctl show --value --property NRestarts ondol"),
        "0"
    );
}

fn uninstalled_it_leaves_what_is_the_owners(lab: &Lab, before: &str) {
    step("uninstalled, it leaves what is the owner's and nothing else");
    lab.run("cd /root/deploy && ./install.sh --uninstall");
    assert_ne!(
        lab.code("getent passwd ondol-web || getent group ondol-web || pgrep -x ondol"),
        0,
        "a user or a process was left"
    );
    lab.run("test -s /etc/ondol/ondol.toml && test -s /var/lib/ondol/ondol.db");
    assert_eq!(lab.run(TRACES), before);
    lab.run("useradd --system --comment 'The app tea, run by Ondol' ondol-tea");
    lab.run("cd /root/deploy && ./install.sh --uninstall --purge");
    assert_ne!(
        lab.code("getent passwd ondol-tea"),
        0,
        "the user of an app was left"
    );
    lab.run("test ! -e /etc/ondol && test ! -e /var/lib/ondol && test ! -e /var/log/ondol");
}

/// The running machine. There is one: `turn` has it as long as its input is open.
#[derive(Debug)]
struct Lab {
    turn: Child,
}

/// What was answered before the power went.
struct Acknowledged {
    version: usize,
    events: Vec<Value>,
}

impl Lab {
    fn resume() -> Option<Self> {
        let mut command = vm();
        command
            .arg("turn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut turn = command.spawn().expect("tests/lab/vm starts");
        let mut answer = String::new();
        let words = turn.stdout.take().expect("its output is piped");
        BufReader::new(words)
            .read_line(&mut answer)
            .expect("its answer is text");
        if answer.is_empty() {
            return skipped(&turn.wait_with_output().expect("it can be waited for"));
        }
        let lab = Self { turn };
        let resumed = vm().arg("resume").output().expect("tests/lab/vm starts");
        if resumed.status.success() {
            Some(lab)
        } else {
            skipped(&resumed)
        }
    }

    fn copy_in(&self) {
        self.run("mkdir -p /root/deploy /srv/one && printf one > /srv/one/index.html");
        for name in [
            "install.sh",
            "ondol.service",
            "ondol.sysusers",
            "ondol.toml",
        ] {
            self.vm(&[
                "push",
                path(&repository().join("deploy").join(name)),
                &format!("/root/deploy/{name}"),
            ]);
        }
        // Its debug information is most of a development build, and takes long to carry over.
        let stripped = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ondol-lab");
        let strip = Command::new("strip")
            .args(["-o", path(&stripped), env!("CARGO_BIN_EXE_ondol")])
            .output();
        let is_stripped = strip.is_ok_and(|strip| strip.status.success());
        let binary = if is_stripped {
            path(&stripped)
        } else {
            env!("CARGO_BIN_EXE_ondol")
        };
        // Packed, for the machine's end of ssh is what takes long.
        let packed = stripped.with_extension("gz");
        let gzip = Command::new("sh")
            .args([
                "-c",
                r#"gzip -1 -c "$1" > "$2""#,
                "gzip",
                binary,
                path(&packed),
            ])
            .status();
        assert!(gzip.expect("gzip starts").success());
        self.vm(&["push", path(&packed), "/root/deploy/ondol.gz"]);
        self.run("cd /root/deploy && gunzip -f ondol.gz && chmod 755 ondol");
    }

    /// Replaces the owner's file, as a careful editor does.
    fn configure(&self, body: &str) {
        let toml = CONFIGURATION.replace("BODY", body);
        self.run(&format!("mkdir -p /etc/ondol && cat > /etc/ondol/new <<'END' && mv /etc/ondol/new /etc/ondol/ondol.toml\n{toml}END"));
    }

    fn comes_back_thrice(&self) {
        let visits = self.run("wc -l < /root/visits");
        self.wait(&format!(
            "[ $(wc -l < /root/visits) -ge $(({visits} + 3)) ]"
        ));
    }

    fn serves(&self, body: &str) {
        assert_eq!(self.run(&format!("{ASK} https://two.test/")), body);
    }

    fn agent(&self) -> String {
        let pid = self.run("systemctl show --value --property MainPID ondol");
        assert_ne!(pid, "0", "no agent runs");
        pid
    }

    fn data_plane_is_confined(&self) {
        let status = self.run("cat /proc/$(pgrep --euid ondol-web --full 'ondol.* serve')/status");
        let field = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("no {name} in {status}"))
                .split_whitespace()
                .collect::<Vec<_>>()
        };
        let user = self.run("id --user ondol-web");
        assert_eq!(field("Uid"), vec![user; 4]);
        assert_eq!(
            field("Groups"),
            field("Gid")[..field("Groups").len()],
            "it kept groups of root's"
        );
        assert_eq!(field("NoNewPrivs"), ["1"]);
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(set), ["0000000000000000"], "{set}");
        }
        let check = self.run("ondol check");
        assert!(
            !check.contains("not locked into its folders"),
            "it is not confined by Landlock: {check}"
        );
    }

    /// Changes the file and reloads, over and over, until the power goes in the middle of a reload.
    fn reload_until_cut(&self, first: usize) -> Acknowledged {
        let toml = CONFIGURATION.replace("BODY", "v$i");
        let after_last = first + RELOADS_BEFORE_CUT;
        let script = format!(
            "for i in $(seq {first} {after_last}); do cat > /etc/ondol/new <<END || exit 1\n{toml}END\n\
             sync /etc/ondol/new && mv /etc/ondol/new /etc/ondol/ondol.toml && sync /etc/ondol && \
             echo begun && ondol reload > /dev/null && echo $i $({EVENTS} | tr -d '\n') || exit 1; done; sleep 60"
        );
        let mut reloads = vm()
            .args(["run", &script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/lab/vm starts");
        let output = BufReader::new(reloads.stdout.take().expect("its output is piped"));
        let mut seen = Acknowledged {
            version: 0,
            events: Vec::new(),
        };
        for line in output.lines().take(2 * RELOADS_BEFORE_CUT + 1) {
            let line = line.expect("an answer is text");
            let Some((version, events)) = line.split_once(' ') else {
                continue;
            };
            seen.version = version.parse().expect("an answer begins with a number");
            seen.events = rows(events);
        }
        self.vm(&["cut"]);
        // Its connection went with the machine.
        drop(reloads.wait());
        assert_eq!(
            seen.version,
            after_last - 1,
            "not every reload was acknowledged"
        );
        seen
    }

    fn events(&self) -> Vec<Value> {
        rows(&self.run(EVENTS))
    }

    /// Runs a command that must succeed; returns what it printed.
    fn run(&self, command: &str) -> String {
        let output = self.command(command);
        assert!(
            output.status.success(),
            "{command}: {}\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    fn code(&self, command: &str) -> i32 {
        self.command(command)
            .status
            .code()
            .expect("ssh ends with a code")
    }

    /// Waits in the machine, for at most two minutes, until a command succeeds.
    fn wait(&self, command: &str) {
        let waited = self.command(&format!(
            "for i in $(seq 240); do if {command}; then exit 0; fi; sleep 0.5; done; exit 1"
        ));
        let journal = || self.run("journalctl --unit ondol --no-pager --output cat --lines 30");
        assert!(
            waited.status.success(),
            "waited in vain for: {command}\n{}",
            journal()
        );
    }

    fn command(&self, command: &str) -> Output {
        vm().args(["run", command])
            .output()
            .expect("tests/lab/vm starts")
    }

    fn vm(&self, words: &[&str]) {
        let output = vm().args(words).output().expect("tests/lab/vm starts");
        assert!(
            output.status.success(),
            "vm {words:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        if !output.stdout.is_empty() {
            say(&text(&output.stdout));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A story that failed in the middle leaves it on.
        let cut = vm()
            .arg("cut")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // Waiting closes its input, which ends its turn.
        drop((cut, self.turn.wait()));
    }
}

/// A machine that can't have a lab is no failure; everything else is.
fn skipped(output: &Output) -> Option<Lab> {
    let reason = text(&output.stderr);
    assert_eq!(output.status.code(), Some(NO_LAB), "{reason}");
    say(&format!("skipped: lab: {reason}"));
    None
}

fn rows(json: &str) -> Vec<Value> {
    let answer: Value = serde_json::from_str(json).expect("events are JSON");
    let rows = answer["events"]
        .as_array()
        .expect("there is a list of them");
    assert!(!rows.is_empty(), "reloads left no events");
    rows.clone()
}

fn vm() -> Command {
    let mut command = Command::new(repository().join("tests/lab/vm"));
    command.stdin(Stdio::null());
    command
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the repository's path is text")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn step(words: &str) {
    say(&format!("lab: {words}"));
}

#[expect(
    clippy::print_stdout,
    reason = "A story that takes minutes says where it is, and why it was skipped."
)]
fn say(words: &str) {
    println!("{words}");
}
