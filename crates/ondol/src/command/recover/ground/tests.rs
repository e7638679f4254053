//! Where things come back to, and what is in the way.

use ondol_backup::BoxIdentity;
use ondol_backup::ManifestApp;
use ondol_backup::ManifestSite;

use super::*;

fn manifest() -> Manifest {
    Manifest {
        version: 1,
        ondol: "0".to_owned(),
        of: BoxIdentity {
            id: "1".to_owned(),
            name: "seocho".to_owned(),
        },
        run: "run".to_owned(),
        kind: "full".to_owned(),
        began_at: 0,
        ended_at: 0,
        parts: Vec::new(),
        databases: Vec::new(),
        failed_databases: Default::default(),
        configuration: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        sites: vec![ManifestSite {
            name: "blog".to_owned(),
            apps: Vec::new(),
            folders: vec!["/srv/blog".into()],
        }],
        apps: vec![ManifestApp {
            name: "coffee".to_owned(),
            code: vec!["/var/lib/ondol/apps/coffee/releases".into()],
            data: vec!["/srv/coffee/storage".into()],
            databases: Vec::new(),
        }],
    }
}

fn folders(top: &Path) -> Folders {
    Folders {
        config: top.join("ondol/ondol.toml"),
        state: top.join("state"),
        runtime: top.join("run"),
        logs: top.join("logs"),
    }
}

#[test]
fn everything_is_where_it_was_or_where_it_is_wanted() {
    let usual = Folders {
        config: "/etc/ondol/ondol.toml".into(),
        state: "/var/lib/ondol".into(),
        runtime: "/run/ondol".into(),
        logs: "/var/log/ondol".into(),
    };
    let there = Ground::new(&usual, &manifest(), Vec::new());
    for path in [
        "/etc/ondol/ondol.toml",
        "/var/lib/ondol/ondol.db",
        "/srv/blog",
    ] {
        assert_eq!(there.here(Path::new(path)), Path::new(path));
    }
    let environment = Path::new("/ondol/environment");
    assert_eq!(there.here(environment), Path::new("/etc/ondol/environment"));
    let named = moves(&["/srv=/data/".to_owned(), "/srv/coffee=/coffee".to_owned()]).unwrap();
    let elsewhere = Ground::new(&folders(Path::new("/home/me")), &manifest(), named);
    for (path, here) in [
        ("/etc/ondol/ondol.toml", "/home/me/ondol/ondol.toml"),
        ("/etc/ondol/sites/a.toml", "/home/me/ondol/sites/a.toml"),
        ("/ondol/environment", "/home/me/ondol/environment"),
        ("/var/lib/ondol/ondol.db", "/home/me/state/ondol.db"),
        ("/srv/blog", "/data/blog"),
        ("/srv/coffee/storage", "/coffee/storage"),
        ("/srvice", "/srvice"),
    ] {
        assert_eq!(elsewhere.here(Path::new(path)), Path::new(here));
    }
    for bad in ["/srv", "srv=/data", "/srv="] {
        assert!(moves(&[bad.to_owned()]).is_err(), "{bad}");
    }
}

#[test]
fn what_is_in_the_way_is_told_and_moved_aside() {
    let top = tempfile::tempdir().unwrap();
    let folders = folders(top.path());
    let named = vec![(PathBuf::from("/srv"), top.path().join("srv"))];
    let ground = Ground::new(&folders, &manifest(), named);
    assert!(ground.obstacles(None).is_empty());
    // A folder that was made ahead and is empty is in nobody's way.
    fs::create_dir_all(&folders.state).unwrap();
    assert!(ground.obstacles(None).is_empty());
    fs::create_dir_all(folders.config.parent().unwrap()).unwrap();
    ondol_base::file::replace(&folders.config, b"old", 0o600).unwrap();
    ondol_base::file::replace(&folders.state.join("ondol.db"), b"old", 0o600).unwrap();
    fs::create_dir_all(top.path().join("srv/blog/post")).unwrap();
    let told = ground.obstacles(None);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].contains("srv/blog"), "{told:?}");
    let kept = ground.clear("now").unwrap();
    let expected = ["ondol.before-recovery-now", "state.before-recovery-now"];
    assert_eq!(kept, expected.map(|name| top.path().join(name)));
    assert_eq!(fs::read(kept[0].join("ondol.toml")).unwrap(), b"old");
    assert_eq!(ground.obstacles(None).len(), 1, "the folders of sites stay");
    ground.make_folders(&manifest());
}
