//! Apps as people have them, under the servers that they are run by: each is deployed, started anew, reloaded and
//! taken back while visitors ask all the time, and no request fails.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Host;
use super::Load;
use super::configuration_running;
use super::field;
use crate::harness::Folders;
use crate::harness::eventually;
use crate::peers::WebSocket;
use crate::peers::is_there;
use crate::peers::skipped;

const QUICK: &str =
    "watch = \"0s\"\nhealth = { path = \"/up\" }\nenv = { GREETING = \"greeting-one\" }";

/// So many ask at a time.
const VISITORS: usize = 4;

/// An app, and what this machine must have for it.
struct Kind {
    programs: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
    /// More lines for it in the configuration.
    settings: &'static str,
}

/// A Rack application, of which nothing is said: it runs under puma.
const PUMA: Kind = Kind {
    programs: &["puma"],
    files: &[("config.ru", include_str!("real/rack.ru"))],
    settings: "",
};

const UNICORN: Kind = Kind {
    programs: &["unicorn"],
    files: &[("config.ru", include_str!("real/rack.ru"))],
    settings: "run = \"unicorn -E production -l 127.0.0.1:$PORT\"",
};

/// As `rails new` makes one: puma writes its number to a file in `tmp/pids` of the release.
const RAILS: Kind = Kind {
    programs: &["puma"],
    files: &[
        ("config.ru", include_str!("real/rails.ru")),
        (
            "config/puma.rb",
            "environment ENV.fetch('RACK_ENV', 'production')\n\
             pidfile ENV.fetch('PIDFILE') { 'tmp/pids/server.pid' }\n",
        ),
        ("bin/rails", "#!/usr/bin/env ruby\n"),
        ("tmp/pids/.keep", ""),
        ("log/.keep", ""),
    ],
    settings: "run = \"puma -b $ONDOL_BIND\"",
};

/// Found by its package.json.
const NODE: Kind = Kind {
    programs: &["node"],
    files: &[
        ("server.js", include_str!("real/server.js")),
        (
            "package.json",
            "{ \"scripts\": { \"start\": \"node server.js\" } }",
        ),
    ],
    settings: "",
};

/// Found by its requirements, which this machine has already.
const UVICORN: Kind = Kind {
    programs: &["uvicorn"],
    files: &[
        ("main.py", include_str!("real/main.py")),
        ("requirements.txt", "uvicorn\n"),
    ],
    settings: "build = \"true\"\ndrain_timeout = \"5s\"",
};

const GUNICORN: Kind = Kind {
    programs: &["gunicorn"],
    files: &[
        ("wsgi.py", include_str!("real/wsgi.py")),
        ("requirements.txt", "gunicorn\n"),
    ],
    settings: "build = \"true\"\nlisten = \"fd\"",
};

/// Made of its source by each deploy.
const BINARY: Kind = Kind {
    programs: &["cc"],
    files: &[("server.c", include_str!("real/server.c"))],
    settings: r#"build = 'cc -O1 -static -DVERSION="\"$(cat VERSION)\"" -o server server.c'
                 run = "./server"
                 listen = "fd""#,
};

impl Kind {
    /// A box in which version 1 of it answers; `None` where something is not on this machine.
    fn host(&self) -> Option<Host> {
        if !self.programs.iter().all(|program| is_there(program)) {
            return None;
        }
        let folders = Folders::with("");
        let folder = folders.path("coffee");
        self.write(&folder, "1");
        let settings = format!("{QUICK}\n{}", self.settings);
        folders.configure(&configuration_running(&folders, "", &settings));
        let host = Host {
            running: Some(folders.start()),
        };
        // Its own folder was not built, and is not its user's to write.
        host.deploys_first();
        host.answers("1");
        Some(host)
    }

    fn write(&self, folder: &Path, version: &str) {
        for (name, text) in self.files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::write(folder.join("VERSION"), version).unwrap();
    }

    fn deploy(&self, host: &Host, version: &str) {
        let folder = host.path(&format!("release-{version}"));
        self.write(&folder, version);
        host.done(&["deploy", "coffee", folder.to_str().unwrap()]);
        assert_eq!(host.version(), version, "{}", host.running().log());
    }

    /// Everything that changes what runs.
    fn changes_without_a_failed_request(&self) {
        let Some(host) = self.host() else {
            return;
        };
        let load = Load::of(VISITORS, host.http(), "version=");
        load.goes_on(20);
        self.deploy(&host, "2");
        host.done(&["restart", "coffee"]);
        assert_eq!(host.version(), "2");
        let greeting = || field(&host.running().get("a.test"), "greeting");
        assert_eq!(greeting(), "greeting-one");
        host.configure("greeting-one", "greeting-two");
        eventually("the other greeting", || {
            (greeting() == "greeting-two").then_some(())
        });
        self.deploy(&host, "3");
        host.done(&["rollback", "coffee"]);
        assert_eq!(host.version(), "2");
        load.goes_on(20);
        load.none_failed();
    }
}

#[test]
fn a_rack_application_under_puma() {
    PUMA.changes_without_a_failed_request();
}

#[test]
fn a_rack_application_under_unicorn() {
    UNICORN.changes_without_a_failed_request();
}

#[test]
fn a_rails_application_under_puma() {
    let mut ruby = Command::new("ruby");
    ruby.args(["-e", "require 'action_controller/railtie'"]);
    if !ruby.output().is_ok_and(|output| output.status.success()) {
        skipped("Rails", "it is not installed (tests/run installs it)");
        return;
    }
    RAILS.changes_without_a_failed_request();
}

#[test]
fn a_server_of_node() {
    NODE.changes_without_a_failed_request();
}

#[test]
fn an_asgi_application_under_uvicorn() {
    UVICORN.changes_without_a_failed_request();
}

#[test]
fn a_wsgi_application_under_gunicorn() {
    GUNICORN.changes_without_a_failed_request();
}

#[test]
fn a_static_binary() {
    BINARY.changes_without_a_failed_request();
}

#[test]
fn a_websocket_outlives_a_deploy_until_the_drain_ends() {
    let mut python = Command::new("/usr/bin/python3"); // That of uvicorn.
    python.args(["-c", "import websockets"]);
    if !python.output().is_ok_and(|output| output.status.success()) {
        skipped("websockets", "it is not installed (tests/run installs it)");
        return;
    }
    let Some(host) = UVICORN.host() else {
        return;
    };
    let mut socket = WebSocket::open(host.http(), "a.test");
    assert_eq!(socket.echo("a"), "version=1 heard=a");
    UVICORN.deploy(&host, "2");
    assert_eq!(socket.echo("b"), "version=1 heard=b", "it is not cut yet");
    let mut other = WebSocket::open(host.http(), "a.test");
    assert_eq!(other.echo("c"), "version=2 heard=c");
    // "Service restart": by it, programs in browsers connect again (RFC 6455, registry of close codes).
    assert_eq!(socket.close_code(), Some(1012));
    assert_eq!(other.echo("d"), "version=2 heard=d");
}
