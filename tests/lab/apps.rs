//! Two apps on one box: what one of them does to the machine, the other does not notice.

use crate::{ASK, Lab, path, repository, step};

const CONFIGURATION: &str = r#"[box]
name = "lab"
[sites."one.test"]
app = "quiet"
[sites."two.test"]
app = "greedy"
[apps.quiet]
dir = "/srv/quiet"
run = "perl server.pl"
listen = "fd"
[apps.greedy]
dir = "/srv/greedy"
run = "perl server.pl"
listen = "fd"
memory = "64MB"
cpu = 0.25
tasks = 32
"#;

/// What the greedy app tries, and what comes of it.
const TRIES: [(&str, &str); 12] = [
    ("/read/var/lib/ondol", DENIED),
    ("/read/var/lib/ondol/ondol.db", DENIED),
    ("/read/etc/ondol/ondol.toml", DENIED),
    ("/read/var/log/ondol", DENIED),
    ("/read/run/ondol", DENIED),
    ("/read/srv/quiet/server.pl", DENIED),
    ("/read/var/lib/ondol/apps/quiet/data", DENIED),
    ("/write/srv/greedy/new", DENIED),
    ("/read/srv/greedy/server.pl", "read"),
    ("/read/etc/passwd", "read"),
    ("/write/var/lib/ondol/apps/greedy/data/new", "written"),
    ("/write/tmp/greedy", "written"),
];
const DENIED: &str = "Permission denied";
/// The neighbour's requests, in turns with the greedy app frozen and with it at work: what else the machine and the one below it
/// do meanwhile slows both.
const TURNS: usize = 5;
const REQUESTS_EACH: usize = 20;
const REQUESTS: usize = TURNS * REQUESTS_EACH;

#[test]
fn an_app_suffers_alone() {
    let Some(lab) = Lab::resume() else { return };
    lab.copy_in();
    let server = repository().join("tests/lab/server.pl");
    for app in ["quiet", "greedy"] {
        lab.run(&format!("mkdir -p /srv/{app}"));
        lab.vm(&["push", path(&server), &format!("/srv/{app}/server.pl")]);
    }
    lab.run(&format!(
        "mkdir -p /etc/ondol && cat > /etc/ondol/ondol.toml <<'END'\n{CONFIGURATION}END"
    ));
    lab.run(
        "cd /root/deploy && ./install.sh --binary ./ondol && ondol certs root > /root/root.pem",
    );
    let quiet = each_is_a_user_in_a_scope(&lab);
    it_reaches_nothing_of_others(&lab);
    its_neighbour_goes_on(&lab);
    killed_agents_leave_apps_alone(&lab, &quiet);
}

/// User, groups and pid of the quiet app.
fn each_is_a_user_in_a_scope(lab: &Lab) -> String {
    step("each app is a user of its own, in a scope of its own, with its limits");
    let who = |site: &str| lab.run(&format!("{ASK} https://{site}.test/who"));
    let (quiet, greedy) = (who("one"), who("two"));
    let user = |app: &str| lab.run(&format!("id --user ondol-{app}"));
    assert!(quiet.starts_with(&format!("{} ", user("quiet"))), "{quiet}");
    assert!(
        greedy.starts_with(&format!("{} ", user("greedy"))),
        "{greedy}"
    );
    let limits = lab.run(&format!("cd {GREEDY} && cat memory.max pids.max cpu.max"));
    assert_eq!(limits, "64000000\n32\n25000 100000");
    let weights = lab.run("cd /sys/fs/cgroup/ondol.slice && cat ondol.service/cpu.weight ondol-greedy.slice/cpu.weight");
    assert_eq!(weights, "1000\n100", "Ondol goes before its apps");
    quiet
}

const GREEDY: &str = "/sys/fs/cgroup/ondol.slice/ondol-greedy.slice/*.scope";
const GREEDY_SLICE: &str = "/sys/fs/cgroup/ondol.slice/ondol-greedy.slice";

fn it_reaches_nothing_of_others(lab: &Lab) {
    step("it reads and writes what is its own, and nothing of Ondol's or of another app's");
    for (asked, expected) in TRIES {
        assert_eq!(
            lab.run(&format!("{ASK} https://two.test{asked}")),
            expected,
            "{asked}"
        );
    }
    lab.run("test ! -e /tmp/greedy");
}

fn its_neighbour_goes_on(lab: &Lab) {
    for worst in ["open", "log", "spin", "eat", "fork"] {
        step(&format!(
            "the neighbour answers while it does its worst: {worst}"
        ));
        lab.run(&format!("{ASK} -o /dev/null https://two.test/{worst}"));
        let answers = lab.run(&format!(
            "for turn in $(seq {TURNS}); do for frozen in 1 0; do echo $frozen > {GREEDY_SLICE}/cgroup.freeze; \
             {ASK} -o /dev/null -w \"$frozen %{{http_code}} %{{time_total}}\\n\" 'https://one.test/?[1-{REQUESTS_EACH}]'; done; done"
        ));
        let (quiet, beside) = (took(&answers, "1 200 "), took(&answers, "0 200 "));
        let figures = |took: &[f64]| (took[REQUESTS / 2] * 1e3, took[REQUESTS * 99 / 100] * 1e3);
        step(&format!(
            "{worst}: median and p99 in ms {:.0?}, while it was frozen {:.0?}",
            figures(&beside),
            figures(&quiet)
        ));
    }
    lab.wait(&format!("grep -q '^oom_kill [1-9]' {GREEDY}/memory.events"));
    let used = lab.run(&format!("cd {GREEDY} && cat memory.peak pids.current 2> /dev/null || cat memory.current pids.current"));
    let used: Vec<u64> = used.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(used[0] <= 64_000_000 && used[1] <= 32, "{used:?}");
    step("stopped, nothing of it is left");
    lab.run("ondol stop greedy");
    lab.wait("! pgrep --euid ondol-greedy");
}

/// Seconds of the requests whose lines begin so, from the shortest to the longest; none may have failed.
fn took(answers: &str, begins: &str) -> Vec<f64> {
    let seconds = |line: &str| line.strip_prefix(begins)?.parse().ok();
    let mut took: Vec<f64> = answers.lines().filter_map(seconds).collect();
    assert_eq!(took.len(), REQUESTS, "{answers}");
    took.sort_by(f64::total_cmp);
    took
}

fn killed_agents_leave_apps_alone(lab: &Lab, quiet: &str) {
    step("the agent is killed, and the apps go on");
    let pid = lab.agent();
    lab.run("systemctl kill --signal KILL --kill-who main ondol");
    lab.wait(&format!(
        "p=$(systemctl show --value --property MainPID ondol); [ $p != 0 ] && [ $p != {pid} ] && systemctl --quiet is-active ondol"
    ));
    assert_eq!(lab.run(&format!("{ASK} https://one.test/who")), quiet);
    assert_eq!(lab.run("pgrep --count --euid ondol-quiet"), "1");
}
