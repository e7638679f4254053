//! Backups on a real machine: a box that is lost comes back on a fresh one, and what was said to be saved outlives
//! power cuts.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::{ASK, Lab, path, repository, step, vm};

const CONFIGURATION: &str = r#"[box]
name = "lab"
[sites."one.test"]
files = "/srv/one"
[sites."two.test"]
app = "tea"
[apps.tea]
dir = "/srv/tea"
run = "perl server.pl"
listen = "fd"
env = { CUPS = { env = "CUPS" } }
write = ["/srv/storage"]
data = ["/srv/storage"]
[backup]
to = "TARGET"
[[backup.databases]]
sqlite = "/srv/storage/cups.db"
"#;
/// With nothing that the machine would do besides.
const PLAIN: &str = r#"[box]
name = "lab"
[sites."one.test"]
files = "/srv/one"
[backup]
to = "/var/backups/ondol"
verify = { read = false, restore = false, drill = false }
[[backup.databases]]
sqlite = "/srv/storage/cups.db"
"#;
const COUNT: &str = "sqlite3 /srv/storage/cups.db 'select count(*) from cups'";
/// Each round takes a minute on an emulated machine; `ONDOL_POWER_CUTS` asks for more.
const POWER_CUTS: usize = 1;
/// Backups that are acknowledged before the power goes, in each round: the last tells how long the next will take.
const BACKUPS_BEFORE_CUT: usize = 2;

#[test]
fn a_lost_box_comes_back_on_a_fresh_machine() {
    let Some(server) = Server::start() else {
        return;
    };
    let Some(lab) = Lab::resume() else { return };
    server.lend(&lab);
    let kit = scratch("kit.txt");
    let root = saved(&lab, &server.target(), path(&kit));

    step("on a fresh machine, from a sheet of paper");
    lab.vm(&["resume"]);
    server.lend(&lab);
    lab.copy_in();
    lab.run("rm -r /srv/one && cd /root/deploy && ./install.sh --binary ./ondol --no-start");
    lab.vm(&["push", path(&kit), "/root/kit.txt"]);
    let said = lab.run("ondol recover --kit /root/kit.txt --yes");
    assert!(said.contains("lab is back"), "{said}");
    assert_eq!(lab.run("systemctl is-active ondol"), "active");
    assert_eq!(lab.run("systemctl is-enabled ondol"), "enabled");
    lab.run("ondol certs root > /root/root.pem");
    assert_eq!(
        lab.run("sha256sum < /root/root.pem"),
        root,
        "it has another root"
    );
    assert_eq!(lab.run(&format!("{ASK} https://one.test/")), "one");
    lab.wait(&format!("{ASK} --fail https://two.test/who"));
    assert_eq!(
        lab.run(COUNT),
        "2",
        "the database is that of the last backup of databases"
    );
    lab.run("test $(stat --format %U /srv/storage/cups.db) = ondol-tea");
    let environment =
        lab.run("cat /etc/ondol/environment; stat --format %a /etc/ondol/environment");
    assert!(
        environment.contains("CUPS=\"large ones\"") && environment.ends_with("600"),
        "{environment}"
    );
}

/// A box with a site, an app and its database, saved; its kit is pulled to a file. Returns the digest of its root.
fn saved(lab: &Lab, target: &str, kit: &str) -> String {
    step("a box is backed up");
    lab.copy_in();
    let server = repository().join("tests/lab/server.pl");
    lab.run("mkdir -p /srv/tea /srv/storage /etc/ondol");
    lab.vm(&["push", path(&server), "/srv/tea/server.pl"]);
    lab.run(&format!(
        "sqlite3 /srv/storage/cups.db 'pragma journal_mode = wal; create table cups (n); insert into cups values (1)' && \
         echo 'CUPS=\"large ones\"' > /etc/ondol/environment && chmod 600 /etc/ondol/environment && \
         cat > /etc/ondol/ondol.toml <<'END'\n{}END",
        CONFIGURATION.replace("TARGET", target)
    ));
    lab.run(
        "cd /root/deploy && ./install.sh --binary ./ondol && ondol certs root > /root/root.pem",
    );
    lab.wait(&format!("{ASK} --fail https://two.test/who"));
    lab.run("chown -R ondol-tea /srv/storage && ondol backup now");
    lab.run("sqlite3 /srv/storage/cups.db 'insert into cups values (2)' && ondol backup now --databases");
    lab.run("sqlite3 /srv/storage/cups.db 'insert into cups values (3)'");
    lab.run("ondol backup kit --text /root/kit.txt");
    lab.vm(&["pull", "/root/kit.txt", kit]);
    lab.run("sha256sum < /root/root.pem")
}

