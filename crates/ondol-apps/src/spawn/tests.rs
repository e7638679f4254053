//! Real processes through the real shim.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::sample;
use crate::shim;
use crate::spec::Limits;
use crate::spec::Output;
use crate::spec::Reach;
use crate::spec::Run;

use super::*;

#[tokio::test]
async fn it_becomes_the_program_in_its_folder_with_its_environment_alone() {
    let folder = sample::folder();
    let mut spec = sample::spec("pwd; env; umask; exit 3");
    spec.folder = folder.path().to_owned();
    spec.env.insert("WORD".to_owned(), "a b".to_owned());
    let (said, code) = sample::run(spec).await;
    let mut lines: Vec<_> = said
        .lines()
        .filter(|line| !line.starts_with("OLDPWD="))
        .collect();
    let last = lines.pop();
    lines.sort_unstable();
    let pwd = format!("PWD={}", folder.path().display());
    let path = "PATH=/usr/local/bin:/usr/bin:/bin";
    assert_eq!(
        lines,
        [folder.path().to_str().unwrap(), path, &pwd, "WORD=a b"]
    );
    assert_eq!((last, code), (Some("0027"), Some(3)));
}

#[tokio::test]
async fn sockets_are_descriptors_3_and_up_of_the_program_itself() {
    let listeners: Vec<_> = (0..2)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let inode = |listener: &TcpListener| {
        let path = format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(listener)
        );
        fs::read_link(path).unwrap().display().to_string()
    };
    let expected: Vec<_> = listeners.iter().map(inode).collect();
    // As a script of its own: the shell gives way to it, so the number is its own.
    let script = "echo $$ $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES; readlink /proc/$$/fd/3 /proc/$$/fd/4; ls /proc/$$/fd";
    let mut spec = sample::spec("");
    spec.env.insert("SCRIPT".to_owned(), script.to_owned());
    spec.run = Run::Shell("sh -c \"$SCRIPT\"".to_owned());
    spec.sockets = vec!["web".to_owned(), "admin".to_owned()];
    let sockets: Vec<OwnedFd> = listeners.into_iter().map(OwnedFd::from).collect();
    let (spawned, output) = sample::start(spec, sockets).await.unwrap();
    let pid = spawned.child.pid();
    assert!(spawned.child.ended().await.unwrap().success());
    let said = sample::read(output);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], format!("{pid} {pid} 2 web:admin"));
    assert_eq!(lines[1..3], expected);
    // No other descriptor of the agent's, or of the shim's, is open.
    assert_eq!(lines[3..], ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn its_record_means_it_and_its_output_outlives_readers() {
    let folder = sample::folder();
    let (pipe, file) = (folder.path().join("log"), folder.path().join("record.json"));
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let mut spec = sample::spec("echo out; echo err >&2; exec sleep 1000");
    spec.output = Output::Pipe(pipe.clone());
    spec.record = Some((file.clone(), json!({ "launch": 7 })));
    // Nobody reads yet, and it starts all the same.
    let (spawned, _) = sample::start(spec, Vec::new()).await.unwrap();
    let mut reader = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let mut said = [0; 8];
    io::Read::read_exact(&mut reader, &mut said).unwrap();
    assert_eq!(&said, b"out\nerr\n");
    let record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let pid = spawned.child.pid();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let ticks = crate::group::start_ticks(pid).unwrap();
    let expected = json!({ "launch": 7, "pid": pid, "start_ticks": ticks, "boot_id": boot.trim() });
    assert_eq!(record, expected);
    spawned.group.kill().await;
    assert_eq!(spawned.child.ended().await.unwrap().signal(), Some(9));
}

#[tokio::test]
async fn a_log_that_is_a_link_to_somebodys_file_is_refused() {
    let folder = sample::folder();
    let (link, file) = (folder.path().join("log"), folder.path().join("file"));
    fs::File::create_new(&file).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for path in [link, file.clone()] {
        let mut spec = sample::spec("echo out");
        spec.output = Output::Pipe(path);
        let error = sample::start(spec, Vec::new()).await.unwrap_err();
        assert!(
            matches!(&error, SpawnError::Refused(said) if said.contains("could not open")),
            "{error}"
        );
    }
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[tokio::test]
async fn what_it_could_not_do_is_said_and_nothing_is_left() {
    let mut nowhere = sample::spec("true");
    nowhere.folder = "/nowhere/at-all".into();
    let mut missing = sample::spec("");
    missing.run = Run::Program(vec!["no-such-program".to_owned()]);
    for (spec, words) in [
        (nowhere, "could not enter its folder /nowhere/at-all"),
        (missing, "could not start no-such-program"),
    ] {
        let error = sample::start(spec, Vec::new())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.contains("No such file"), "{error}");
    }
    let folder = sample::folder();
    let mut places = sample::places(folder.path());
    places.program = "/nowhere/ondol".into();
    let groups = Groups::find().await;
    let error = spawn(sample::spec("true"), Vec::new(), None, &places, &groups)
        .await
        .unwrap_err();
    assert!(matches!(error, SpawnError::Start { .. }), "{error}");
}

#[tokio::test]
async fn another_user_has_nothing_of_roots() {
    let Some(nobody) = sample::nobody() else {
        println!("skipped: only root becomes another user");
        return;
    };
    let mut spec = sample::spec(
        "id -u; id -G; grep -E '^(NoNewPrivs|Cap(Inh|Prm|Eff|Amb)):' /proc/self/status; ulimit -c",
    );
    spec.identity = Some(nobody);
    let (said, _) = sample::run(spec).await;
    let words: Vec<_> = said.split_whitespace().collect();
    let none = "0000000000000000";
    let expected = [
        "65534",
        "65534",
        "CapInh:",
        none,
        "CapPrm:",
        none,
        "CapEff:",
        none,
        "CapAmb:",
        none,
        "NoNewPrivs:",
        "1",
        "0",
    ];
    assert_eq!(words, expected);
}

#[tokio::test]
async fn it_touches_what_it_may_and_nothing_else() {
    if !shim::can_confine() {
        println!("skipped: this kernel has no Landlock");
        return;
    }
    let folder = sample::folder();
    let base = folder.path().canonicalize().unwrap();
    let make = |path: &str| open_to_all(&base.join(path));
    let (release, data) = (make("state/apps/a/releases/1"), make("state/apps/a/data"));
    let (other, open) = (make("state/apps/b/data"), make("open"));
    let tmp = make("state/apps/a/tmp");
    let state = make("state");
    fs::copy("/bin/true", release.join("program")).unwrap();
    let mut spec = sample::spec("");
    spec.folder = release.clone();
    spec.identity = sample::nobody();
    spec.reach = Some(Reach {
        read: vec![release.clone()],
        write: vec![data.clone()],
        hidden: vec![state.clone()],
        tmp: Some(tmp.clone()),
    });
    let tries = [
        (format!("cat {}/file", release.display()), true),
        (format!("{}/program", release.display()), true),
        (format!("touch {}/new", release.display()), false),
        (format!("echo x >> {}/file", release.display()), false),
        (format!("cat {}/file", data.display()), true),
        (
            format!(
                "mkdir {0}/d && mv {0}/file {0}/d/f && rm -r {0}/d",
                data.display()
            ),
            true,
        ),
        (format!("touch {}/new", tmp.display()), true),
        (format!("cat {}/file", other.display()), false),
        (format!("touch {}/new", other.display()), false),
        (format!("cat {}/file", state.display()), false),
        (format!("ls {}", state.display()), false),
        (format!("cat {}/file", open.display()), true),
        // Where temporary folders are, everybody may write.
        (
            format!("touch {}/new", open.display()),
            base.starts_with("/tmp"),
        ),
        ("touch /run/lock/ondol-test".to_owned(), false),
        ("cat /etc/passwd".to_owned(), true),
        ("echo x > /dev/null".to_owned(), true),
        ("head -c 1 /dev/urandom".to_owned(), true),
        ("cat /proc/self/status".to_owned(), true),
        (
            "f=/dev/shm/ondol-test-$$; touch $f && rm $f".to_owned(),
            true,
        ),
    ];
    let script: Vec<_> = tries
        .iter()
        .map(|(words, _)| format!("( {words} ) > /dev/null 2>&1 && echo yes || echo no"))
        .collect();
    spec.run = Run::Shell(script.join("\n"));
    let (said, _) = sample::run(spec).await;
    assert_eq!(said.lines().count(), tries.len(), "{said}");
    for ((words, is_allowed), said) in tries.iter().zip(said.lines()) {
        assert_eq!(said == "yes", *is_allowed, "{words}");
    }
}

/// A folder with a file that every user may change.
fn open_to_all(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    let file = folder.join("file");
    ondol_base::file::replace(&file, b"content", 0o666).unwrap();
    folder.to_owned()
}

#[tokio::test]
async fn it_has_a_tmp_of_its_own() {
    // Not in /tmp: what a process needs stays in its sight.
    let elsewhere = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(elsewhere.parent().unwrap()).unwrap();
    let tmp = folder.path().canonicalize().unwrap();
    let mut spec = sample::spec("touch /tmp/of-this-test-alone && ls -a /tmp");
    spec.identity = sample::nobody().map(|nobody| crate::spec::Identity {
        uid: 0,
        gid: 0,
        ..nobody
    });
    if spec.identity.is_none() || !may_mount() {
        println!("skipped: only root makes a view of the disk for others");
        return;
    }
    spec.reach = Some(Reach {
        tmp: Some(tmp.clone()),
        ..Reach::default()
    });
    let (said, code) = sample::run(spec).await;
    assert_eq!(
        (said.as_str(), code),
        (".\n..\nof-this-test-alone\n", Some(0))
    );
    assert!(tmp.join("of-this-test-alone").exists());
    assert!(!Path::new("/tmp/of-this-test-alone").exists());
}

fn may_mount() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .unwrap();
    const SYS_ADMIN: u64 = 1 << 21;
    u64::from_str_radix(effective.trim(), 16).unwrap() & SYS_ADMIN != 0
}

