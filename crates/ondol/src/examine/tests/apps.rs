//! Findings about apps: folders, commands, environments, users.

use super::*;

/// What is noted of a text, with the folder as `~`.
fn notes(place: &Place, text: &str) -> Vec<String> {
    let findings = place.examine(text, &ServeUser::Own, NOW);
    let folder = place.path().display().to_string();
    assert!(findings.mistakes.is_empty(), "{:?}", findings.mistakes);
    let notes = findings.notes.iter();
    notes
        .filter(|note| !note.starts_with("Users that are not there yet"))
        .filter(|note| !note.starts_with("Nothing is backed up"))
        .filter(|note| !is_of_care(note))
        .map(|note| note.replace(&folder, "~"))
        .collect()
}

/// An app with these keys, and its site.
fn app(keys: &str) -> String {
    format!("[sites.\"a.test\"]\napp = \"coffee\"\n[apps.coffee]\n{keys}")
}

fn make(place: &Place, path: &str, text: &str, mode: u32) {
    let path = place.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write(&path, text, mode);
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn the_folder_of_an_app_must_be_there() {
    let place = Place::new();
    make(&place, "file", "", 0o644);
    place.check(
        &app("dir = \"missing\"\nrun = \"true\""),
        &["4:7 the folder ~/missing does not exist (app `coffee`)"],
        &[],
    );
    place.check(
        &app("dir = \"file\"\nrun = \"true\""),
        &["4:7 ~/file is not a folder (app `coffee`)"],
        &[],
    );
    place.check(&app("dir = \"www\"\nrun = \"true\""), &[], &[]);
    place.check(&app(""), &[], &[]);
}

#[test]
fn what_was_found_is_told() {
    let place = Place::new();
    let package = r#"{"dependencies":{"a":"1"},"scripts":{"start":"sh server.sh"}}"#;
    make(&place, "node/package.json", package, 0o644);
    make(&place, "node/server.js", "", 0o644);
    let told = notes(
        &place,
        &app("dir = \"node\"\nenv = { PATH = \"/nowhere\" }"),
    );
    let [told] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        told,
        "The app `coffee` runs `env NODE_ENV=${NODE_ENV:-production} npm start` on $PORT (found by the script `start` of package.json); `run` and `build` in [apps.coffee] say otherwise. Its releases are made with `npm install --omit=dev`."
    );
    assert!(notes(&place, &app("dir = \"node\"\nrun = \"true\"")).is_empty());
    make(&place, "node/Procfile", "web: true\nworker: x", 0o644);
    let told = notes(&place, &app("dir = \"node\"\nbuild = \"true\""));
    assert_eq!(
        told,
        [
            "The app `coffee` runs `true` on $PORT (found by its Procfile); `run` and `build` in [apps.coffee] say otherwise."
        ]
    );
}

#[test]
fn an_app_that_nothing_is_known_of_is_a_mistake() {
    let place = Place::new();
    make(&place, "pages/index.html", "", 0o644);
    make(&place, "php/public/index.php", "", 0o644);
    make(&place, "node/package.json", "{}", 0o644);
    make(&place, "node/server.js", "", 0o644);
    for (dir, help) in [
        ("www", "in a Procfile"),
        ("pages", "with `files` in a site;\nor name the command"),
        ("php", "/public\", pool = "),
    ] {
        let text = app(&format!("dir = \"{dir}\""));
        let findings = place.examine(&text, &ServeUser::Own, NOW);
        let [mistake] = &findings.mistakes[..] else {
            panic!("{:?}", findings.mistakes)
        };
        assert!(mistake.problem().starts_with("nothing says how "));
        assert!(mistake.help().unwrap().contains(help), "{mistake:?}");
    }
    place.check(
        &app("dir = \"node\"\nlisten = \"fd\""),
        &["5:10 `env NODE_ENV=${NODE_ENV:-production} node server.js`, found by package.json and server.js, gets its socket by another way than \"fd\" (app `coffee`)"],
        &[],
    );
}

#[test]
fn programs_that_are_not_there_are_told() {
    let place = Place::new();
    make(&place, "www/bin/server", "", 0o644);
    let keys = "dir = \"www\"\nrun = \"bin/server\"\nbuild = \"no-such-program x\"\nrelease = \"bin/made-by-build\"\n\
                processes = { worker = \"A=1 no-such-worker\", other = \"cd x && y\" }\n\
                cron = { at = \"04:10\", run = \"no-such-job\" }";
    place.check(
        &app(keys),
        &[],
        &[
            "5:7 ~/www/bin/server cannot be run: it is not executable (app `coffee`)",
            "6:9 there is no program `no-such-program` (app `coffee`)",
            "8:24 there is no program `no-such-worker` (app `coffee`)",
            "9:30 there is no program `no-such-job` (app `coffee`)",
        ],
    );
}