#[test]
fn what_was_acknowledged_outlives_power_cuts() {
    let Some(lab) = Lab::resume() else { return };
    lab.copy_in();
    lab.run(&format!(
        "mkdir -p /srv/storage /etc/ondol && sqlite3 /srv/storage/cups.db 'create table cups (n)' && \
         cat > /etc/ondol/ondol.toml <<'END'\n{PLAIN}END"
    ));
    lab.run("cd /root/deploy && ./install.sh --binary ./ondol && ondol certs root > /root/root.pem && sync");
    lab.run("install -d -m 2775 -g www-data /srv/one/shared && install -m 600 -o nobody /etc/hostname /srv/one/shared");
    let cuts = std::env::var_os("ONDOL_POWER_CUTS").and_then(|cuts| cuts.into_string().ok());
    let cuts = cuts
        .and_then(|cuts| cuts.parse().ok())
        .unwrap_or(POWER_CUTS);
    let mut number = 0;
    for round in 1..=cuts {
        step(&format!(
            "power cut {round} of {cuts}, in the middle of a backup"
        ));
        number = back_up_until_cut(&lab, number + 1).max(number);
        lab.vm(&["start"]);
        lab.wait("ondol status > /dev/null");
        let listed = lab.run("ondol backup list --json");
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("a list is JSON");
        let there = listed["found"]["backups"].as_array().map_or(0, Vec::len);
        assert!(
            there >= number,
            "{number} were acknowledged, {there} are there"
        );
        lab.run("rm -rf /root/back && ondol restore --to /root/back /srv/one");
        let newest = lab.run("cd /root/back/srv/one && cat index.html");
        assert_eq!(
            lab.run("cd /root/back/srv/one/shared && stat --format '%a %U %G' . hostname"),
            "2775 root www-data\n600 nobody www-data",
            "the service's sandbox let it restore less than there was"
        );
        assert!(
            newest
                .strip_prefix('v')
                .and_then(|newest| newest.parse().ok())
                .is_some_and(|newest: usize| newest >= number),
            "v{number} was acknowledged, and {newest} comes back"
        );
    }
    lab.run("ondol backup verify --full");
    stock_restic_finds_nothing(&lab);
}

/// Backs up one version after another until the power goes in the middle of one. Returns the last that was acknowledged.
fn back_up_until_cut(lab: &Lab, first: usize) -> usize {
    let last = first + BACKUPS_BEFORE_CUT;
    // The power goes in the second half of the time that the backup before took, when it writes.
    let script = format!(
        "for i in $(seq {first} {last}); do printf v$i > /srv/one/index.html && head -c 3000000 /dev/urandom > /srv/one/large && \
         sqlite3 /srv/storage/cups.db \"insert into cups values ($i)\" || exit 1; \
         [ $i != {last} ] || (sleep $((took / 200 + RANDOM % (took / 200 + 1) )).$((RANDOM % 10)); echo cut) & \
         began=$(date +%s%2N); ondol backup now > /dev/null && took=$(($(date +%s%2N) - began)) && echo $i || exit 1; \
         done; sleep 60"
    );
    let mut backups = vm()
        .args(["run", &script])
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/lab/vm starts");
    let output = BufReader::new(backups.stdout.take().expect("its output is piped"));
    let mut acknowledged = 0;
    for line in output.lines() {
        let line = line.expect("an answer is text");
        if line == "cut" {
            break;
        }
        acknowledged = line.parse().expect("an answer is a number");
    }
    lab.vm(&["cut"]);
    backups.wait().expect("it can be waited for");
    assert!(
        acknowledged + 1 >= last,
        "not every backup before the cut was acknowledged"
    );
    acknowledged
}

/// A second opinion, of the program that the format is of.
fn stock_restic_finds_nothing(lab: &Lab) {
    step("restic finds nothing wrong in what is left");
    let archive = scratch("repository.tar");
    lab.run("tar -C /var/backups -cf /root/repository.tar ondol && cp /var/lib/ondol/backup/password /root/password");
    lab.vm(&["pull", "/root/repository.tar", path(&archive)]);
    let password = scratch("password");
    lab.vm(&["pull", "/root/password", path(&password)]);
    let folder = scratch("repository");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let unpacked = Command::new("tar")
        .arg("-C")
        .arg(&folder)
        .arg("-xf")
        .arg(&archive)
        .status();
    assert!(unpacked.expect("tar starts").success());
    let checked = Command::new("restic")
        .args(["check", "--read-data", "--no-cache", "--no-lock", "-r"])
        .arg(folder.join("ondol"))
        .arg("--password-file")
        .arg(&password)
        .output();
    match checked {
        Ok(checked) => assert!(checked.status.success(), "{checked:?}"),
        Err(error) => crate::say(&format!("skipped: restic could not be started: {error}")),
    }
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("lab-backup-{name}"))
}

/// A restic REST server on this machine, which lets nothing be removed.
struct Server {
    rclone: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a port is free").port();
        let rclone = Command::new("rclone")
            .args([
                "serve",
                "restic",
                "--append-only",
                "--addr",
                &format!("127.0.0.1:{port}"),
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match rclone {
            Ok(rclone) => Some(Self {
                rclone,
                port,
                _folder: folder,
            }),
            Err(error) => {
                crate::say(&format!("skipped: rclone could not be started: {error}"));
                None
            }
        }
    }

    /// Has the machine reach it.
    fn lend(&self, lab: &Lab) {
        lab.vm(&["lend", &self.port.to_string()]);
    }

    /// Where the machine finds it.
    fn target(&self) -> String {
        format!("rest:http://127.0.0.1:{}/lab/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.rclone.kill();
        let _ = self.rclone.wait();
    }
}
