//! Whole configurations: what they become, and what is said about those that are wrong.

mod apps;
mod backup;
mod care;
mod changes;
mod documented;
mod good;
mod issuers;

use std::path::Path;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::SourceFile;

/// A configuration of these files; the first is the main one.
pub(super) fn sources(files: &[(&str, &str)]) -> Sources {
    let files = files.iter().map(|(path, text)| SourceFile {
        path: PathBuf::from(path),
        text: (*text).to_owned(),
    });
    Sources {
        files: files.collect(),
    }
}

pub(super) fn testdata(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Problems alone, as `file:line:column problem`.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let mistakes = accept(&sources(files)).expect_err("it was accepted").0;
    let found: Vec<_> = mistakes
        .iter()
        .map(|mistake| {
            let (file, line, column) = (mistake.file(), mistake.line(), mistake.column());
            format!("{}:{line}:{column} {}", file.display(), mistake.problem())
        })
        .collect();
    assert_eq!(found, expected);
}

/// With `UPDATE_EXPECTED` set, what is found becomes what is expected: read the difference before it is kept.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own data, on demand")]
fn every_bad_file_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bad");
    let entries = std::fs::read_dir(folder).expect("the folder of bad files");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("a name in UTF-8"));
    let names: Vec<_> = names.filter(|name| name.ends_with(".toml")).collect();
    assert!(!names.is_empty());
    for name in names {
        let text = testdata(&format!("testdata/bad/{name}"));
        let found = accept(&sources(&[(&name, &text)])).expect_err(&name);
        let expected = format!("testdata/bad/{name}").replace(".toml", ".expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&expected);
            std::fs::write(path, found.to_string()).expect("a file to update");
        }
        let expected = testdata(&expected);
        assert!(found.to_string() == expected, "{name}\n{found}");
    }
}

#[test]
fn included_files_hold_sites_and_apps_alone() {
    let site = "[sites.'b.test']\napp = 'b'\n[apps.b]\n";
    check(
        &[
            ("main.toml", "[sites.'a.test']\nfiles = '/a'\n"),
            ("b.toml", &format!("[box]\nname = 'x'\n{site}")),
            ("c.toml", "include = ['d.toml']\n[backup]\n"),
        ],
        &[
            "b.toml:1:2 unknown key `box` in an included file",
            "c.toml:1:1 unknown key `include` in an included file",
            "c.toml:2:2 unknown key `backup` in an included file",
        ],
    );
}

#[test]
fn a_name_claimed_in_two_files_shows_both() {
    let files = [
        ("main.toml", "[sites.'a.test']\nfiles = '/a'\n"),
        (
            "b.toml",
            "[sites.'b.test']\nfiles = '/b'\naliases = ['a.test']",
        ),
    ];
    let mistakes = accept(&sources(&files)).expect_err("it was accepted");
    assert_eq!(mistakes.0.len(), 1);
    let text = mistakes.to_string();
    assert!(
        text.contains("--> b.toml:3:12") && text.contains("--> main.toml:1:8"),
        "{text}"
    );
}

#[test]
fn what_stands_twice_shows_both_places_and_nothing_else() {
    let site = "[sites.\"blog.test\"]\nfiles = \"/a\"\n";
    let twice = format!("{site}\n{site}");
    let proxied = format!("{site}[sites.\"blog.test\"]\nproxy = \"http://127.0.0.1:1\"\n");
    let key = "[sites.\"blog.test\"]\nfiles = \"/a\"\nfiles = \"/b\"\n";
    let table = [
        (&*twice, "a.toml:4:8", "a.toml:1:8"),
        (&*proxied, "a.toml:3:8", "a.toml:1:8"),
        (key, "a.toml:3:1", "a.toml:2:1"),
    ];
    for (text, second, first) in table {
        let mistakes = accept(&sources(&[("a.toml", text)])).expect_err("it was accepted");
        let shown = mistakes.to_string();
        assert_eq!(mistakes.0.len(), 1, "{shown}");
        for expected in [
            format!("--> {second}\n"),
            format!("note: it is here first\n --> {first}\n"),
        ] {
            assert!(shown.contains(&expected), "{shown}");
        }
    }
}

