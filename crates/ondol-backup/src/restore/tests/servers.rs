//! Databases of real servers come back: beside what is in use, and then in its place.

use super::harness::Bench;
use crate::access::DatabaseAccess;
use crate::access::DatabasePlace;
use crate::databases::Client;
use crate::databases::Program;
use crate::databases::tests::servers::Server;
use crate::prove::tests::proven_while;
use crate::work::Destination;
use crate::work::RestoreWork;
use crate::work::What;

const RUN: &str = "20261121T033000Z-abcdef";
const POSTGRES: &str = "
    CREATE ROLE reader;
    CREATE TABLE article (id serial PRIMARY KEY, name text NOT NULL);
    INSERT INTO article (name) SELECT 'article ' || n FROM generate_series(1, 500) n;
    CREATE TABLE sale (article int REFERENCES article, at timestamptz DEFAULT now());
    INSERT INTO sale (article) SELECT id FROM article;
    CREATE VIEW sold AS SELECT name FROM article JOIN sale ON article = id;
    GRANT SELECT ON sold TO reader;
    ALTER DATABASE shop SET work_mem = '7MB';
    REVOKE CONNECT ON DATABASE shop FROM PUBLIC;
";
const MARIADB: &str = "
    CREATE TABLE article (id int PRIMARY KEY AUTO_INCREMENT, name text NOT NULL);
    INSERT INTO article (name) SELECT CONCAT('article ', seq) FROM seq_1_to_500;
    CREATE TABLE sale (article int, FOREIGN KEY (article) REFERENCES article (id));
    CREATE TABLE log (what text);
    CREATE TRIGGER told AFTER INSERT ON sale FOR EACH ROW INSERT INTO log VALUES ('sold');
    INSERT INTO sale SELECT id FROM article;
    CREATE VIEW sold AS SELECT name FROM article JOIN sale ON article = id;
    CREATE PROCEDURE count_all() SELECT COUNT(*) FROM sale;
";

fn access(place: DatabasePlace) -> Vec<DatabaseAccess> {
    vec![DatabaseAccess {
        name: "shop".to_owned(),
        place,
        app: None,
    }]
}

fn work(databases: &[DatabaseAccess], to: Destination) -> RestoreWork {
    RestoreWork {
        at: None,
        what: What::Databases(vec!["shop".to_owned()]),
        to,
        moved: Vec::new(),
        databases: databases.to_vec(),
    }
}

fn one(client: &Client, question: &str) -> String {
    client.ask(question).unwrap().concat().concat()
}

/// Restores the database beside the one in use, and then in its place.
fn restore(bench: &Bench, databases: &[DatabaseAccess], in_between: impl FnOnce()) {
    let back = bench
        .restore_work(&work(databases, Destination::Beside))
        .unwrap();
    assert_eq!(back.faults, [""; 0]);
    assert_eq!(back.staged.len(), 1);
    in_between();
    let to = Destination::Place {
        staged: back.staged,
    };
    let back = bench.restore_work(&work(databases, to)).unwrap();
    assert_eq!(back.faults, [""; 0]);
}

fn proven(bench: &Bench, databases: &[DatabaseAccess]) -> (Vec<String>, Vec<String>) {
    let proven = proven_while(bench, &[], databases.to_vec(), |_| ()).unwrap();
    (proven.shown, proven.faults)
}

/// A drill has a copy, which is gone afterwards, with what an earlier one left; `count` counts databases.
fn drilled(
    bench: &Bench,
    mut databases: Vec<DatabaseAccess>,
    look: impl FnOnce(&DatabasePlace),
    count: impl Fn() -> String,
) {
    databases[0].app = Some("web".to_owned());
    let place = databases[0].place.clone();
    let mut was_ready = false;
    let proven = proven_while(bench, &["web"], databases, |ground| {
        was_ready = true;
        assert_eq!(count(), "2", "the one in use, and its copy");
        let copy = ground.copies["shop"].clone();
        look(&match place {
            DatabasePlace::Postgres { password, .. } => DatabasePlace::Postgres {
                url: copy,
                password,
            },
            DatabasePlace::Mysql { password, .. } => DatabasePlace::Mysql {
                url: copy,
                password,
            },
            place @ DatabasePlace::Sqlite { .. } => place,
        });
    });
    assert_eq!(proven.unwrap().faults, [""; 0]);
    assert!(was_ready);
    assert_eq!(count(), "1", "what was made is gone");
}

