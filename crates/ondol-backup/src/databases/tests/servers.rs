//! Database servers for tests: those of this machine's packages, each with data of its own. Where there are none, that
//! is said, and the test is left out.

#![expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use nix::unistd::User;
use tempfile::TempDir;

use crate::access::DatabasePlace;
use crate::access::Hidden;
use crate::databases::Client;
use crate::databases::Program;

const PASSWORD: &str = "not:a\\secret";
/// Looked for an answer so often, a tenth of a second apart.
const LOOKS_MAX: u32 = 600;

/// A server, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    port: u16,
    kind: &'static str,
}

impl Server {
    /// A PostgreSQL whose users are let in by their names in the system, or with a password through TCP.
    pub(crate) fn postgres() -> Option<Self> {
        let (Some(folder), Ok(Some(user))) = (postgres_folder(), User::from_name("postgres"))
        else {
            println!("skipped: there is no PostgreSQL on this machine");
            return None;
        };
        let place = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(
            place.path(),
            Some(user.uid.as_raw()),
            Some(user.gid.as_raw()),
        )
        .unwrap();
        fs::write(place.path().join("password"), PASSWORD).unwrap();
        let as_postgres = |name: &str| {
            let mut command = Command::new(folder.join(name));
            command
                .uid(user.uid.as_raw())
                .gid(user.gid.as_raw())
                .current_dir(place.path());
            command
        };
        run(as_postgres("initdb")
            .args([
                "--pgdata=data",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--auth-local=peer", "--auth-host=scram-sha-256"])
            .arg("--pwfile=password"));
        let port = free_port();
        let mut command = as_postgres("postgres");
        command
            .args(["-D", "data", "-F", "-h", "127.0.0.1", "-k"])
            .arg(place.path())
            .args(["-p", &port.to_string()]);
        Some(Self::start(command, place, port, "postgresql"))
    }

    /// A MariaDB whose root is let in by its name in the system.
    pub(crate) fn mariadb() -> Option<Self> {
        let is_there = ["/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db"].map(Path::new);
        if !is_there.iter().all(|path| path.exists()) {
            println!("skipped: there is no MariaDB on this machine");
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        run(Command::new(is_there[1])
            .args(["--no-defaults", "--user=root", "--skip-test-db"])
            .arg("--auth-root-authentication-method=socket")
            .arg("--auth-root-socket-user=root")
            .arg(format!("--datadir={}", data.display())));
        let port = free_port();
        let mut command = Command::new(is_there[0]);
        command
            .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1"])
            .args(["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!(
                "--socket={}",
                place.path().join("socket").display()
            ))
            .arg(format!("--port={port}"));
        Some(Self::start(command, place, port, "mariadb"))
    }

    fn start(mut command: Command, folder: TempDir, port: u16, kind: &'static str) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Self {
            child: command.spawn().unwrap(),
            folder,
            port,
            kind,
        };
        let client = server.client(server.own_database());
        for _ in 0..LOOKS_MAX {
            if client.ask("SELECT 1;").is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{kind} does not answer");
    }

    /// The database that is always there.
    fn own_database(&self) -> &'static str {
        if self.kind == "mariadb" {
            "mysql"
        } else {
            "postgres"
        }
    }

    /// A database of it, through its socket.
    pub(crate) fn place(&self, database: &str) -> DatabasePlace {
        let (folder, port) = (self.folder.path().display(), self.port);
        match self.kind {
            "mariadb" => DatabasePlace::Mysql {
                url: format!("mysql://root@localhost/{database}?socket={folder}/socket"),
                password: None,
            },
            _ => DatabasePlace::Postgres {
                url: format!("postgresql:///{database}?host={folder}&port={port}"),
                password: None,
            },
        }
    }

    /// A database of it, through TCP and with a password.
    pub(crate) fn place_with_password(&self, database: &str, user: &str) -> DatabasePlace {
        let (kind, port) = (self.kind, self.port);
        let url = format!("{kind}://{user}@127.0.0.1:{port}/{database}");
        let password = Some(Hidden(PASSWORD.to_owned()));
        match self.kind {
            "mariadb" => DatabasePlace::Mysql { url, password },
            _ => DatabasePlace::Postgres { url, password },
        }
    }

    /// A client of a database.
    pub(crate) fn client(&self, database: &str) -> Client {
        Client::of(&self.place(database)).unwrap()
    }

    /// A new database, with what these statements make.
    pub(crate) fn create(&self, database: &str, statements: &str) -> Client {
        let all = self.client(self.own_database());
        all.ask(&format!("CREATE DATABASE {database};")).unwrap();
        let client = self.client(database);
        client.ask(statements).unwrap();
        client
    }

    /// The password of `place_with_password`.
    pub(crate) fn password() -> &'static str {
        PASSWORD
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn postgres_folder() -> Option<PathBuf> {
    let dump = Program::PgDump.find()?;
    let folder = dump.parent()?;
    folder.join("initdb").exists().then(|| folder.to_owned())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