#[test]
fn a_misspelt_key_with_a_table_is_no_name_without_quotes() {
    check(
        &[(
            "a.toml",
            "[sites.\"two.test\"]\nresponds = { body = \"two\" }\n",
        )],
        &["a.toml:2:1 unknown key `responds` in a site"],
    );
}

#[test]
fn a_broken_file_does_not_hide_the_mistakes_of_others() {
    check(
        &[
            ("main.toml", "[box]\nname = \n"),
            ("b.toml", "[sites.'b.test']\nfils = 'b'\n[sites.'c.test']\n"),
        ],
        &[
            "main.toml:2:8 this is not TOML: string values must be quoted, expected literal string",
            "b.toml:2:1 unknown key `fils` in a site",
            "b.toml:3:1 the site has nothing to answer with",
        ],
    );
}

#[test]
fn a_site_has_so_many_routes_and_no_more() {
    let route = |index| format!("[[sites.'a.test'.routes]]\npath = '/{index}'\nfiles = '/a'\n");
    let most: String = (0..ondol_model::limits::ROUTES_MAX).map(route).collect();
    assert!(accept(&sources(&[("a.toml", &most)])).is_ok());
    check(
        &[("a.toml", &(most + &route(1_000)))],
        &["a.toml:3001:1 this is one route more than the 1000 that a site can have"],
    );
}

#[test]
fn a_file_of_nothing_but_mistakes_is_answered() {
    let many: String = (0..20_000)
        .map(|index| format!("key{index} = 1\n"))
        .collect();
    let mistakes = accept(&sources(&[("a.toml", &many)])).expect_err("it was accepted");
    assert!(mistakes.to_string().contains("\nand 950 more\n"));
    assert!(accept(&sources(&[])).is_err());
}

#[track_caller]
fn is_placed(files: &[SourceFile]) -> Result<(), TestCaseError> {
    let Err(mistakes) = accept(&Sources {
        files: files.to_vec(),
    }) else {
        return Ok(());
    };
    prop_assert!(!mistakes.0.is_empty());
    for mistake in &mistakes.0 {
        let file = files.iter().find(|file| file.path == mistake.file());
        let text = &file.expect("a mistake is in one of the files").text;
        let lines = text.split('\n').count();
        prop_assert!((1..=lines).contains(&mistake.line()), "{mistake}");
        let line = text.split('\n').nth(mistake.line() - 1).unwrap_or_default();
        prop_assert!(
            (1..=line.chars().count() + 1).contains(&mistake.column()),
            "{mistake}"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        is_placed(&sources(&[("a.toml", &text)]).files)?;
    }

    #[test]
    fn any_lines_of_toml_are_answered(
        lines in proptest::collection::vec(
            r#"(\[{1,2}(box|listen|log|tls|tls.dns|watch|people(\.[a-c가])?|alarms|heartbeats(\.a)?|power|health|backup(\.to|\.databases|\.keep)?|sites(\."?[a-c*]\.?[a-c]?"?)?(\.routes)?)\]{1,2}|(include|http|https|name|aliases|proxy|files|redirect|respond|path|certificate|limits|timeouts|issuers|dns|challenge|directory|token|to|status|databases|local|rest|s3|sftp|sqlite|postgres|bandwidth|verify|check|health|email|ntfy|webhook|telegram|smtp|escalate|quiet|heartbeat|ups|period|site)( = |\.|=)("[a-c/:.]{0,9}"|\["?:?[0-9]{0,3}"?,?|\{ ?[a-z]{2,6} = "[0-9a-z/]{0,4}" ?\}|[0-9]{1,4}|true|"""|'가나))"#,
            0..24,
        ),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just(" ")],
    ) {
        is_placed(&sources(&[("a.toml", &lines.join(end)), ("b.toml", &lines.concat())]).files)?;
    }

    #[test]
    fn a_good_file_with_a_part_cut_out_is_answered(
        name in prop_oneof![Just("everything"), Just("backup"), Just("care")],
        from in 0..2_000usize,
        length in 0..60usize,
    ) {
        let text: Vec<char> = testdata(&format!("testdata/good/{name}.toml")).chars().collect();
        let kept = text.iter().take(from).chain(text.iter().skip(from + length));
        is_placed(&sources(&[("a.toml", &kept.collect::<String>())]).files)?;
    }
}