#[test]
fn an_app_of_postgresql_has_a_copy_of_its_own_in_a_drill() {
    let Some(server) = Server::postgres() else {
        return;
    };
    let client = server.create("shop", POSTGRES);
    let bench = Bench::new();
    let databases = access(server.place("shop"));
    bench.take_databases(RUN, &databases);
    // Left by one that was killed, and still used by an app; and what only looks like it.
    let left = server.create("shop_ondol_proof_012345", "SELECT 1;");
    server.create("shop_ondol_proof_of_it", "SELECT 1;");
    let all = server.client("postgres");
    let count = || {
        one(
            &all,
            "SELECT count(*) FROM pg_database WHERE datname ~ '^shop(_ondol_proof_[0-9a-f]{6})?$';",
        )
    };
    let mut sleeper = left.command(Program::Psql).unwrap();
    sleeper.args(["--command", "SELECT pg_sleep(600)"]);
    sleeper.stderr(std::process::Stdio::null());
    let mut sleeper = sleeper.spawn().unwrap();
    while one(
        &all,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%';",
    ) == "0"
    {
        std::thread::yield_now();
    }
    drilled(
        &bench,
        databases,
        |place| {
            let copy = Client::of(place).unwrap();
            assert_eq!(one(&copy, "SELECT count(*) FROM sold;"), "500");
            assert_eq!(one(&copy, "SHOW work_mem;"), "7MB");
            copy.ask("DELETE FROM sale; ALTER TABLE article ADD COLUMN price int;")
                .unwrap();
        },
        count,
    );
    assert!(!sleeper.wait().unwrap().success(), "it was sent away");
    assert_eq!(one(&client, "SELECT count(*) FROM sold;"), "500");
    let others = "SELECT count(*) FROM pg_database WHERE datname = 'shop_ondol_proof_of_it';";
    assert_eq!(one(&all, others), "1");
}

#[test]
fn an_app_of_mariadb_is_let_into_its_copy_and_out_again() {
    let Some(server) = Server::mariadb() else {
        return;
    };
    let client = server.create("shop", MARIADB);
    let password = Server::password().replace('\\', "\\\\");
    client
        .ask(&format!(
            "CREATE USER app@'127.0.0.1' IDENTIFIED BY '{password}'; GRANT ALL ON shop.* TO app@'127.0.0.1';"
        ))
        .unwrap();
    let bench = Bench::new();
    let databases = access(server.place("shop"));
    bench.take_databases(RUN, &databases);
    let all = server.client("mysql");
    let count = || {
        one(
            &all,
            "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'shop%';",
        )
    };
    let rights = "SELECT COUNT(*) FROM mysql.db WHERE User = 'app';";
    drilled(
        &bench,
        databases,
        |place| {
            let name = Client::of(place).unwrap().database().to_owned();
            let app = Client::of(&server.place_with_password(&name, "app")).unwrap();
            app.ask("INSERT INTO sale VALUES (1); DROP VIEW sold; ALTER TABLE article ADD COLUMN price int;").unwrap();
            assert_eq!(one(&app, "SELECT COUNT(*) FROM sale;"), "501");
            assert_eq!(one(&all, rights), "2");
        },
        count,
    );
    assert_eq!(one(&client, "SELECT COUNT(*) FROM sold;"), "500");
    assert_eq!(one(&all, rights), "1");
}

#[test]
fn a_table_of_postgresql_that_was_dropped_is_back() {
    let Some(server) = Server::postgres() else {
        return;
    };
    let client = server.create("shop", POSTGRES);
    let bench = Bench::new();
    let databases = access(server.place("shop"));
    bench.take_databases(RUN, &databases);

    let (shown, faults) = proven(&bench, &databases);
    assert_eq!(faults, [""; 0]);
    assert!(
        shown
            .iter()
            .any(|shown| shown.ends_with("with 1000 rows in 2 tables")),
        "{shown:?}"
    );

    client
        .ask("DROP TABLE sale CASCADE; DELETE FROM article WHERE id > 10;")
        .unwrap();
    restore(&bench, &databases, || {
        assert_eq!(one(&client, "SELECT count(*) FROM article;"), "10");
    });
    assert_eq!(one(&client, "SELECT count(*) FROM sold;"), "500");
    assert_eq!(one(&client, "SHOW work_mem;"), "7MB");
    let all = server.client("postgres");
    let names = "SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1;";
    let names = all.ask(names).unwrap().concat();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[1].starts_with("shop_before_restore_"), "{names:?}");
    assert_eq!(
        one(&server.client(&names[1]), "SELECT count(*) FROM article;"),
        "10"
    );
    let may = "SELECT has_database_privilege('reader', 'shop', 'CONNECT');";
    assert_eq!(one(&all, may), "f");
}

