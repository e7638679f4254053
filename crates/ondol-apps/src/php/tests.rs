//! What php-fpm is told.

use std::collections::BTreeMap;

use super::*;

fn file(listen: PoolListen<'_>, ini: &[(&str, &str)]) -> String {
    let pairs = ini.iter();
    let settings = PhpPool {
        program: None,
        children: 7,
        ini: pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    };
    pool_file(&Pool {
        app: &AppName::parse("wiki").unwrap(),
        settings: &settings,
        listen,
        folder: Path::new("/srv/wiki releases/1"),
        data: Path::new("/var/lib/ondol/apps/wiki/data"),
        timezone: Some("Asia/Seoul"),
        stop_timeout: Duration::from_secs(10),
    })
}

fn check(file: &str, line: &str) {
    assert!(file.lines().any(|it| it == line), "{line}\n{file}");
}

#[test]
fn a_pool_stays_in_the_foreground_and_listens_where_it_is_told() {
    let handed = file(PoolListen::Handed, &[]);
    check(&handed, "daemonize = no");
    check(&handed, "php_admin_value[date.timezone] = 'Asia/Seoul'");
    check(&handed, "listen = '/handed-on/web'");
    check(&handed, "pm.max_children = 7");
    check(&handed, "chdir = '/srv/wiki releases/1'");
    let (name, value) = environment(PoolListen::Handed, 3).unwrap();
    assert_eq!((&*name, &*value), ("FPM_SOCKETS", "/handed-on/web=3"));
    let path = PoolListen::At(Path::new("/run/ondol/apps/wiki/1/web.1/socket"));
    let own = file(path, &[]);
    check(&own, "listen = '/run/ondol/apps/wiki/1/web.1/socket'");
    assert_eq!(environment(path, 3), None);
}

#[test]
fn the_lock_of_the_cache_is_in_a_folder_that_the_app_may_write() {
    let [program, file, data] =
        ["/usr/sbin/php-fpm8.2", "/run/w/php-fpm.conf", "/data"].map(Path::new);
    let Run::Program(words) = command(program, file, data) else {
        panic!("it needs no shell");
    };
    let define = "--define opcache.lockfile_path=/data/php-sessions";
    assert!(words.join(" ").ends_with(define), "{words:?}");
}

#[test]
fn settings_of_the_owner_count_more() {
    let usual = file(PoolListen::Handed, &[]);
    check(
        &usual,
        "php_admin_value[session.save_path] = '/var/lib/ondol/apps/wiki/data/php-sessions'",
    );
    let own = file(
        PoolListen::Handed,
        &[
            ("session.save_path", "tcp://127.0.0.1:6379?a=${b}"),
            ("user_agent", "it's \"me\""),
        ],
    );
    check(
        &own,
        "php_admin_value[session.save_path] = 'tcp://127.0.0.1:6379?a=${b}'",
    );
    check(&own, r#"php_admin_value[user_agent] = "it's \"me\"""#);
    assert!(!own.contains("php-sessions"), "{own}");
}
