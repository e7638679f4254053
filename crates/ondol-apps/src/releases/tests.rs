//! Whole releases: real files, tar, git and commands, through the shim.

use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::group::Groups;
use crate::log::AppLog;
use crate::repository;
use crate::sample;
use crate::spec::Identity;

/// A box with one app, and a folder of its owner.
struct Stage {
    folder: TempDir,
    app: plan::App,
    releases: Releases,
    progress: Progress,
}

impl Stage {
    async fn new() -> Self {
        Self::in_folder(sample::folder()).await
    }

    async fn in_folder(folder: TempDir) -> Self {
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let places = Arc::new(sample::places(folder.path()));
        std::fs::create_dir(&places.state).unwrap();
        std::fs::create_dir(&places.runtime).unwrap();
        let name = AppName::parse("coffee").unwrap();
        let surroundings = Surroundings {
            log: AppLog::open(&places, &name),
            groups: Arc::new(Groups::find().await),
            hidden: Arc::new([]),
            places,
        };
        let mut app = plan::App::named(name.clone());
        // The tests make no users.
        app.user = sample::nobody().map(|nobody| nobody.name);
        app.dir = Some(folder.path().join("coffee"));
        app.run = Some("true".to_owned());
        std::fs::create_dir(folder.path().join("coffee")).unwrap();
        Self {
            folder,
            app,
            releases: Releases::new(surroundings, name),
            progress: Progress::default(),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        file(&path, text);
    }

    async fn make(&self, number: u64, source: Source) -> Result<Release, MakeError> {
        let app = Arc::new(self.app.clone());
        let made = self.releases.make(&app, source, number, &self.progress);
        made.await
    }

    fn lines(&self) -> Vec<String> {
        let report = self.progress.report(0);
        report.lines.into_iter().map(|line| line.text).collect()
    }

    /// What is in the folder of releases.
    fn left(&self) -> Vec<String> {
        let releases = self.releases.surroundings.places.releases(&self.app.name);
        let names = releases.read_dir().unwrap().flatten();
        let mut names: Vec<_> = names
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn file(path: &Path, text: &str) {
    ondol_base::file::replace(path, text.as_bytes(), 0o644).unwrap();
}

fn text(release: &Release, path: &str) -> Option<String> {
    std::fs::read_to_string(release.folder.join(path)).ok()
}

fn shell(folder: &Path, script: &str) {
    let mut shell = Command::new("sh");
    shell
        .env_remove("GIT_DIR")
        .args(["-ec", script])
        .current_dir(folder);
    let author = "-c user.name=me -c user.email=me@example.com -c init.defaultBranch=main";
    let ran = shell.env("GIT", format!("git {author}")).output().unwrap();
    assert!(ran.status.success(), "{script}: {ran:?}");
}

/// Whether the app's user, who is not root, has just these rights in a release.
#[track_caller]
fn may_read_and_not_write(stage: &Stage, user: &Identity, release: &Release) {
    let found = release.folder.join("Gemfile").metadata().unwrap();
    let expected = (0, user.gid, 0o640);
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), expected);
    // The way there is opened where the app's other folders are made.
    std::fs::set_permissions(stage.path("state"), PermissionsExt::from_mode(0o711)).unwrap();
    let who = [
        format!("--reuid={}", user.uid),
        format!("--regid={}", user.gid),
    ];
    let tries =
        "cat Gemfile && test ! -w . && test ! -w Gemfile && test ! -w lib/deep && test -r made";
    let mut tried = Command::new("setpriv");
    tried.args(who).args(["--clear-groups", "sh", "-c", tries]);
    let ran = tried.current_dir(&release.folder).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[tokio::test]
async fn a_folder_becomes_a_release_that_the_app_can_read_and_not_change() {
    let mut stage = Stage::new().await;
    for (path, content) in [
        ("coffee/Gemfile", "gem"),
        ("coffee/lib/deep/a.rb", "a"),
        ("coffee/.git/config", "x"),
        ("coffee/lib/.git", "x"),
        ("coffee/storage/db", "data"),
        ("outside/secret", "s"),
    ] {
        stage.write(path, content);
    }
    std::os::unix::fs::symlink("../outside", stage.path("coffee/link")).unwrap();
    let mode = rustix::fs::Mode::RWXU;
    let pipe = stage.path("coffee/tmp.sock");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    std::fs::set_permissions(
        stage.path("coffee/Gemfile"),
        PermissionsExt::from_mode(0o4600),
    )
    .unwrap();
    stage.app.write = vec![stage.path("coffee/storage")];
    stage.app.build =
        Some("id -u; cat Gemfile; echo made > made; echo to the error >&2".to_owned());
    let release = stage.make(1, Source::Dir).await.unwrap();
    let lines = stage.lines();
    assert_eq!(
        release.folder,
        stage
            .path("state/apps/coffee/releases/1")
            .canonicalize()
            .unwrap()
    );
    assert_eq!(text(&release, "lib/deep/a.rb").as_deref(), Some("a"));
    assert_eq!(text(&release, "made").as_deref(), Some("made\n"));
    for missing in [".git", "lib/.git", "tmp.sock"] {
        assert!(!release.folder.join(missing).exists(), "{missing}");
    }
    assert_eq!(
        std::fs::read_link(release.folder.join("link")).unwrap(),
        Path::new("../outside")
    );
    assert_eq!(
        std::fs::read_link(release.folder.join("storage")).unwrap(),
        stage.path("coffee/storage")
    );
    for said in [
        "left out tmp.sock",
        "gem",
        "to the error",
        "storage leads to",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(said)),
            "{said}: {lines:?}"
        );
    }
    assert_eq!(stage.left(), ["1", "1.json"]);
    if let Some(nobody) = sample::nobody() {
        assert!(lines.contains(&nobody.uid.to_string()), "{lines:?}");
        may_read_and_not_write(&stage, &nobody, &release);
    }
    let list = stage.releases.list().await;
    assert_eq!(list.len(), 1);
    assert_eq!(
        list[0].of,
        format!("the folder {}", stage.path("coffee").display())
    );
}