#[test]
fn a_new_server_without_the_roles_gets_the_database_and_the_owner_a_sentence() {
    let (Some(server), Some(other)) = (Server::postgres(), Server::postgres()) else {
        return;
    };
    server.create("shop", POSTGRES);
    let bench = Bench::new();
    bench.take_databases(RUN, &access(server.place("shop")));
    restore(&bench, &access(other.place("shop")), || ());
    assert_eq!(
        one(&other.client("shop"), "SELECT count(*) FROM sold;"),
        "500"
    );
}

#[test]
fn a_user_that_may_create_no_database_has_its_file_compared() {
    let Some(server) = Server::postgres() else {
        return;
    };
    let client = server.create("shop", POSTGRES);
    let password = Server::password();
    client
        .ask(&format!(
            "CREATE ROLE app LOGIN PASSWORD '{password}'; GRANT CONNECT ON DATABASE shop TO app; \
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO app; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO app;"
        ))
        .unwrap();
    let bench = Bench::new();
    let databases = access(server.place_with_password("shop", "app"));
    bench.take_databases(RUN, &databases);
    let (shown, faults) = proven(&bench, &databases);
    assert_eq!(faults, [""; 0]);
    assert!(
        shown
            .iter()
            .any(|shown| shown.contains("may not create databases")),
        "{shown:?}"
    );
    let back = bench
        .restore_work(&work(&databases, Destination::Beside))
        .unwrap();
    assert_eq!(back.staged, []);
    assert!(
        back.faults[0].contains("The one in use was not touched"),
        "{:?}",
        back.faults
    );
}

#[test]
fn the_file_of_a_database_comes_back_into_a_folder() {
    let Some(server) = Server::postgres() else {
        return;
    };
    server.create("shop", POSTGRES);
    let bench = Bench::new();
    let databases = access(server.place("shop"));
    let manifest = bench.take_databases(RUN, &databases);
    let to = Destination::Into(bench.at("out"));
    let back = bench.restore_work(&work(&databases, to)).unwrap();
    assert_eq!((back.faults, back.files), (Vec::new(), 1));
    let file = bench.at("out/ondol/databases/shop.pgdump");
    assert_eq!(file.metadata().unwrap().len(), manifest.databases[0].bytes);
}

#[test]
fn tables_of_mariadb_are_back_with_all_that_belongs_to_them() {
    let Some(server) = Server::mariadb() else {
        return;
    };
    let client = server.create("shop", MARIADB);
    let bench = Bench::new();
    let databases = access(server.place("shop"));
    bench.take_databases(RUN, &databases);
    let (shown, faults) = proven(&bench, &databases);
    assert_eq!(faults, [""; 0]);
    assert!(
        shown
            .iter()
            .any(|shown| shown.contains("with 1500 rows in 3 tables")),
        "{shown:?}"
    );

    client.ask("DROP TABLE sale; DROP PROCEDURE count_all; DELETE FROM log; CREATE TABLE later (n int);").unwrap();
    restore(&bench, &databases, || {
        assert_eq!(one(&client, "SELECT COUNT(*) FROM log;"), "0");
    });
    assert_eq!(one(&client, "SELECT COUNT(*) FROM sold;"), "500");
    assert_eq!(one(&client, "CALL count_all();"), "500");
    client.ask("INSERT INTO sale VALUES (1);").unwrap();
    assert_eq!(one(&client, "SELECT COUNT(*) FROM log;"), "501");
    assert!(client.ask("SELECT * FROM later;").is_err());
    let names = client.ask("SHOW DATABASES LIKE 'shop%';").unwrap().concat();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(
        one(&server.client(&names[1]), "SELECT COUNT(*) FROM later;"),
        "0"
    );
    // Rows can't refer to what is not there, nor to what is kept.
    assert!(client.ask("INSERT INTO sale VALUES (100000);").is_err());
}
