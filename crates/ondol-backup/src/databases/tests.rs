//! Databases of real servers, dumped and read back.

pub(crate) mod servers;

use std::io::Read;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use ondol_base::tasks;

use self::servers::Server;
use super::Client;
use super::Program;
use super::dump::Dump;
use super::running::Running;
use crate::access::DatabasePlace;

/// All of a dump, and what it told.
fn dumped(client: &Client) -> (Vec<u8>, String, std::collections::BTreeMap<String, u64>) {
    let mut dump = Dump::begin(client).unwrap();
    let mut bytes = Vec::new();
    if let Err(error) = dump.read_to_end(&mut bytes) {
        panic!("{error}: {:?}", dump.take_failure());
    }
    let (engine, rows) = dump.take_end();
    (bytes, engine, rows)
}

const BANK: &str = r#"
CREATE TABLE accounts (id integer PRIMARY KEY, balance bigint NOT NULL);
INSERT INTO accounts SELECT n, 0 FROM generate_series(0, 99) n;
CREATE TABLE moves (id serial PRIMARY KEY, what text);
CREATE SCHEMA "odd ""one""";
CREATE TABLE "odd ""one"""."it's" (x text);
INSERT INTO "odd ""one"""."it's" VALUES (E'a\tb\n'), (NULL);
CREATE TABLE days (d date) PARTITION BY RANGE (d);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO days VALUES ('2026-05-05');
CREATE VIEW poor AS SELECT * FROM accounts WHERE balance < 0;
"#;
const MOVE: &str = "BEGIN;
UPDATE accounts SET balance = balance - 7 WHERE id = 3;
INSERT INTO moves (what) VALUES ('x');
UPDATE accounts SET balance = balance + 7 WHERE id = 5;
COMMIT;\n";

