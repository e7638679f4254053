//! The habits of this repository, tested over the files that git knows. Each complaint says what to do.
//!
//! The checks are functions from a [`Tree`] to complaints, and each is shown a bad tree below, so that
//! none of them passes because it looks at nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

#[path = "tidy/rules.rs"]
mod rules;

use rules::check_commands;
use rules::check_correctness;
use rules::check_crate_map;
use rules::check_layers;
use rules::check_model;
use rules::check_modules;
use rules::check_names;
use rules::check_openings;
use rules::check_sizes;
use rules::check_spawns;
use rules::check_starters;
use rules::check_top_level;
use rules::check_unsafe;
use rules::check_words;

/// Files by their path from the top, with their text; `None` for what is no UTF-8.
#[derive(Debug)]
pub(crate) struct Tree(Vec<File>);

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    path: String,
    text: Option<String>,
    bytes: usize,
}

type Complaints = Vec<String>;

impl Tree {
    /// What git tracks, and what it would when asked to.
    fn of_git() -> Self {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut git = Command::new("git");
        git.arg("-C").arg(&top).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let output = git.output().expect("git is installed");
        assert!(
            output.status.success(),
            "tidy needs a git checkout: {output:?}"
        );
        let listed = String::from_utf8(output.stdout).expect("paths are UTF-8");
        let paths: BTreeSet<_> = listed.split_terminator('\0').collect();
        // Git still lists what was just removed.
        let there = paths
            .into_iter()
            .filter_map(|path| Some((path, std::fs::read(top.join(path)).ok()?)));
        Self(there.map(|(path, bytes)| File::new(path, bytes)).collect())
    }

    fn sample(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(path, text)| File::new(path, (*text).into()))
                .collect(),
        )
    }

    fn text(&self, path: &str) -> &str {
        let found = self.0.iter().find(|file| file.path == path);
        found
            .and_then(|file| file.text.as_deref())
            .unwrap_or_default()
    }

    /// Path and text of the files with this ending.
    fn texts<'t>(&'t self, ending: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        let wanted = self
            .0
            .iter()
            .filter(move |file| file.path.ends_with(ending));
        wanted.filter_map(|file| Some((&*file.path, file.text.as_deref()?)))
    }

    /// Path and text of the program's own Rust files, without their tests.
    fn product(&self) -> impl Iterator<Item = (&str, &str)> {
        let sources = self.texts(".rs").filter(|(path, _)| path.contains("/src/"));
        sources
            .filter(|(path, _)| !is_test(path))
            .map(|(path, text)| (path, before_tests(text)))
    }

    fn crates(&self) -> BTreeSet<&str> {
        let manifests = self
            .0
            .iter()
            .filter_map(|file| file.path.strip_prefix("crates/"));
        manifests
            .filter_map(|path| path.strip_suffix("/Cargo.toml"))
            .collect()
    }
}

impl File {
    fn new(path: &str, bytes: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            bytes: bytes.len(),
            text: String::from_utf8(bytes).ok(),
        }
    }
}

/// Files that a `#[cfg(test)]` module brings in.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("/sample.rs") || path.contains("/tests/")
}

fn before_tests(text: &str) -> &str {
    let tests = text.find("#[cfg(test)]\nmod tests {");
    tests.map_or(text, |start| &text[..start])
}

/// The commands that `ondol --help` shows.
fn commands() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ondol"))
        .arg("--help")
        .output();
    let help = String::from_utf8(output.expect("ondol starts").stdout).expect("the help is UTF-8");
    let after = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"));
    let shown = after.skip(1).take_while(|line| !line.is_empty());
    // Continuation lines are indented further than the names are.
    let names = shown
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '));
    names
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn check(complaints: Complaints) {
    let mut all = String::new();
    for complaint in &complaints {
        let _infallible = writeln!(all, "  {complaint}");
    }
    assert!(complaints.is_empty(), "\n{all}");
}

#[track_caller]
fn complains(complaints: Complaints, expected: &[&str]) {
    let mut complaints = complaints.iter();
    for expected in expected {
        let complaint = complaints.next().map_or("nothing", String::as_str);
        assert!(
            complaint.starts_with(expected),
            "expected {expected:?}, got {complaint:?}"
        );
    }
    assert_eq!(complaints.next(), None);
}

#[test]
fn the_repository_is_tidy() {
    let tree = Tree::of_git();
    assert!(tree.product().count() > 50, "the files were not found");
    let rules = [
        check_top_level,
        check_layers,
        check_crate_map,
        check_names,
        check_modules,
        check_openings,
        check_sizes,
        check_words,
        check_unsafe,
        check_spawns,
        check_starters,
        check_model,
        check_correctness,
    ];
    check(rules.iter().flat_map(|rule| rule(&tree)).collect());
}

