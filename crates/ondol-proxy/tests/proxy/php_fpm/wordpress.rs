//! WordPress, as Debian has it, with a MariaDB: installed by its own pages, then read by pretty links without any
//! rule of rewriting.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::App;
use super::copy;
use super::form;
use crate::harness::Message;
use crate::harness::open_folder;
use crate::harness::wait_until;

const PACKAGE: &str = "/usr/share/wordpress";
const DATABASE: &str = "/usr/sbin/mariadbd";

/// A theme that shows what there is, and links that are paths.
const THEME: &str =
    "<?php while (have_posts()) { the_post(); the_title('<h1>', '</h1>'); the_content(); }
    if (is_404()) { echo 'nothing here'; }";
const PLUGIN: &str =
    "<?php add_filter('pre_option_permalink_structure', fn() => '/%year%/%monthnum%/%postname%/');
    add_filter('pre_http_request', fn() => new WP_Error('no', 'no network in tests'));
    add_filter('pre_wp_mail', '__return_true');";

/// A MariaDB with an empty database. It is ended when dropped.
struct Database {
    child: Child,
    folder: TempDir,
}

impl Database {
    #[expect(clippy::disallowed_methods, reason = "a test may write in place")]
    fn start() -> Self {
        let folder = open_folder();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let place = folder.path().display();
        let user = if rustix::process::geteuid().is_root() {
            vec!["--user=nobody"]
        } else {
            vec![]
        };
        let made = Command::new("mariadb-install-db")
            .arg("--no-defaults")
            .args(&user)
            .arg(format!("--datadir={place}/data"))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        fs::write(
            folder.path().join("init.sql"),
            "CREATE DATABASE wordpress;\n",
        )
        .unwrap();
        let child = Command::new(DATABASE)
            .arg("--no-defaults")
            .args(&user)
            .arg(format!("--datadir={place}/data"))
            .arg(format!("--socket={place}/socket"))
            .arg(format!("--pid-file={place}/pid"))
            .arg(format!("--init-file={place}/init.sql"))
            .args(["--skip-networking", "--skip-log-bin"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let database = Self { child, folder };
        wait_until("the database listens", || {
            UnixStream::connect(database.folder.path().join("socket")).is_ok()
        });
        database
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.child.kill(); // Nothing of it is kept.
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::print_stdout,
    reason = "whoever reads the test's output must know what was skipped"
)]
fn blog() -> Option<(App, Database)> {
    for needed in ["/usr/share/wordpress/wp-load.php", DATABASE] {
        if !Path::new(needed).exists() {
            println!("skipped: WordPress: {needed} is not installed (tests/run installs it)");
            return None;
        }
    }
    let (package, root) = (Path::new(PACKAGE), open_folder());
    for entry in fs::read_dir(package).unwrap().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.ends_with(".php")) {
            fs::copy(entry.path(), root.path().join(&name)).unwrap();
        }
    }
    copy(&package.join("wp-admin"), &root.path().join("wp-admin"));
    symlink(package.join("wp-includes"), root.path().join("wp-includes")).unwrap();
    let database = Database::start();
    let socket = database.folder.path().join("socket");
    let config = format!(
        "<?php define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
        define('DB_HOST', 'localhost:{}'); define('DB_CHARSET', 'utf8mb4'); define('DISABLE_WP_CRON', true);
        define('WP_SITEURL', 'http://a.test'); define('WP_HOME', 'http://a.test'); $table_prefix = 'wp_';
        if (!defined('ABSPATH')) {{ define('ABSPATH', __DIR__ . '/'); }} require_once ABSPATH . 'wp-settings.php';",
        socket.display()
    );
    let files = [
        ("wp-config.php", &*config),
        ("wp-content/mu-plugins/links.php", PLUGIN),
        ("wp-content/themes/plain/index.php", THEME),
        (
            "wp-content/themes/plain/style.css",
            "/* Theme Name: Plain */",
        ),
        ("wp-content/themes/plain/functions.php", "<?php // none"),
        ("wp-content/uploads/evil.jpg", "<?php echo 'ran';"),
        (
            "wp-content/plugins/index.php",
            "<?php // Silence is golden.",
        ),
    ];
    let app = App::at(root, &files, "")?;
    Some((app, database))
}

