//! What a plan says belongs together.

use std::path::Path;

use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::backup::DatabaseName;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::plan::AccessLog;
use ondol_model::plan::App;
use ondol_model::plan::Backup;
use ondol_model::plan::Database;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Listen;

use super::Scope;

fn database(name: &str, source: DatabaseSource, app: Option<&str>) -> Database {
    Database {
        name: DatabaseName::parse(name).unwrap(),
        source,
        app: app.map(|app| AppName::parse(app).unwrap()),
    }
}

fn paths(paths: &[&str]) -> Vec<std::path::PathBuf> {
    paths.iter().map(Into::into).collect()
}

fn empty() -> Plan {
    Plan {
        box_name: "box".to_owned(),
        email: None,
        timezone: None,
        listen: Listen {
            http: Vec::new(),
            https: Vec::new(),
            trusted_proxies: Vec::new(),
            client_ip_header: ClientIpHeader::XForwardedFor,
        },
        access_log: AccessLog::default(),
        certificates: Vec::new(),
        resolvers: Vec::new(),
        sites: Vec::new(),
        apps: Vec::new(),
        backup: Backup::default(),
        care: ondol_model::plan::Care::default(),
    }
}

#[test]
fn an_app_has_its_folders_and_the_databases_in_them() {
    let mut plan = empty();
    let mut coffee = App::named(AppName::parse("coffee").unwrap());
    coffee.dir = Some("/srv/coffee".into());
    coffee.data = paths(&["/srv/coffee/storage", "/mnt/pictures"]);
    coffee.write = paths(&["/mnt/pictures", "/tmp/cache", "/srv/uploads"]);
    plan.apps = vec![coffee, App::named(AppName::parse("tea").unwrap())];
    let postgres = || DatabaseSource::Postgres {
        url: "postgresql:///x".to_owned(),
        password: None,
    };
    let sqlite = |path: &str| DatabaseSource::Sqlite(path.into());
    plan.backup.databases = vec![
        database("inside", sqlite("/srv/coffee/storage/a.db"), None),
        database("uploads", sqlite("/srv/uploads/b.db"), None),
        database("elsewhere", sqlite("/srv/c.db"), None),
        database("named", postgres(), Some("coffee")),
        database("of-tea", sqlite("/srv/coffee/d.db"), Some("tea")),
        database("nobodys", postgres(), None),
    ];
    let scope = Scope::of(&plan, Path::new("/var/lib/ondol"));
    let coffee = &scope.apps[0];
    assert_eq!(
        coffee.code,
        paths(&[
            "/srv/coffee",
            "/var/lib/ondol/apps/coffee/releases",
            "/var/lib/ondol/apps/coffee/current",
            "/var/lib/ondol/apps/coffee/repository.git",
        ])
    );
    assert_eq!(
        coffee.data,
        paths(&[
            "/var/lib/ondol/apps/coffee/data",
            "/srv/coffee/storage",
            "/mnt/pictures",
            "/srv/uploads",
        ])
    );
    assert_eq!(coffee.databases, ["inside", "uploads", "named"]);
    assert_eq!(scope.apps[1].databases, ["of-tea"]);
}

#[test]
fn a_box_below_tmp_knows_the_data_of_its_apps() {
    let mut plan = empty();
    plan.apps = vec![App::named(AppName::parse("tea").unwrap())];
    let file = DatabaseSource::Sqlite("/tmp/box/apps/tea/data/a.db".into());
    plan.backup.databases = vec![database("inside", file, None)];
    let scope = Scope::of(&plan, Path::new("/tmp/box"));
    assert_eq!(scope.apps[0].data, paths(&["/tmp/box/apps/tea/data"]));
    assert_eq!(scope.apps[0].databases, ["inside"]);
}