#[test]
fn every_command_is_in_the_readme() {
    let commands = commands();
    assert!(
        commands.len() >= 10,
        "only these commands were found: {commands:?}"
    );
    check(check_commands(&Tree::of_git(), &commands));
}

#[test]
fn strangers_at_the_top_are_found() {
    let whole = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "crates/x",
        "deploy/x",
        "tests/x",
        ".ci/run",
    ];
    let mut files = whole.map(|path| (path, "")).to_vec();
    complains(check_top_level(&Tree::sample(&files)), &[]);
    files.push(("notes.txt", ""));
    files.remove(2);
    let expected = ["LICENSE is missing", "notes.txt does not belong at the top"];
    complains(check_top_level(&Tree::sample(&files)), &expected);
}

#[test]
fn a_crate_that_looks_up_is_found() {
    let manifest = "[dependencies]\nondol-base.workspace = true\nondol-store = { path = \"../ondol-store\" }\n";
    let fine = Tree::sample(&[("crates/ondol-admin/Cargo.toml", manifest)]);
    complains(check_layers(&fine), &[]);
    let bad = Tree::sample(&[
        ("crates/ondol-proxy/Cargo.toml", manifest),
        (
            "crates/ondol-model/Cargo.toml",
            "[dependencies]\nserde.workspace = true\n",
        ),
        (
            "crates/ondol-admin/Cargo.toml",
            "[dependencies]\nrusqlite = \"1\"\ntoml = \"1\"\n",
        ),
        ("crates/ondol-new/Cargo.toml", ""),
    ]);
    let expected = [
        "crates/ondol-proxy must not know ondol-store",
        "crates/ondol-model must not know serde",
        "crates/ondol-admin must not know rusqlite",
        "crates/ondol-admin must not know toml",
        "crates/ondol-new is new",
    ];
    complains(check_layers(&bad), &expected);
}

#[test]
fn a_map_that_differs_from_the_crates_is_found() {
    let map = "| crate | what |\n|---|---|\n| `ondol-base` | x |\n| `ondol-gone` | x |\n";
    let tree = Tree::sample(&[
        ("crates/README.md", map),
        ("crates/ondol-base/Cargo.toml", ""),
        ("crates/ondol-model/Cargo.toml", ""),
    ]);
    let expected = ["ondol-model has no row", "ondol-gone has a row"];
    complains(check_crate_map(&tree), &expected);
}

#[test]
fn drawers_and_lost_files_are_found() {
    let tree = Tree::sample(&[
        ("crates/a/src/utils.rs", "//! x"),
        ("crates/a/src/b/mod.rs", "//! x"),
    ]);
    let expected = [
        "crates/a/src/utils.rs says nothing",
        "crates/a/src/b/mod.rs is in the old place",
    ];
    complains(check_names(&tree), &expected);
    let tree = Tree::sample(&[
        ("crates/a/src/lib.rs", "mod b;\npub mod c;\n"),
        (
            "crates/a/src/b.rs",
            "pub(crate) mod d;\n#[cfg(test)]\nmod tests;\n",
        ),
        ("crates/a/src/b/d.rs", "//! mod e;\n"),
        ("crates/a/src/b/tests.rs", ""),
        ("crates/a/src/b/d/e.rs", ""),
        ("crates/a/src/c.rs", ""),
        ("crates/a/src/f.rs", ""),
        ("crates/a/examples/g.rs", ""),
        ("crates/ondol/Cargo.toml", "path = \"../../tests/tidy.rs\""),
        ("tests/tidy.rs", "mod rules;"),
        ("tests/tidy/rules.rs", ""),
        ("tests/lost.rs", ""),
    ]);
    let expected = [
        "crates/a/src/b/d/e.rs is no part",
        "crates/a/src/f.rs is no part",
        "tests/lost.rs is no part",
    ];
    complains(check_modules(&tree), &expected);
}

#[test]
fn silent_and_overlong_files_are_found() {
    let tree = Tree::sample(&[
        ("crates/a/src/a.rs", "use b;\n"),
        ("crates/a/src/b.rs", "//! Words.\n"),
    ]);
    complains(check_openings(&tree), &["crates/a/src/a.rs does not open"]);
    let (long, tests) = ("x\n".repeat(501), "#[cfg(test)]\nmod tests {\n");
    let tested = format!("x\n{tests}{long}");
    let big = "x".repeat(70_000);
    let mut tree = Tree::sample(&[
        ("crates/a/src/long.rs", &long),
        ("crates/a/src/tested.rs", &tested),
        ("crates/a/src/a/tests.rs", &long),
        ("Cargo.lock", &big),
    ]);
    tree.0.push(File::new("tests/picture", vec![0xff; 70_000]));
    let expected = [
        "crates/a/src/long.rs has 501 lines",
        "tests/picture is a binary of 68 KiB",
    ];
    complains(check_sizes(&tree), &expected);
}

