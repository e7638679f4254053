//! DokuWiki, as a pool of php-fpm: its releases come and go while it is read, and what was written in it stays.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Host;
use super::Load;
use crate::harness::Folders;
use crate::harness::eventually;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::skipped;
use crate::peers::text;

const PACKAGE: &str = "/usr/share/dokuwiki";

/// A release of it: everything is in it but what is written.
fn release(folder: &Path, version: &str) {
    // Other languages than English are most of its files.
    let script = format!(
        "cp -rL {PACKAGE}/. \"$0\" && rm -f \"$0/.htaccess\" && cp -rL /etc/dokuwiki \"$0/conf\" &&
         find \"$0\" -path '*/lang/*' -not -path '*/lang/en' -not -path '*/lang/en/*' -delete"
    );
    fs::create_dir(folder).unwrap();
    let copied = Command::new("sh")
        .args(["-c", &script])
        .arg(folder)
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", text(&copied));
    let conf = "<?php\ndefine('DOKU_CONF', dirname(__DIR__) . '/conf/');\n";
    fs::write(folder.join("inc/preload.php"), conf).unwrap();
    let settings = format!(
        "<?php\n$conf['title'] = 'Wiki {version}'; $conf['savedir'] = getenv('ONDOL_DATA') . '/wiki';\n\
         $conf['useacl'] = 0; $conf['userewrite'] = 2; $conf['updatecheck'] = 0; $conf['license'] = 'cc0';\n"
    );
    fs::write(folder.join("conf/local.php"), settings).unwrap();
}

fn host() -> Option<Host> {
    if !Path::new(PACKAGE).join("doku.php").exists() {
        skipped("DokuWiki", "it is not installed (tests/run installs it)");
        return None;
    }
    if !crate::php::has_fpm() {
        skipped("php-fpm", "it is not installed (tests/run installs it)");
        return None;
    }
    if !is_there("curl") {
        return None;
    }
    let folders = Folders::with("");
    release(&folders.path("coffee"), "1");
    let user = match rustix::process::geteuid().is_root() {
        true => "user = 'nobody'",
        false => "",
    };
    let (dir, current) = (
        folders.path("coffee"),
        folders.path("state/apps/coffee/current"),
    );
    folders.configure(&format!(
        "[listen]\nhttp = ['127.0.0.1:0']\nhttps = []\n\
         [sites.'a.test']\nhttps = false\nphp = {{ root = '{}', pool = 'coffee', index = 'doku.php' }}\n\
         [apps.coffee]\ndir = '{}'\nwatch = '0s'\nphp = {{ children = 4 }}\n{user}\n\
         release = 'cd $ONDOL_DATA && mkdir -p wiki && cd wiki && mkdir -p attic cache index locks log media \
         media_attic media_meta meta pages tmp'\n",
        current.display(),
        dir.display(),
    ));
    let host = Host {
        running: Some(folders.start()),
    };
    host.deploys_first();
    host.has_title("1");
    Some(host)
}

impl Host {
    fn page(&self, path: &str, more: &[&str]) -> String {
        let url = format!("http://a.test{path}");
        let answer = ask(self.http(), &[more, &["--location", &url]].concat()).unwrap();
        answer.body
    }

    fn has_title(&self, version: &str) {
        eventually(&format!("wiki {version}"), || {
            let page = self.page("/", &[]);
            page.contains(&format!("[Wiki {version}]")).then_some(())
        });
    }

    fn deploys_wiki(&self, version: &str) {
        let folder = self.path(&format!("release-{version}"));
        release(&folder, version);
        self.done(&["deploy", "coffee", folder.to_str().unwrap()]);
        self.has_title(version);
    }

    /// Writes a page as a person in a browser does.
    fn writes(&self, page: &str, words: &str) {
        let jar = self.path("cookies").display().to_string();
        let cookies = ["--cookie", &jar, "--cookie-jar", &jar];
        let path = format!("/doku.php/{page}");
        let form = self.page(&format!("{path}?do=edit"), &cookies);
        let mut more: Vec<_> = cookies.map(str::to_owned).into();
        for name in ["sectok", "date", "changecheck"] {
            more.extend([
                "--data-urlencode".to_owned(),
                format!("{name}={}", hidden(&form, name)),
            ]);
        }
        for field in [
            "rev=0",
            "prefix=",
            "suffix=",
            "target=section",
            "do[save]=Save",
        ] {
            more.extend(["--data-urlencode".to_owned(), field.to_owned()]);
        }
        more.extend(["--data-urlencode".to_owned(), format!("wikitext={words}")]);
        let more: Vec<_> = more.iter().map(String::as_str).collect();
        let url = format!("http://a.test{path}");
        let saved = ask(self.http(), &[&more[..], &[&url]].concat()).unwrap();
        assert_eq!(saved.status, 302, "{}", saved.body);
    }
}

/// The value of a hidden field of a form.
fn hidden(page: &str, name: &str) -> String {
    let at = page
        .find(&format!("name=\"{name}\""))
        .unwrap_or_else(|| panic!("no {name} in {page}"));
    let tag = &page[page[..at].rfind('<').unwrap()..];
    let value = tag[..tag.find('>').unwrap()]
        .split_once("value=\"")
        .unwrap()
        .1;
    value.split('"').next().unwrap().to_owned()
}

#[test]
fn releases_of_a_wiki_change_while_it_is_read_and_its_pages_stay() {
    let Some(host) = host() else {
        return;
    };
    let load = Load::of(2, host.http(), "[Wiki ");
    load.goes_on(10);
    host.writes("tea", "Green tea & more");
    host.deploys_wiki("2");
    host.writes("coffee", "Black as night");
    host.done(&["restart", "coffee"]);
    host.deploys_wiki("3");
    host.done(&["rollback", "coffee"]);
    host.has_title("2");
    load.goes_on(10);
    load.none_failed();
    for (page, words) in [
        ("tea", "Green tea &amp; more"),
        ("coffee", "Black as night"),
    ] {
        let page = host.page(&format!("/doku.php/{page}"), &[]);
        assert!(page.contains(words), "{page}");
    }
}