fn cookies(answer: &Message) -> String {
    let all = answer.all("set-cookie").into_iter();
    let pairs = all.filter_map(|cookie| cookie.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}

fn install(app: &App) {
    let fresh = app.get("/");
    let to = fresh.field("location").unwrap();
    assert!(to.ends_with("/wp-admin/install.php"), "{to}");
    let installed = app.ask(form(
        "/wp-admin/install.php?step=2",
        "weblog_title=My+blog&user_name=kim&admin_password=long-and-secret-7&admin_password2=long-and-secret-7\
         &pw_weak=on&admin_email=kim%40a.test&blog_public=0&language=",
    ));
    assert_eq!(installed.status(), 200);
    assert!(installed.text().contains("Success"), "{}", installed.text());
}

#[test]
fn a_blog_is_installed_and_read_by_pretty_links() {
    let Some((app, _database)) = blog() else {
        return;
    };
    install(&app);
    let log_in = form(
        "/wp-login.php",
        "log=kim&pwd=long-and-secret-7&testcookie=1&redirect_to=http%3A%2F%2Fa.test%2Fwp-admin%2F",
    );
    let log_in = String::from_utf8(log_in).unwrap();
    let with_cookie = "\r\nCookie: wordpress_test_cookie=WP%20Cookie%20check\r\n\r\n";
    let answer = app.ask(log_in.replacen("\r\n\r\n", with_cookie, 1));
    assert_eq!(answer.status(), 302, "{}", answer.text());
    let cookie = cookies(&answer);
    let as_kim = |path: &str| {
        app.ask(format!(
            "GET {path} HTTP/1.1\r\nHost: a.test\r\nCookie: {cookie}\r\n\r\n"
        ))
    };
    let themes = as_kim("/wp-admin/themes.php");
    assert_eq!(themes.status(), 200);
    let text = themes.text().replace("&amp;", "&").replace("&#038;", "&");
    let at = text.find("action=activate&stylesheet=plain&_wpnonce=");
    if let Some(at) = at {
        let nonce = text[at..].split(['"', '\'', '\\']).next().unwrap();
        let activated = as_kim(&format!("/wp-admin/themes.php?{nonce}"));
        assert_eq!(activated.status(), 302);
    }
    assert_eq!(as_kim("/wp-admin").field("location"), Some("/wp-admin/"));
    let dashboard = as_kim("/wp-admin/");
    assert!(
        dashboard.text().contains("Dashboard"),
        "{}",
        dashboard.text()
    );

    let front = app.get("/");
    assert!(front.text().contains("Hello world!"), "{}", front.text());
    let posts = app.get("/?rest_route=/wp/v2/posts");
    let link = posts.text().split("\"link\":\"").nth(1).unwrap();
    let link = link.split('"').next().unwrap().replace("\\/", "/");
    let path = link.strip_prefix("http://a.test").unwrap();
    assert!(path.ends_with("/hello-world/"), "{path}");
    let post = app.get(path);
    assert_eq!(post.status(), 200);
    assert!(
        post.text().contains("Welcome to WordPress"),
        "{}",
        post.text()
    );
    let json = app.get("/wp-json/wp/v2/posts");
    assert_eq!(json.status(), 200);
    let missing = app.get("/2019/01/not-written/");
    assert_eq!(
        (missing.status(), missing.text().trim()),
        (404, "nothing here")
    );

    let picture = app.get("/wp-content/uploads/evil.jpg");
    assert_eq!(picture.field("content-type"), Some("image/jpeg"));
    let run = app.get("/wp-content/uploads/evil.jpg/x.php");
    assert_eq!((run.status(), run.text().trim()), (404, "nothing here"));
    let style = app.get("/wp-content/themes/plain/style.css");
    assert!(style.field("content-type").unwrap().starts_with("text/css"));
    assert_eq!(app.get("/wp-admin/css/login.css").status(), 200);
    assert_eq!(app.get("/wp-config.php").text(), "", "it is run, not shown");
}
