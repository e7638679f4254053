//! Which part a path is in.

use std::path::Path;

use ondol_model::app::AppName;
use ondol_model::backup::DatabaseName;
use ondol_model::backup::TargetName;
use ondol_model::forwarded::ClientIpHeader;
use ondol_model::plan::AccessLog;
use ondol_model::plan::App;
use ondol_model::plan::Backup;
use ondol_model::plan::BackupTarget;
use ondol_model::plan::Database;
use ondol_model::plan::Listen;

use super::*;

fn places() -> Places {
    Places {
        configuration: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        runtime: "/run/ondol".into(),
        logs: "/var/log/ondol".into(),
        program: "/proc/self/exe".into(),
    }
}

fn plan() -> Plan {
    let mut coffee = App::named(AppName::parse("coffee").unwrap());
    coffee.dir = Some("/srv/coffee".into());
    coffee.data = vec!["/srv/coffee/storage".into()];
    coffee.env_files = vec!["/srv/coffee/.env".into(), "/root/tea.env".into()];
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
        apps: vec![coffee],
        backup: Backup {
            to: vec![BackupTarget {
                name: TargetName::parse("disk").unwrap(),
                storage: Storage::Local("/srv/backups".into()),
                append_only: false,
            }],
            include: vec!["/srv".into(), "/home/me/pictures".into()],
            databases: vec![Database {
                name: DatabaseName::parse("orders").unwrap(),
                source: DatabaseSource::Sqlite("/srv/coffee/storage/orders.db".into()),
                app: None,
            }],
            ..Backup::default()
        },
        care: ondol_model::plan::Care::default(),
    }
}

fn parts_of(path: &str, contents: &Contents) -> Vec<String> {
    let path = Path::new(path);
    let longest = |paths: &[PathBuf]| {
        let at_or_above = paths.iter().filter(|one| path.starts_with(one));
        at_or_above.map(|one| one.components().count()).max()
    };
    let holds = |part: &&PartWork| longest(&part.roots) > longest(&part.left_out);
    let parts = contents.parts.iter().filter(holds);
    parts.map(|part| part.part.clone()).collect()
}

#[test]
fn each_path_is_in_one_part_or_in_none() {
    let sources = ["/etc/ondol/ondol.toml", "/home/me/sites/tea.toml"].map(PathBuf::from);
    let contents = contents(&plan(), &places(), &sources, "TOKEN=\"x\"\n".to_owned());
    for (path, expected) in [
        ("/etc/ondol/ondol.toml", "box"),
        ("/etc/ondol/keys/dns.key", "box"),
        ("/home/me/sites/tea.toml", "box"),
        ("/home/me/sites/other.toml", ""),
        ("/srv/coffee/.env", "box"),
        ("/root/tea.env", "box"),
        ("/var/lib/ondol/ondol.db", "box"),
        ("/var/lib/ondol/certificates/a/key.pem", "box"),
        ("/var/lib/ondol/backup/password", "box"),
        ("/var/lib/ondol/backup/cache/x", ""),
        ("/var/lib/ondol/backup/scratch/x", ""),
        ("/var/lib/ondol/ondol.lock", ""),
        ("/var/lib/ondol/apps/coffee/releases/3/app.rb", "apps"),
        ("/var/lib/ondol/apps/coffee/data/x", "files"),
        ("/var/lib/ondol/apps/coffee/tmp/x", ""),
        ("/srv/coffee/app.rb", "apps"),
        ("/srv/coffee/storage/picture.jpg", "files"),
        ("/srv/coffee/storage/orders.db", ""),
        ("/srv/coffee/storage/orders.db-wal", ""),
        ("/srv/blog/index.html", "files"),
        ("/srv/backups/data/00/00", ""),
        ("/home/me/pictures/1.jpg", "files"),
        ("/home/me/letter.txt", ""),
        ("/var/log/ondol/access.log", ""),
    ] {
        let expected: Vec<_> = expected.split_terminator(' ').collect();
        assert_eq!(parts_of(path, &contents), expected, "{path}");
    }
    let with_text: Vec<_> = contents
        .parts
        .iter()
        .filter(|part| !part.texts.is_empty())
        .map(|part| part.part.as_str())
        .collect();
    assert_eq!(with_text, ["box"]);
}
