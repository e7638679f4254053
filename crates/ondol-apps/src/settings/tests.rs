//! Settings of real folders and files.

use std::path::Path;

use ondol_base::file;
use ondol_model::app::AppName;
use ondol_model::plan::EnvValue;
use ondol_model::plan::Secret;
use tempfile::TempDir;

use crate::group::Groups;
use crate::log::AppLog;
use crate::sample;

use super::*;

struct Scene {
    folder: TempDir,
    app: plan::App,
}

impl Scene {
    fn new() -> Self {
        let folder = sample::folder();
        let mut app = plan::App::named(AppName::parse("coffee").unwrap());
        app.run = Some("server --fast".to_owned());
        app.user = sample::nobody().map(|nobody| nobody.name);
        Self { folder, app }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        file::replace(&path, text.as_bytes(), mode).unwrap();
        path
    }

    fn release(&self, number: Option<u64>) -> Release {
        Release {
            number,
            folder: self.folder.path().to_owned(),
        }
    }

    async fn read(&self) -> Result<Settings, SettingsError> {
        let places = sample::places(self.folder.path());
        for folder in [&places.state, &places.runtime] {
            let _ = std::fs::create_dir(folder); // There after the first time.
        }
        let app = Arc::new(self.app.clone());
        let host = Some("coffee.example".to_owned());
        Settings::read(app, host, &self.release(None), &places).await
    }

    async fn fingerprint(&self) -> String {
        self.read().await.unwrap().fingerprint().to_owned()
    }

    async fn spec(&self, release: &Release, work: Work) -> Spec {
        let settings = self.read().await.unwrap();
        let places = sample::places(self.folder.path());
        let surroundings = Surroundings {
            log: AppLog::open(&places, &self.app.name),
            groups: Arc::new(Groups::look().await),
            places: Arc::new(places),
            hidden: Arc::from([PathBuf::from("/etc/ondol")]),
        };
        let run = Run::Shell("true".to_owned());
        settings.spec(&surroundings, release, "test", run, work)
    }
}