#[tokio::test]
async fn a_build_that_fails_leaves_nothing_and_says_why() {
    let mut stage = Stage::new().await;
    stage.write("coffee/x", "x");
    stage.make(1, Source::Dir).await.unwrap();
    stage.app.build = Some("for n in $(seq 60); do echo line $n; done; exit 3".to_owned());
    let error = stage.make(2, Source::Dir).await.unwrap_err();
    let sentence = error.sentence();
    assert!(
        sentence.starts_with("the build command, `for n in"),
        "{sentence}"
    );
    assert!(sentence.contains("exit status: 3"), "{sentence}");
    assert!(
        sentence.contains("\nline 11\n") && !sentence.contains("\nline 10\n"),
        "{sentence}"
    );
    assert_eq!(stage.left(), ["1", "1.json"]);
    stage.app.build = Some("/nowhere/at-all".to_owned());
    let error = stage.make(3, Source::Dir).await.unwrap_err();
    assert!(
        error.sentence().contains("not found"),
        "{}",
        error.sentence()
    );
    stage.app.build = None;
    stage.make(4, Source::Dir).await.unwrap();
    assert_eq!(stage.left(), ["1", "1.json", "4", "4.json"]);
}

#[tokio::test]
async fn a_build_that_nobody_waits_for_any_more_is_ended_with_all_it_started() {
    let mut stage = Stage::new().await;
    stage.write("coffee/x", "x");
    stage.app.build = Some("sleep 1000 & echo started $!; wait".to_owned());
    let changes = stage.progress.changes();
    let started = async {
        let mut changes = changes;
        loop {
            let lines = stage.lines();
            let pid = lines.iter().find_map(|line| line.strip_prefix("started "));
            if let Some(pid) = pid {
                return pid.parse::<u32>().unwrap();
            }
            changes.changed().await.unwrap();
        }
    };
    let pid = tokio::select! {
        made = stage.make(1, Source::Dir) => panic!("{made:?}"),
        pid = started => pid,
    };
    while ondol_base::process::alive(pid) || stage.left() != [""; 0] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn archives_are_unpacked_as_the_app() {
    let stage = Stage::new().await;
    stage.write("v/coffee-1.2/bin/server", "#!/bin/sh\n");
    stage.write("v/coffee-1.2/Procfile", "web: bin/server\n");
    shell(
        &stage.path("v"),
        "chmod 755 coffee-1.2/bin/server; tar -czf ../one.tar.gz coffee-1.2; tar -cf ../two.tar -C coffee-1.2 .",
    );
    shell(
        stage.folder.path(),
        "chmod 600 one.tar.gz; echo damaged > three.tar; tar -cf empty.tar -T /dev/null",
    );
    for (number, archive) in [(1, "one.tar.gz"), (2, "two.tar")] {
        let source = Source::Archive(stage.path(archive));
        let release = stage.make(number, source).await.unwrap();
        assert_eq!(
            text(&release, "Procfile").as_deref(),
            Some("web: bin/server\n")
        );
        let found = release.folder.join("bin/server").metadata().unwrap();
        assert_eq!(found.mode() & 0o110, 0o110, "{archive}");
    }
    let damaged = stage
        .make(3, Source::Archive(stage.path("three.tar")))
        .await
        .unwrap_err();
    let sentence = damaged.sentence();
    assert!(
        sentence.starts_with("the unpacking of the archive, `tar`, failed")
            && sentence.contains("tar: "),
        "{sentence}"
    );
    let empty = stage
        .make(4, Source::Archive(stage.path("empty.tar")))
        .await
        .unwrap_err();
    assert!(
        empty.to_string().starts_with("there are no files in it"),
        "{empty}"
    );
    let missing = stage
        .make(5, Source::Archive(stage.path("nothing.tar")))
        .await
        .unwrap_err();
    assert!(
        missing.sentence().contains("nothing.tar: No such file"),
        "{}",
        missing.sentence()
    );
    assert_eq!(stage.left(), ["1", "1.json", "2", "2.json"]);
}

#[tokio::test]
async fn an_archive_reaches_nothing_outside_of_the_release() {
    let stage = Stage::new().await;
    stage.write("v/x", "evil");
    shell(
        &stage.path("v"),
        "ln -s ../../../../outside out; tar -cPf ../evil.tar x out --transform 's,^x$,../../../x,'; tar -rPf ../evil.tar x --transform 's,^x$,out/y,'; tar -rf ../evil.tar x",
    );
    std::fs::create_dir(stage.path("outside")).unwrap();
    std::fs::set_permissions(stage.path("outside"), PermissionsExt::from_mode(0o777)).unwrap();
    let made = stage.make(1, Source::Archive(stage.path("evil.tar"))).await;
    assert!(!stage.path("state/apps/x").exists());
    assert!(!stage.path("outside/y").exists(), "{made:?}");
}

#[tokio::test]
async fn versions_in_git_become_releases() {
    let mut stage = Stage::new().await;
    let own = stage
        .releases
        .surroundings
        .places
        .repository(&stage.app.name);
    let no_repository = stage
        .make(9, Source::Git("main".to_owned()))
        .await
        .unwrap_err();
    assert!(
        no_repository.to_string().contains("ondol apps git coffee"),
        "{no_repository}"
    );
    repository::set_up(&own, &stage.app.name, &["true".to_owned()])
        .await
        .unwrap();
    stage.write("work/version", "one");
    let work = stage.path("work");
    shell(
        &work,
        "$GIT init -q; $GIT add .; $GIT commit -qm one; $GIT tag v1",
    );
    stage.write("work/version", "two");
    shell(&work, "$GIT commit -qam two");
    shell(&work, &format!("$GIT push -q {} main v1", own.display()));
    let newest = stage.make(1, Source::Git("main".to_owned())).await.unwrap();
    assert_eq!(text(&newest, "version").as_deref(), Some("two"));
    let tagged = stage.make(2, Source::Git("v1".to_owned())).await.unwrap();
    assert_eq!(text(&tagged, "version").as_deref(), Some("one"));
    let of: Vec<_> = stage
        .releases
        .list()
        .await
        .into_iter()
        .map(|made| made.of)
        .collect();
    assert!(
        of[0].starts_with("commit ") && of[0].ends_with(" (v1)"),
        "{of:?}"
    );
    let unknown = stage
        .make(3, Source::Git("nope".to_owned()))
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().starts_with("git could not get nope: "),
        "{unknown}"
    );
    let option = stage
        .make(3, Source::Git("--output=/etc/x".to_owned()))
        .await
        .unwrap_err();
    assert!(
        option.to_string().contains("is no name of a commit"),
        "{option}"
    );
    // From elsewhere: an app that names its repository.
    (stage.app.dir, stage.app.git) = (None, Some(work.display().to_string()));
    let fetched = stage.make(4, Source::Dir).await.unwrap();
    assert_eq!(text(&fetched, "version").as_deref(), Some("two"));
    assert_eq!(stage.left(), ["1", "1.json", "2", "2.json", "4", "4.json"]);
}

