//! An app is tried on what was restored, and touches nothing that is in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ondol_base::file;
use ondol_model::app::AppName;
use ondol_model::plan::AppListen;
use tempfile::TempDir;

use crate::group::Groups;
use crate::log::AppLog;
use crate::sample;

use super::*;

/// Answers well when its data says so, and writes into it that it was there.
const SERVER: &str = r#"
import http.server, os, sys
data, database = sys.argv[1], os.environ.get("DATABASE_URL")
word = open(os.path.join(data, "word")).read()
code = open("code").read()
print(f"started with {code} {word} {database}", flush=True)
open(os.path.join(data, "written"), "w").write("tried")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if word == "restored" else 503)
        self.end_headers()
        self.wfile.write(word.encode())
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

struct Scene {
    folder: TempDir,
    app: plan::App,
    surroundings: Surroundings,
}

impl Scene {
    /// An app in a folder of its own, in use, and a restored copy of it.
    async fn new() -> Option<Self> {
        let Some(nobody) = sample::nobody() else {
            println!("skipped: only root gives a process a view of the disk of its own");
            return None;
        };
        let folder = sample::folder();
        let places = sample::places(folder.path());
        for made in [&places.state, &places.runtime, &places.logs] {
            fs::create_dir(made).unwrap();
        }
        let mut app = plan::App::named(AppName::parse("coffee").unwrap());
        let server = folder.path().join("server.py");
        file::replace(&server, SERVER.as_bytes(), 0o644).unwrap();
        let (code, data) = (folder.path().join("coffee"), folder.path().join("data"));
        app.run = Some(format!(
            "exec /usr/bin/python3 {} {}",
            server.display(),
            data.display()
        ));
        app.listen = Some(AppListen::Port);
        app.user = Some(nobody.name);
        app.health.path = Some("/up".to_owned());
        app.dir = Some(code.clone());
        app.write = vec![data.clone()];
        app.data = vec![data.clone()];
        let surroundings = Surroundings {
            log: AppLog::open(&places, &app.name),
            groups: Arc::new(Groups::find().await),
            places: Arc::new(places),
            hidden: Arc::from([]),
        };
        let scene = Self {
            folder,
            app,
            surroundings,
        };
        for (top, word) in [(PathBuf::from("/"), "in use"), (scene.root(), "restored")] {
            scene.write(&below(&top, &code).join("code"), word);
            scene.write(&below(&top, &data).join("word"), word);
        }
        Some(scene)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    fn write(&self, path: &Path, text: &str) {
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
        file::replace(path, text.as_bytes(), 0o644).unwrap();
    }

    async fn tried(&self, instead: &[(&str, &str)]) -> Tried {
        let pairs = instead.iter();
        let trial = Trial {
            surroundings: self.surroundings.clone(),
            app: Arc::new(self.app.clone()),
            host: None,
            release: Release {
                number: None,
                folder: self.folder.path().join("coffee"),
            },
            root: self.root(),
            instead: pairs
                .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
                .collect(),
        };
        trial.run().await
    }

    /// What is in use is as it was, and nothing of the trial is left.
    fn is_untouched(&self) {
        let data = self.folder.path().join("data");
        assert_eq!(fs::read_to_string(data.join("word")).unwrap(), "in use");
        assert!(!data.join("written").exists(), "it wrote to what is in use");
        let run = self.surroundings.places.run(&self.app.name);
        let left: Vec<_> = fs::read_dir(run)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|launch| fs::read_dir(launch.path()).ok()?.next())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn an_app_that_is_well_on_restored_data_is_said_to_be() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let Tried::Well(sentence) = scene.tried(&[]).await else {
        panic!("{:?}", scene.tried(&[]).await);
    };
    assert!(
        sentence.contains("coffee") && sentence.contains("/up"),
        "{sentence}"
    );
    scene.is_untouched();
    let restored = below(&scene.root(), &scene.folder.path().join("data/written"));
    assert_eq!(fs::read_to_string(restored).unwrap(), "tried");
}

#[tokio::test]
async fn one_that_is_not_well_there_is_told_with_its_last_words() {
    let Some(mut scene) = Scene::new().await else {
        return;
    };
    scene.app.start_timeout = Duration::from_secs(5);
    let word = below(&scene.root(), &scene.folder.path().join("data/word"));
    scene.write(&word, "damaged");
    let Tried::Unwell(sentence) = scene.tried(&[]).await else {
        panic!("it is not well");
    };
    for part in ["coffee", "503", "started with restored damaged"] {
        assert!(sentence.contains(part), "no {part:?} in: {sentence}");
    }
    scene.is_untouched();
    fs::remove_file(word).unwrap();
    let Tried::Unwell(sentence) = scene.tried(&[]).await else {
        panic!("it can't start");
    };
    assert!(sentence.contains("FileNotFoundError"), "{sentence}");
    scene.is_untouched();
}

#[tokio::test]
async fn what_is_missing_in_the_backup_is_told_and_what_is_in_use_is_no_stand_in() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let data = scene.folder.path().join("data");
    let restored = below(&scene.root(), &data);
    fs::remove_dir_all(&restored).unwrap();
    let missing = format!("coffee: {} is not in the backup", data.display());
    assert_eq!(scene.tried(&[]).await, Tried::Unwell(missing.clone()));
    // A restored link that leads to what is in use is not followed.
    std::os::unix::fs::symlink(&data, &restored).unwrap();
    assert_eq!(scene.tried(&[]).await, Tried::Unwell(missing));
    scene.is_untouched();
}

#[tokio::test]
async fn an_app_is_never_tried_on_the_database_in_use() {
    let Some(mut scene) = Scene::new().await else {
        return;
    };
    let pair = [("postgresql:///coffee", "postgresql:///proof_coffee")];
    let Tried::Impossible(sentence) = scene.tried(&pair).await else {
        panic!("nothing says which database it is on");
    };
    assert!(sentence.contains("postgresql:///coffee"), "{sentence}");
    let url = plan::EnvValue::Text("postgres://c:secret@localhost/coffee".to_owned());
    scene.app.env.insert("DATABASE_URL".to_owned(), url);
    let Tried::Well(_) = scene.tried(&pair).await else {
        panic!("it is on the copy");
    };
    let lines = scene.surroundings.log.tail(Some("web.1"), 1);
    assert_eq!(
        lines,
        ["started with restored restored postgres://c:secret@localhost/proof_coffee"]
    );
    scene.is_untouched();
}

#[tokio::test]
async fn the_release_of_the_backup_is_tried_where_visitors_have_another() {
    let Some(mut scene) = Scene::new().await else {
        return;
    };
    let places = Arc::clone(&scene.surroundings.places);
    let name = scene.app.name.clone();
    scene.app.dir = None;
    scene.write(&places.release(&name, 13).join("code"), "in use");
    for (number, word) in [(9, "old"), (12, "restored")] {
        let folder = below(&scene.root(), &places.release(&name, number));
        scene.write(&folder.join("code"), word);
    }
    let trial = Trial {
        surroundings: scene.surroundings.clone(),
        app: Arc::new(scene.app.clone()),
        host: None,
        release: Release {
            number: Some(13),
            folder: places.release(&name, 13),
        },
        root: scene.root(),
        instead: Vec::new(),
    };
    let Tried::Well(sentence) = trial.run().await else {
        panic!("{:?}", scene.surroundings.log.tail(None, 20));
    };
    assert!(sentence.contains("release 12"), "{sentence}");
    scene.is_untouched();
}