#[tokio::test]
async fn the_environment_has_what_is_declared_and_nothing_else() {
    let mut scene = Scene::new();
    let first = scene.file("first.env", "A=first\nB=first\nC=first\n", 0o600);
    let second = scene.file("second.env", "B=second\nC=second\n", 0o600);
    let empty = scene.file("empty.env", "", 0o600);
    scene.app.env_files = vec![first, second, empty];
    scene.app.timezone = Some("Asia/Seoul".to_owned());
    let secret = Secret::File(scene.file("token", "t0p\n", 0o600));
    let text = |text: &str| EnvValue::Text(text.to_owned());
    scene.app.env = BTreeMap::from([
        ("C".to_owned(), text("own")),
        ("TOKEN".to_owned(), EnvValue::Secret(secret)),
        ("LANG".to_owned(), text("ko_KR.UTF-8")),
        ("ONDOL_APP".to_owned(), text("other")),
    ]);
    let env = scene.spec(&scene.release(Some(7)), Work::Serve).await.env;
    let data = scene.path("state/apps/coffee/data");
    let data = data.to_str().unwrap();
    for (name, value) in [
        ("A", "first"),
        ("B", "second"),
        ("C", "own"),
        ("TOKEN", "t0p"),
        ("LANG", "ko_KR.UTF-8"),
        ("SHELL", "/bin/sh"),
        ("TZ", "Asia/Seoul"),
        ("HOME", data),
        ("ONDOL_DATA", data),
        ("ONDOL_APP", "coffee"),
        ("ONDOL_RELEASE", "7"),
    ] {
        assert_eq!(env.get(name).map(String::as_str), Some(value), "{name}");
    }
    let others: Vec<_> = env
        .keys()
        .filter(|name| name.starts_with("CARGO"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(env.len() <= 15, "{env:?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_environment_is_told_and_no_secret_is() {
    let mut scene = Scene::new();
    for (text, mode, expected) in [
        (
            "A=1\nhunter2\n",
            0o600,
            "bad.env, line 2: there is no `=` in it",
        ),
        ("A=hunter2\n", 0o644, "can be read by other users"),
    ] {
        scene.app.env_files = vec![scene.file("bad.env", text, mode)];
        let error = scene.read().await.unwrap_err();
        let sentence = ondol_base::chain::Chain(&error).to_string();
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }
    scene.app.env_files.clear();
    let missing = Secret::File(scene.path("missing"));
    scene.app.env = BTreeMap::from([("TOKEN".to_owned(), EnvValue::Secret(missing))]);
    let error = scene.read().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the variable TOKEN of its environment has no value"
    );
}

#[tokio::test]
async fn the_fingerprint_changes_with_what_is_started_and_not_with_the_rest() {
    let mut scene = Scene::new();
    let before = scene.fingerprint().await;
    scene.app.health.path = Some("/up".to_owned());
    scene.app.instances = 2;
    scene.app.idle_stop = Some(std::time::Duration::from_secs(60));
    assert_eq!(scene.fingerprint().await, before);
    let mut seen = vec![before];
    let file = scene.file("own.env", "A=1", 0o600);
    scene.app.env_files = vec![file];
    seen.push(scene.fingerprint().await);
    scene.file("own.env", "A=2", 0o600);
    seen.push(scene.fingerprint().await);
    scene.app.memory = Some(1 << 30);
    seen.push(scene.fingerprint().await);
    scene.app.timezone = Some("Asia/Seoul".to_owned());
    seen.push(scene.fingerprint().await);
    scene.app.run = Some("server".to_owned());
    seen.push(scene.fingerprint().await);
    scene.app.listen = Some(AppListen::Fd);
    seen.push(scene.fingerprint().await);
    scene.app.write = vec!["/srv/uploads".into()];
    seen.push(scene.fingerprint().await);
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[tokio::test]
async fn a_release_is_only_read_while_it_serves() {
    let mut scene = Scene::new();
    scene.app.write = vec!["/srv/uploads".into()];
    let reach = |spec: Spec| spec.reach.unwrap();
    let folder = scene.folder.path().to_owned();
    std::fs::create_dir(folder.join("tmp")).unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("log")).unwrap();
    let release = scene.release(Some(1));
    let serving = reach(scene.spec(&release, Work::Serve).await);
    assert!(serving.read.contains(&folder) && !serving.write.contains(&folder));
    assert!(serving.write.contains(&PathBuf::from("/srv/uploads")));
    assert!(serving.write.contains(&folder.join("tmp")));
    assert!(
        !serving.write.contains(&folder.join("log")),
        "it leads elsewhere"
    );
    assert!(
        serving
            .write
            .contains(&scene.path("state/apps/coffee/data"))
    );
    assert_eq!(serving.hidden, [Path::new("/etc/ondol")]);
    let building = reach(scene.spec(&release, Work::Build).await);
    assert!(building.write.contains(&folder));
    let in_place = reach(scene.spec(&scene.release(None), Work::Serve).await);
    assert!(in_place.write.contains(&folder));
}

#[tokio::test]
async fn the_web_process_is_the_first_and_must_be_there() {
    let mut scene = Scene::new();
    let worker = ProcessName::parse("a-worker").unwrap();
    scene
        .app
        .processes
        .insert(worker.clone(), "work".to_owned());
    let settings = scene.read().await.unwrap();
    let names: Vec<_> = settings.processes().into_iter().map(|it| it.0).collect();
    assert_eq!(names, [ProcessName::web(), worker]);
    scene.app.run = None;
    let error = scene.read().await.unwrap_err();
    assert!(error.to_string().contains("in a Procfile as `web: …`"));
    let places = sample::places(scene.folder.path());
    let app = Arc::new(scene.app.clone());
    let release = scene.release(None);
    Settings::read_for_build(app, &release, &places)
        .await
        .expect("a build needs no command");
}