#[tokio::test]
async fn a_version_of_a_folder_under_git_is_asked_for_by_the_app() {
    let stage = Stage::new().await;
    stage.write("coffee/version", "one");
    shell(
        &stage.path("coffee"),
        "$GIT init -q; $GIT add .; $GIT commit -qm one; $GIT tag v1; echo two > version; chmod -R a+rX .",
    );
    let release = stage.make(1, Source::Git("v1".to_owned())).await.unwrap();
    assert_eq!(text(&release, "version").as_deref(), Some("one"));
}

#[tokio::test]
async fn the_release_command_runs_in_the_release() {
    let mut stage = Stage::new().await;
    stage.write("coffee/x", "x");
    let release = stage.make(1, Source::Dir).await.unwrap();
    stage.app.release = Some("pwd; echo $ONDOL_RELEASE; test $fail; exit 0".to_owned());
    let app = Arc::new(stage.app.clone());
    let ran = stage
        .releases
        .run_release_command(&app, &release, &stage.progress);
    ran.await.unwrap();
    let lines = stage.lines();
    assert!(
        lines.contains(&release.folder.display().to_string()),
        "{lines:?}"
    );
    stage.app.release = Some("echo no database; exit 1".to_owned());
    let app = Arc::new(stage.app.clone());
    let ran = stage
        .releases
        .run_release_command(&app, &release, &stage.progress);
    let sentence = ran.await.unwrap_err().sentence();
    assert!(
        sentence.starts_with("the release command") && sentence.ends_with("\nno database"),
        "{sentence}"
    );
}