#[test]
fn a_database_of_postgresql_is_saved_as_one_moment_saw_it() {
    let Some(server) = Server::postgres() else {
        return;
    };
    let client = server.create("bank", BANK);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (client, stop) = (client.clone(), Arc::clone(&stop));
        let write = move || {
            let mut command = client.command(Program::Psql).unwrap();
            command
                .args(["--no-psqlrc", "--quiet"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null());
            let mut psql = command.spawn().unwrap();
            let mut input = psql.stdin.take().unwrap();
            while !stop.load(Ordering::Relaxed) {
                input.write_all(MOVE.as_bytes()).unwrap();
            }
            drop(input);
            psql.wait().unwrap();
        };
        tasks::spawn_thread("writer", write).unwrap()
    };
    let count = |client: &Client| client.rows().unwrap()["public.moves"];
    while count(&client) < 20 {}
    for number in 0..3 {
        let before = count(&client);
        let (bytes, engine, rows) = dumped(&client);
        while count(&client) == before {}
        assert!(engine.starts_with("PostgreSQL 1"), "{engine}");
        assert_eq!(rows["odd \"one\".it's"], 2);
        assert_eq!(rows["public.days_1"], 1);
        assert_eq!(rows.len(), 4, "{rows:?}");
        let copy = server.create(&format!("copy{number}"), "SELECT 1");
        restore_postgres(&copy, &bytes);
        assert_eq!(copy.rows().unwrap(), rows);
        let sum = copy.ask("SELECT sum(balance) FROM accounts").unwrap();
        assert_eq!(sum, [["0"]]);
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();

    let with_password = server.place_with_password("bank", "postgres");
    let with_password = Client::of(&with_password).unwrap();
    assert_eq!(with_password.rows().unwrap(), client.rows().unwrap());
    let DatabasePlace::Postgres { url, .. } = server.place_with_password("bank", "postgres") else {
        panic!("a place of PostgreSQL");
    };
    let without = Client::of(&DatabasePlace::Postgres {
        url,
        password: None,
    })
    .unwrap();
    let failure = Dump::begin(&without).unwrap_err();
    assert!(
        failure.sentence.contains("no password supplied"),
        "{failure}"
    );
    let failure = Dump::begin(&client.with_database("nowhere")).unwrap_err();
    assert!(
        failure.sentence.contains("\"nowhere\" does not exist"),
        "{failure}"
    );
}

fn restore_postgres(client: &Client, bytes: &[u8]) {
    let mut command = client.command(Program::PgRestore).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    command.args(["--exit-on-error", "--no-owner"]).stdin(file);
    Running::start(command, "pg_restore")
        .unwrap()
        .answer()
        .unwrap();
}

#[test]
fn a_dump_of_postgresql_that_is_cut_off_fails() {
    let Some(server) = Server::postgres() else {
        return;
    };
    let fill = "CREATE TABLE t (x text);
                INSERT INTO t SELECT repeat(md5(n::text), 30) FROM generate_series(1, 20000) n;";
    let client = server.create("large", fill);
    let mut dump = Dump::begin(&client).unwrap();
    let mut bytes = vec![0; 1 << 20];
    dump.read_exact(&mut bytes).unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = 'large' AND pid <> pg_backend_pid() AND query LIKE 'COPY%'";
    let killed = server.client("postgres").ask(end).unwrap();
    assert_eq!(killed, [["1"]]);
    let error = dump.read_to_end(&mut bytes).unwrap_err();
    let failure = dump.take_failure().unwrap();
    assert!(
        failure.sentence.contains("`pg_dump` failed"),
        "{error} {failure}"
    );
    drop(dump);
    // The one that is asked for the rows may be the one that is gone.
    let mut dump = Dump::begin(&client).unwrap();
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = 'large' AND pid <> pg_backend_pid() AND state = 'idle in transaction'
               AND query LIKE '%pg_export_snapshot%'";
    assert_eq!(server.client("postgres").ask(end).unwrap(), [["1"]]);
    assert!(dump.read_to_end(&mut bytes).is_err());
}

const SHOP: &str = r"
CREATE TABLE accounts (id integer PRIMARY KEY, balance bigint NOT NULL) ENGINE = InnoDB;
INSERT INTO accounts SELECT seq, 0 FROM seq_0_to_99;
CREATE TABLE moves (id integer AUTO_INCREMENT PRIMARY KEY, what text) ENGINE = InnoDB;
CREATE TABLE `odd ``one` (`a (b` text, c blob, d integer AS (LENGTH(`a (b`)) STORED, e integer INVISIBLE) ENGINE = InnoDB;
INSERT INTO `odd ``one` (`a (b`, c) VALUES ('it''s (a), (b); \\', 0x00270a28), ('\n);\nINSERT INTO `moves` VALUES (1),(2);', NULL), (NULL, '\\');
CREATE TABLE empty (x integer COMMENT 'INSERT INTO `moves` VALUES (1);') ENGINE = InnoDB;
CREATE VIEW poor AS SELECT * FROM accounts WHERE balance < 0;
CREATE SEQUENCE numbers;
DELIMITER //
CREATE TRIGGER after_move AFTER INSERT ON moves FOR EACH ROW
BEGIN
INSERT INTO `odd ``one` (`a (b`) VALUES ('by a trigger');
DELETE FROM `odd ``one` WHERE `a (b` = 'by a trigger';
END//
CREATE PROCEDURE p()
BEGIN
INSERT INTO `empty` VALUES (1);
INSERT INTO `empty` VALUES (2);
END//
DELIMITER ;
CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM empty;
";

#[test]
fn a_database_of_mariadb_is_saved_as_one_moment_saw_it() {
    let Some(server) = Server::mariadb() else {
        return;
    };
    let client = server.create("shop", SHOP);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (client, stop) = (client.clone(), Arc::clone(&stop));
        let write = move || {
            let mut command = client.command(Program::Mysql).unwrap();
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            let mut mysql = command.spawn().unwrap();
            let mut input = mysql.stdin.take().unwrap();
            while !stop.load(Ordering::Relaxed) {
                input.write_all(MOVE.as_bytes()).unwrap();
            }
            drop(input);
            mysql.wait().unwrap();
        };
        tasks::spawn_thread("writer", write).unwrap()
    };
    let count = |client: &Client| client.rows().unwrap()["moves"];
    while count(&client) < 20 {}
    for number in 0..3 {
        let before = count(&client);
        let (bytes, engine, rows) = dumped(&client);
        while count(&client) == before {}
        assert!(engine.starts_with("MariaDB 1"), "{engine}");
        assert_eq!(
            (rows["odd `one"], rows["empty"], rows["accounts"]),
            (3, 0, 100)
        );
        assert_eq!(rows.len(), 4, "{rows:?}");
        let copy = server.create(&format!("copy{number}"), "SELECT 1;");
        let mut command = copy.command(Program::Mysql).unwrap();
        command.stdin(Stdio::piped());
        let mut mysql = Running::start(command, "mariadb").unwrap();
        mysql.tell(&bytes).unwrap();
        mysql.answer().unwrap();
        assert_eq!(copy.rows().unwrap(), rows);
        assert_eq!(
            copy.ask("SELECT sum(balance) FROM accounts;").unwrap(),
            [["0"]]
        );
        let odd = "SELECT HEX(`a (b`), HEX(c) FROM `odd ``one` ORDER BY 1;";
        assert_eq!(copy.ask(odd).unwrap(), client.ask(odd).unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    refused_by_mariadb(&server, &client);
}

/// Rights that are missing are told; a password is taken.
fn refused_by_mariadb(server: &Server, client: &Client) {
    let grant = format!(
        "CREATE USER reader@127.0.0.1 IDENTIFIED BY '{}'; GRANT ALL ON shop.* TO reader@127.0.0.1;",
        Server::password().replace('\\', "\\\\")
    );
    client.ask(&grant).unwrap();
    let reader = Client::of(&server.place_with_password("shop", "reader")).unwrap();
    let mut dump = Dump::begin(&reader).unwrap();
    assert!(dump.read_to_end(&mut Vec::new()).is_err());
    let failure = dump.take_failure().unwrap();
    assert!(
        failure.sentence.contains("insufficient privileges"),
        "{failure}"
    );
    client.ask("DROP PROCEDURE p;").unwrap();
    let (_, _, rows) = dumped(&reader);
    assert_eq!(rows["accounts"], 100);
    let mut dump = Dump::begin(&client.with_database("nowhere")).unwrap();
    assert!(dump.read_to_end(&mut Vec::new()).is_err());
    let failure = dump.take_failure().unwrap();
    assert!(
        failure.sentence.contains("Unknown database 'nowhere'"),
        "{failure}"
    );
}