#[test]
fn files_of_the_environment_are_for_nobody_else() {
    let place = Place::new();
    make(&place, "good.env", "A=1\nexport B='2'\n", 0o600);
    make(&place, "empty.env", "", 0o600);
    make(&place, "open.env", "A=hunter2\n", 0o644);
    make(&place, "broken.env", "A=1\nhunter2\n", 0o600);
    place.check(
        &app("run = \"true\"\nenv_files = [\"good.env\", \"empty.env\"]"),
        &[],
        &[],
    );
    place.check(
        &app("run = \"true\"\nenv_files = [\"good.env\", \"open.env\", \"broken.env\", \"missing.env\"]"),
        &[
            "5:26 ~/open.env can be read by other users of this machine, so it is no secret; `chmod go= ~/open.env` ends that (app `coffee`)",
            "5:38 ~/broken.env, line 2: there is no `=` in it: a variable is written NAME=value (app `coffee`)",
            "5:52 cannot read the secret in ~/missing.env: No such file or directory (os error 2) (app `coffee`)",
        ],
        &[],
    );
}

#[test]
fn secrets_are_looked_for_where_they_are_kept() {
    let place = Place::new();
    make(&place, "key", "hunter2\n", 0o600);
    place.check(
        &app("run = \"true\"\nenv = { A = { file = \"key\" }, B = { file = \"none\" }, C = { env = \"NO_SUCH_VARIABLE_HERE\" } }"),
        &["5:44 cannot read the secret in ~/none: No such file or directory (os error 2) (the variable B of the app `coffee`)"],
        &["5:66 the environment variable NO_SUCH_VARIABLE_HERE is not set, or empty (the variable C of the app `coffee`)"],
    );
}

#[test]
fn a_secret_in_the_file_itself_is_told_where_everyone_can_read_that() {
    let place = Place::new();
    let text = app("run = \"true\"\nenv = { SMTP_PASSWORD = \"x\", RAILS_ENV = \"production\" }");
    write(&place.path().join("ondol.toml"), &text, 0o600);
    place.check(&text, &[], &[]);
    write(&place.path().join("ondol.toml"), &text, 0o644);
    place.check(
        &text,
        &[],
        &["5:25 everyone on this machine can read SMTP_PASSWORD in ~/ondol.toml"],
    );
}

#[test]
fn the_user_of_an_app_must_be_there() {
    let place = Place::new();
    if !is_root() {
        return; // Whoever is not root can't have another user: `ondol_apps` tests that.
    }
    place.check(
        &app("run = \"true\"\nuser = \"no-such-user\""),
        &["5:8 the app `coffee` would not start: there is no user \"no-such-user\" on this machine: make one with `useradd --system no-such-user`, or leave `user` out, and it gets one of its own"],
        &[],
    );
    fs::create_dir(place.path().join("storage")).unwrap();
    fs::create_dir(place.path().join("closed")).unwrap();
    fs::set_permissions(place.path().join("closed"), Permissions::from_mode(0o700)).unwrap();
    place.check(
        &app("dir = \"closed\"\nrun = \"true\"\nuser = \"nobody\"\nwrite = [\"storage\", \"none\"]\ndata = [\"none\", \"lost\"]"),
        &[],
        &[
            "4:7 the user nobody, as which the app `coffee` runs, may not read ~/closed",
            "7:10 the user nobody, as which the app `coffee` runs, may not write ~/storage",
            "7:21 ~/none does not exist, which the app `coffee` may write",
            "8:17 ~/lost does not exist, which a backup of the app `coffee` must hold",
        ],
    );
    let findings = place.examine(&app("run = \"true\""), &ServeUser::Own, NOW);
    assert_eq!(
        findings.notes.first().map(String::as_str),
        Some("Users that are not there yet are made when their apps first start: ondol-coffee.")
    );
}

#[test]
fn pools_and_php_applications_are_looked_at_where_they_are_named() {
    let place = Place::new();
    let site = "[sites.\"a.test\"]\nphp = { root = \"www\", pool = \"wiki\" }\n";
    let pool = "[apps.wiki]\nphp = { program = \"/nowhere/php-fpm\" }\n";
    let findings = place.examine(&format!("{site}{pool}"), &ServeUser::Own, NOW);
    let [mistake] = &findings.mistakes[..] else {
        panic!("{:?}", findings.mistakes)
    };
    assert_eq!((mistake.line(), mistake.column()), (4, 19));
    assert!(
        mistake.problem().contains("/nowhere/php-fpm"),
        "{mistake:?}"
    );
    let socket = "[sites.\"a.test\"]\nphp = { root = \"none\", socket = \"/nowhere/php.sock\" }\n";
    place.check(
        socket,
        &["2:16 the folder ~/none does not exist (site `a.test`)"],
        &["2:33 there is no socket /nowhere/php.sock"],
    );
}

#[test]
fn time_zones_of_cron_are_those_of_the_machine() {
    let place = Place::new();
    place.check(
        &app("run = \"true\"\ncron = { at = \"04:10\", run = \"true\", timezone = \"Asia/Atlantis\" }"),
        &["5:49 this machine knows no time zone Asia/Atlantis"],
        &[],
    );
}