#[tokio::test]
async fn limits_that_groups_do_not_enforce_are_those_of_each_process() {
    let mut spec = sample::spec("ulimit -n");
    spec.limits = Limits {
        descriptors: Some(77),
        ..Limits::default()
    };
    assert_eq!(sample::run(spec).await.0, "77\n");
    if Groups::find()
        .await
        .left_to_process(&Limits {
            memory: Some(1),
            ..Limits::default()
        })
        .memory
        .is_some()
    {
        let mut spec = sample::spec("dd if=/dev/zero of=/dev/null bs=300M count=1");
        spec.limits = Limits {
            memory: Some(100 << 20),
            ..Limits::default()
        };
        let (said, code) = sample::run(spec).await;
        assert!(
            code == Some(1) && said.contains("memory exhausted"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_daemon_that_it_left_is_killed_with_the_rest() {
    if !Groups::find().await.holds_together() {
        println!("skipped: Ondol can make no control groups here");
        return;
    }
    let spec = sample::spec("setsid sh -c 'echo $$; exec sleep 1000' & wait; exit 0");
    let (spawned, output) = sample::start(spec, Vec::new()).await.unwrap();
    let mut line = [0; 16];
    let count = rustix::io::read(&output, &mut line).unwrap();
    let daemon: u32 = std::str::from_utf8(&line[..count])
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(ondol_base::process::alive(daemon));
    let again = Group::adopt(daemon);
    assert!(again.processes().contains(&daemon));
    assert!(again.usage().is_some_and(|usage| usage.tasks >= 1));
    spawned.group.kill().await;
    assert!(spawned.group.is_empty());
    assert!(again.is_empty());
    spawned.child.ended().await.unwrap();
    spawned.group.remove();
}

#[tokio::test]
async fn one_whose_start_is_broken_off_leaves_nothing() {
    let folder = sample::folder();
    let mut places = sample::places(folder.path());
    // Programs with names of their own are found in the list of processes, also when they have ended.
    let copied = |from: &Path, to: &str| {
        fs::copy(from, folder.path().join(to)).unwrap();
        folder.path().join(to)
    };
    places.program = copied(&places.program, "broken-off-1");
    let sleep = copied(Path::new("/bin/sleep"), "broken-off-2");
    let groups = Groups::find().await;
    let mut spec = sample::spec("");
    spec.run = Run::Program(vec![sleep.display().to_string(), "1000".to_owned()]);
    let mut has_started = false;
    // Broken off at one place of its way after another, until it gets to the end.
    for round in 0.. {
        let polls = 1_u64 << round;
        let mut starting = Box::pin(spawn(spec.clone(), Vec::new(), None, &places, &groups));
        for _ in 0..polls {
            has_started = tokio::select! {
                biased;
                started = &mut starting => {
                    let Spawned { child, group } = started.unwrap();
                    group.kill().await;
                    child.ended().await.unwrap();
                    group.remove();
                    true
                }
                () = tokio::task::yield_now() => false,
            };
            if has_started {
                break;
            }
        }
        drop(starting);
        while is_named("broken-off-") {
            tokio::task::yield_now().await;
        }
        if has_started {
            return;
        }
    }
}

fn is_named(begin: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let mut names = entries.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.any(|name| name.starts_with(begin))
}

#[tokio::test]
async fn without_orders_it_ends_silently() {
    let folder = sample::folder();
    let places = sample::places(folder.path());
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let child = start(&places.program, theirs.into(), Some(writer)).unwrap();
    drop(ours);
    assert_eq!(child.ended().await.unwrap().code(), Some(1));
    assert_eq!(sample::read(reader), "");
}

#[test]
fn an_environment_beyond_measure_is_refused() {
    let mut spec = sample::spec("true");
    spec.env.insert("A".to_owned(), "x".repeat(9 << 20));
    assert_eq!(shim::frame(&spec).unwrap_err().kind(), ErrorKind::Other);
}