#[tokio::test]
async fn releases_that_nobody_needs_go_and_assets_stay() {
    let stage = Stage::new().await;
    for number in 1..=4 {
        stage.write("coffee/public/assets/app.js", "app");
        let name = format!("coffee/public/assets/app-{number}.js");
        stage.write(&name, "new");
        let release = stage.make(number, Source::Dir).await.unwrap();
        stage.releases.point_current(&release).await;
        stage.releases.thin_out(&[number], 2).await;
        std::fs::remove_file(stage.path(&name)).unwrap();
    }
    let numbers: Vec<_> = stage
        .releases
        .list()
        .await
        .into_iter()
        .map(|made| made.number)
        .collect();
    assert_eq!(numbers, [4, 3]);
    let current = stage.releases.surroundings.places.current(&stage.app.name);
    for number in 1..=4 {
        let asset = current.join(format!("public/assets/app-{number}.js"));
        assert!(asset.is_file(), "{}", asset.display());
    }
    let in_place = Release {
        number: None,
        folder: stage.path("coffee"),
    };
    stage.releases.point_current(&in_place).await;
    assert_eq!(
        current.canonicalize().unwrap(),
        stage.path("coffee").canonicalize().unwrap()
    );
}

/// The path of a small disk of its own, for the test that is started on it.
const SMALL_DISK: &str = "ONDOL_TEST_SMALL_DISK";

#[test]
fn a_disk_is_not_filled_by_releases() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=300m none \"$1\" && exec \"$2\" --exact releases::tests::on_a_small_disk --ignored --nocapture";
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(folder.path());
    unshare.arg(std::env::current_exe().unwrap());
    let ran = unshare.env(SMALL_DISK, folder.path()).output().unwrap();
    let (said, error) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    if error.contains("unshare failed") || error.contains("mount:") {
        println!("skipped: nothing may be mounted here: {error}");
        return;
    }
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}{error}"
    );
}

#[tokio::test]
#[ignore = "started by another test, on a small disk"]
#[expect(clippy::disallowed_methods, reason = "the other test's word for it")]
async fn on_a_small_disk() {
    let disk = std::env::var(SMALL_DISK).unwrap();
    std::fs::set_permissions(&disk, PermissionsExt::from_mode(0o755)).unwrap();
    let mut stage = Stage::in_folder(tempfile::tempdir_in(&disk).unwrap()).await;
    stage.write("coffee/x", &"x".repeat(120_000_000));
    // 300 MiB, of which 64 stay free: one copy fits beside the original, and no second one.
    stage.make(1, Source::Dir).await.unwrap();
    let error = stage.make(2, Source::Dir).await.unwrap_err().to_string();
    assert!(
        error.contains("the release needs about 120 MB and 67 MB"),
        "{error}"
    );
    stage.write("small/x", "x");
    stage.releases.kept().remove(1);
    stage.app.build = Some("head -c 182000000 /dev/zero > big; sleep 1000".to_owned());
    let error = stage
        .make(3, Source::Folder(stage.path("small")))
        .await
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("the build command was stopped, because the disk"),
        "{error}"
    );
    assert_eq!(stage.left(), [""; 0]);
}
