//! DokuWiki, as Debian has it: pages are read, written and linked, by links that are paths.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::App;
use super::copy;
use super::form;
use crate::harness::Message;
use crate::harness::open_folder;

const PACKAGE: &str = "/usr/share/dokuwiki";

/// What Debian's configuration does not have: where all is, and that links are paths (`/doku.php/a_page`).
fn settings(place: &Path) -> String {
    let place = place.display();
    format!(
        "<?php\n$conf['title'] = 'A wiki'; $conf['savedir'] = '{place}/data'; $conf['useacl'] = 0;\n\
         $conf['userewrite'] = 2; $conf['updatecheck'] = 0; $conf['license'] = 'cc0';\n"
    )
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test may write in place, and whoever reads its output must know what was skipped"
)]
fn wiki() -> Option<(App, tempfile::TempDir)> {
    if !Path::new(PACKAGE).join("doku.php").exists() {
        println!("skipped: DokuWiki: it is not installed (tests/run installs it)");
        return None;
    }
    let place = open_folder();
    let (root, conf) = (open_folder(), place.path().join("conf"));
    let package = Path::new(PACKAGE);
    fs::create_dir(root.path().join("lib")).unwrap();
    for name in [
        "doku.php",
        "feed.php",
        "index.php",
        "lib/exe",
        "lib/images",
        "lib/scripts",
        "lib/styles",
        "lib/tpl",
    ] {
        copy(&package.join(name), &root.path().join(name));
    }
    for name in ["inc", "vendor", "lib/plugins"] {
        symlink(package.join(name), root.path().join(name)).unwrap(); // Nobody but PHP reads them.
    }
    copy(Path::new("/etc/dokuwiki"), &conf);
    fs::write(conf.join("local.php"), settings(place.path())).unwrap();
    let preload = format!("<?php\ndefine('DOKU_CONF', '{}/');\n", conf.display());
    let before = place.path().join("before.php");
    fs::write(&before, preload).unwrap();
    for folder in [
        "attic",
        "cache",
        "index",
        "locks",
        "log",
        "media",
        "media_attic",
        "media_meta",
        "meta",
        "pages",
        "tmp",
    ] {
        let folder = place.path().join("data").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(place.path().join("data"), Permissions::from_mode(0o777)).unwrap();
    let more = format!("php_admin_value[auto_prepend_file] = {}", before.display());
    Some((App::at(root, &[], &more)?, place))
}

/// The value of a hidden field of a form.
fn hidden<'p>(page: &'p Message, name: &str) -> &'p str {
    let text = page.text();
    let at = text.find(&format!("name=\"{name}\"")).unwrap();
    let tag = &text[text[..at].rfind('<').unwrap()..];
    let value = tag[..tag.find('>').unwrap()].split_once("value=\"");
    value.unwrap().1.split('"').next().unwrap()
}

fn session(answer: &Message) -> String {
    let cookies = answer.all("set-cookie");
    let pairs = cookies.iter().filter_map(|cookie| cookie.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_wiki_is_read_and_written() {
    let Some((app, _place)) = wiki() else { return };
    let start = app.get("/");
    let location = start.field("location").unwrap_or("/doku.php");
    let path = location.strip_prefix("http://a.test").unwrap_or(location);
    let page = app.get(path);
    assert_eq!(page.status(), 200, "{path}");
    assert!(page.text().contains("A wiki"), "{}", page.text());
    let edit = app.get("/doku.php/notes:tea?do=edit");
    assert_eq!(edit.status(), 200);
    let cookie = session(&edit);
    let fields = ["sectok", "date", "changecheck"].map(|name| {
        let value = hidden(&edit, name);
        format!("{name}={value}&")
    });
    let body = format!(
        "{}id=notes:tea&rev=0&prefix=&suffix=&target=section&wikitext=Green+tea+%26+more&summary=new&do%5Bsave%5D=Save",
        fields.concat()
    );
    let request = String::from_utf8(form("/doku.php/notes:tea", &body)).unwrap();
    let request = request.replacen("\r\n\r\n", &format!("\r\nCookie: {cookie}\r\n\r\n"), 1);
    let saved = app.ask(request);
    assert_eq!(saved.status(), 302, "{}", saved.text());
    let to = saved.field("location").unwrap();
    assert!(to.ends_with("/doku.php/notes:tea"), "{to}");
    let page = app.get("/doku.php/notes:tea");
    assert_eq!(page.status(), 200);
    assert!(
        page.text().contains("Green tea &amp; more"),
        "{}",
        page.text()
    );
}

#[test]
fn its_styles_scripts_and_pictures_arrive_and_its_sources_do_not() {
    let Some((app, _place)) = wiki() else { return };
    for (path, kind) in [
        ("/lib/exe/css.php?t=dokuwiki", "text/css"),
        ("/lib/exe/js.php?t=dokuwiki", "application/javascript"),
        ("/lib/exe/taskrunner.php?id=start", "image/gif"),
        ("/feed.php", "application/xml"),
        ("/lib/tpl/dokuwiki/images/logo.png", "image/png"),
    ] {
        let answer = app.get(path);
        assert_eq!(answer.status(), 200, "{path}");
        let found = answer.field("content-type").unwrap();
        assert!(found.starts_with(kind), "{path}: {found}");
        assert!(!answer.body.is_empty(), "{path}");
    }
    for path in ["/.htaccess", "/inc/lang/en/lang.php~", "/VERSION.php.bak"] {
        let answer = app.get(path);
        assert!(!answer.text().contains("<?php"), "{path}");
    }
    let answer = app.get("/lib/exe/css.php/x");
    assert!(!answer.text().contains("<?php"), "it is run, not shown");
    let outside = app.get("/inc/init.php");
    assert_eq!(
        outside.status(),
        302,
        "a link that leads out is not there: the index answers"
    );
}