#[test]
fn words_that_promise_later_and_stale_citations_are_found() {
    let later = ["TO", "DO"].concat();
    let tree = Tree::sample(&[
        (
            "crates/a/src/a.rs",
            &format!("// {later}: all of it\nlet XXXX = 1;\n"),
        ),
        (
            "crates/a/src/b.rs",
            "/// See `a.rs:12`.\nlet text = \"a.rs:12\";\n",
        ),
        ("crates/README.md", "It is in a.rs:12.\nAt 127.0.0.1:80.\n"),
        ("crates/a/src/c.rs", &["let a = db", "g!(a);\n"].concat()),
    ]);
    let expected = [
        &format!("crates/a/src/a.rs:1 has `{later}`"),
        "crates/a/src/b.rs:1 cites a line",
        "crates/README.md:1 cites a line",
        "crates/a/src/c.rs:1 has `db",
    ];
    complains(check_words(&tree), &expected);
}

#[test]
fn unowned_tasks_and_unsafe_code_are_found() {
    let spawn = "fn a() { tokio::spawn(async {}); }\n";
    let tree = Tree::sample(&[
        ("crates/ondol-base/src/tasks.rs", spawn),
        ("crates/ondol-proxy/src/a.rs", spawn),
        ("crates/ondol-proxy/src/a/tests.rs", spawn),
        (
            "crates/ondol-proxy/src/b.rs",
            "fn a() { tasks::spawn_local(b()); } // not tokio::spawn\n",
        ),
    ]);
    complains(
        check_spawns(&tree),
        &["crates/ondol-proxy/src/a.rs:1 starts"],
    );
    let word = ["un", "safe"].concat();
    let code = format!("let a = {word} {{ b() }};\n");
    let tree = Tree::sample(&[
        ("crates/ondol-base/src/descriptors.rs", &code),
        ("crates/ondol-proxy/src/a.rs", &code),
        ("crates/ondol-proxy/src/b.rs", &format!("// not {word}\n")),
    ]);
    complains(check_unsafe(&tree), &["crates/ondol-proxy/src/a.rs:1 is"]);
}

#[test]
fn processes_that_nobody_answers_for_are_found() {
    let start = "use std::process::Command;\nfn a() { Command::new(\"a\"); }\n";
    let tree = Tree::sample(&[
        ("crates/ondol-base/src/program.rs", start),
        ("crates/ondol-certs/src/a.rs", start),
        ("crates/ondol-certs/src/a/tests.rs", start),
        ("crates/ondol/src/cli.rs", "use clap::Command;\n"),
    ]);
    complains(
        check_starters(&tree),
        &["crates/ondol-certs/src/a.rs:1 starts"],
    );
}

#[test]
fn a_model_that_acts_is_found() {
    let tree = Tree::sample(&[
        (
            "crates/ondol-model/src/a.rs",
            "use std::fs;\nuse std::time::Duration;\n//! no tokio here\n",
        ),
        (
            "crates/ondol-model/src/b.rs",
            "fn a() { std::time::SystemTime::now(); }\n",
        ),
        ("crates/ondol-base/src/c.rs", "use std::fs;\n"),
    ]);
    let expected = [
        "crates/ondol-model/src/a.rs:1 uses std::fs",
        "crates/ondol-model/src/b.rs:1 uses SystemTime",
    ];
    complains(check_model(&tree), &expected);
}

#[test]
fn rules_that_no_test_shows_are_found() {
    let rules = "| rule | source | shown by |\n|---|---|---|\n\
        | Fine | RFC 1 `x` | `it_works`, `it_works_twice` |\n\
        | Later |  | Not yet: `lib::c` can't. |\n\
        | Gone | | `it_works`, `it_is_gone` |\n\
        | Bare | RFC 2 | it works |\n";
    let file = "crates/ondol-proxy/CORRECTNESS.md";
    let tests = "#[test]\nfn it_works() {}\nasync fn it_works_twice() {}\n";
    let mut files = vec![("crates/a/tests/a.rs", tests)];
    let expected = format!("{file} has no rules");
    complains(check_correctness(&Tree::sample(&files)), &[&expected]);
    files.push((file, rules));
    let expected = [
        &*format!("{file}: there is no test `it_is_gone`"),
        &*format!("{file}: nothing shows `Bare`"),
    ];
    complains(check_correctness(&Tree::sample(&files)), &expected);
}

#[test]
fn a_command_that_the_readme_leaves_out_is_found() {
    let tree = Tree::sample(&[(
        "README.md",
        "`ondol run` serves; `ondol checkout` does not exist.\n",
    )]);
    let commands = ["run", "check"].map(str::to_owned);
    complains(
        check_commands(&tree, &commands),
        &["README.md does not tell of `ondol check`"],
    );
}
