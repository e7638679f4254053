//! What is tidy: each rule takes the files and returns complaints, which say what to do.

use std::collections::BTreeSet;

use crate::Complaints;
use crate::Tree;

/// The product lines of a file that a reader can hold in mind.
const LINES_MAX: usize = 500;
const BINARY_BYTES_MAX: usize = 64 * 1024;
/// What lies at the top, besides dotfiles.
const TOP_LEVEL: [&str; 7] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deploy",
    "tests",
];
/// Names of drawers into which anything fits.
const DRAWERS: [&str; 6] = ["common", "helpers", "manager", "misc", "types", "utils"];
/// The files that may do what the compiler cannot check.
const UNSAFE_FILES: [&str; 4] = [
    "crates/ondol-base/src/descriptors.rs",
    "crates/ondol-base/src/memory.rs",
    "crates/ondol-base/src/priority.rs",
    "crates/ondol-base/src/signals.rs",
];

/// The rules of the request path, each with the tests that show it.
const CORRECTNESS_FILE: &str = "crates/ondol-proxy/CORRECTNESS.md";

/// Which of our crates each may know; the picture in crates/README.md.
const LAYERS: [(&str, &[&str]); 11] = [
    ("ondol-base", &[]),
    ("ondol-model", &[]),
    ("ondol-config", &["ondol-model"]),
    ("ondol-store", &["ondol-base", "ondol-model"]),
    ("ondol-proxy", &["ondol-base", "ondol-model"]),
    ("ondol-certs", &["ondol-base", "ondol-model", "ondol-store"]),
    ("ondol-apps", &["ondol-base", "ondol-model", "ondol-store"]),
    (
        "ondol-backup",
        &["ondol-base", "ondol-model", "ondol-store"],
    ),
    ("ondol-watch", &["ondol-base", "ondol-model", "ondol-store"]),
    ("ondol-admin", &["ondol-base", "ondol-model", "ondol-store"]),
    (
        "ondol",
        &[
            "ondol-admin",
            "ondol-apps",
            "ondol-backup",
            "ondol-base",
            "ondol-certs",
            "ondol-config",
            "ondol-model",
            "ondol-proxy",
            "ondol-store",
            "ondol-watch",
        ],
    ),
];

/// Who alone may know a library, where the library is what a crate is for.
const OWNERS: [(&str, &str); 7] = [
    ("hickory-proto", "ondol-certs"),
    ("instant-acme", "ondol-certs"),
    ("rusqlite", "ondol-store"),
    ("rusqlite", "ondol-backup"), // Other programs' databases.
    ("rustic_core", "ondol-backup"),
    ("toml", "ondol-config"),
    ("httparse", "ondol-proxy"),
];

/// What the model does without: whatever acts, waits, or knows the time.
const ACTING: [&str; 12] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "SystemTime",
    "Instant",
    "TcpStream",
    "TcpListener",
    "tokio",
    "serde",
    "async fn",
];

/// Who alone starts processes: each waits for them and ends them, and says what they are told of this one.
const STARTERS: [(&str, &str); 13] = [
    (
        "crates/ondol-backup/src/databases/client.rs",
        "says what those programs are told; they are started in the next",
    ),
    (
        "crates/ondol-backup/src/databases/running.rs",
        "the programs of database servers, for dumps and restores",
    ),
    ("crates/ondol-backup/src/job/start.rs", "jobs of backups"),
    (
        "crates/ondol-backup/src/testing.rs",
        "restic, as the second opinion of tests",
    ),
    (
        "crates/ondol-backup/src/target/sftp/ssh.rs",
        "ssh, for targets on other machines",
    ),
    (
        "crates/ondol-base/src/program.rs",
        "programs of the owner's, with limits",
    ),
    ("crates/ondol-apps/src/spawn.rs", "apps, through the shim"),
    ("crates/ondol-apps/src/shim.rs", "what a shim becomes"),
    ("crates/ondol/src/generation/process.rs", "the data plane"),
    ("crates/ondol/src/handover.rs", "the next agent"),
    (
        "crates/ondol/src/upgrade.rs",
        "the agent of another version",
    ),
    (
        "crates/ondol/src/command/demo/agent.rs",
        "the agent of the demonstration",
    ),
    (
        "crates/ondol/src/command/recover/agent.rs",
        "the agent of a recovered box",
    ),
];

/// How tasks and threads are started; ondol-base does it for all.
const SPAWNS: [&str; 5] = [
    "tokio::spawn",
    "task::spawn",
    "thread::spawn",
    "thread::Builder",
    "JoinSet",
];

pub(crate) fn check_top_level(tree: &Tree) -> Complaints {
    let top: BTreeSet<_> = tree
        .0
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .collect();
    let missing = TOP_LEVEL.iter().filter(|name| !top.contains(*name));
    let strange = top
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name));
    let missing = missing.map(|name| format!("{name} is missing at the top"));
    let strange = strange.map(|name| {
        format!("{name} does not belong at the top: give it a place below {TOP_LEVEL:?}")
    });
    missing.chain(strange).collect()
}

pub(crate) fn check_layers(tree: &Tree) -> Complaints {
    let mut complaints = Complaints::new();
    for (path, manifest) in tree.texts("/Cargo.toml") {
        let name = path
            .trim_start_matches("crates/")
            .trim_end_matches("/Cargo.toml");
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            complaints.push(format!(
                "crates/{name} is new: say in tests/tidy/rules.rs what it may know"
            ));
            continue;
        };
        for dependency in dependencies(manifest) {
            let mut owners = OWNERS
                .iter()
                .filter(|(library, _)| *library == dependency)
                .map(|(_, owner)| *owner)
                .peekable();
            let owned = owners.peek().is_some() && !owners.any(|owner| owner == name);
            let upward = dependency.starts_with("ondol-") && !allowed.contains(&dependency);
            let acting =
                name == "ondol-model" && ["tokio", "serde", "rustix"].contains(&dependency);
            if owned || upward || acting {
                complaints.push(format!(
                    "crates/{name} must not know {dependency}: pass it a value instead (crates/README.md has the picture)"
                ));
            }
        }
    }
    complaints
}

/// The names in the sections for dependencies of any kind.
fn dependencies(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with("dependencies");
            return None;
        }
        let name = line.split(['.', '=', ' ']).next()?;
        (inside && !name.is_empty() && !name.starts_with('#')).then_some(name)
    })
}

pub(crate) fn check_crate_map(tree: &Tree) -> Complaints {
    let map = tree.text("crates/README.md");
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `ondol"));
    let rows: BTreeSet<_> = rows
        .filter_map(|row| row.split('`').next())
        .map(|rest| format!("ondol{rest}"))
        .collect();
    let crates: BTreeSet<_> = tree.crates().into_iter().map(str::to_owned).collect();
    let unmapped = crates.difference(&rows).map(|name| {
        format!("{name} has no row in crates/README.md: say what it is and what it must not know")
    });
    let gone = rows
        .difference(&crates)
        .map(|name| format!("{name} has a row in crates/README.md, but is no crate: take it out"));
    unmapped.chain(gone).collect()
}

pub(crate) fn check_names(tree: &Tree) -> Complaints {
    let mut complaints = Complaints::new();
    for (path, _) in tree.texts(".rs") {
        let name = path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs");
        if name == "mod" {
            complaints.push(format!(
                "{path} is in the old place: a folder's module is the file beside it"
            ));
        }
        if DRAWERS.contains(&name) {
            complaints.push(format!(
                "{path} says nothing of what is in it: name it after what it does"
            ));
        }
    }
    complaints
}

pub(crate) fn check_modules(tree: &Tree) -> Complaints {
    let manifests: String = tree
        .texts("/Cargo.toml")
        .map(|(_, manifest)| manifest)
        .collect();
    let lost = tree
        .texts(".rs")
        .filter(|(path, _)| !is_reached(tree, &manifests, path));
    lost.map(|(path, _)| {
        format!(
            "{path} is no part of the program: no module mentions it, so remove it or mention it"
        )
    })
    .collect()
}

fn is_reached(tree: &Tree, manifests: &str, path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else {
        return false;
    };
    let is_root = ["lib.rs", "main.rs", "build.rs"].contains(&name);
    // Cargo finds these by their place, in crates; at the top they are named in a manifest.
    let found = ["tests", "examples", "benches"].iter().any(|place| {
        path.starts_with("crates/") && !folder.contains("/src") && folder.ends_with(place)
    });
    if is_root || found || manifests.contains(&format!("../{path}\"")) {
        return true;
    }
    let module = name.trim_end_matches(".rs");
    let parents = [
        format!("{folder}.rs"),
        format!("{folder}/lib.rs"),
        format!("{folder}/main.rs"),
    ];
    parents
        .iter()
        .flat_map(|parent| code_lines(tree.text(parent)))
        .any(|(_, line)| {
            let line = line.trim_end_matches(';');
            line.ends_with(&format!("mod {module}"))
        })
}

pub(crate) fn check_openings(tree: &Tree) -> Complaints {
    let silent = tree
        .texts(".rs")
        .filter(|(_, text)| !text.starts_with("//! "));
    silent
        .map(|(path, _)| {
            format!(
                "{path} does not open with `//! `: say what it is for and what it must not know"
            )
        })
        .collect()
}

pub(crate) fn check_sizes(tree: &Tree) -> Complaints {
    let long = tree
        .product()
        .map(|(path, text)| (path, text.lines().count()));
    let long = long.filter(|(_, lines)| *lines > LINES_MAX);
    let long = long.map(|(path, lines)| format!("{path} has {lines} lines without its tests: cut it where it thinks of two things ({LINES_MAX} at most)"));
    let heavy = tree
        .0
        .iter()
        .filter(|file| file.text.is_none() && file.bytes > BINARY_BYTES_MAX);
    let heavy = heavy.map(|file| {
        format!(
            "{} is a binary of {} KiB: make it in the build or the test instead",
            file.path,
            file.bytes / 1024
        )
    });
    long.chain(heavy).collect()
}

pub(crate) fn check_words(tree: &Tree) -> Complaints {
    // In pieces, so that this file does not complain of itself.
    let later = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        "X".repeat(3),
        ["db", "g!"].concat(),
    ];
    let mut complaints = Complaints::new();
    for (path, text) in tree.texts("") {
        for (number, line) in (1..).zip(text.lines()) {
            for word in later.iter().filter(|word| has_word(line, word)) {
                complaints.push(format!(
                    "{path}:{number} has `{word}`: do it, or open an issue and say so there"
                ));
            }
            let is_prose = path.ends_with(".md") || line.trim_start().starts_with("//");
            if is_prose && cites_a_line(line) {
                complaints.push(format!(
                    "{path}:{number} cites a line of a file: name the symbol, for lines move"
                ));
            }
        }
    }
    complaints
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = line.as_bytes();
    line.match_indices(word).any(|(start, _)| {
        let before = start.checked_sub(1).and_then(|index| bytes.get(index));
        !is_letter(before) && (word.ends_with('!') || !is_letter(bytes.get(start + word.len())))
    })
}

/// Whether a number stands where a file's name ends, after a colon.
fn cites_a_line(line: &str) -> bool {
    let endings = [".rs:", ".py:", ".toml:", ".md:", ".c:"];
    endings
        .iter()
        .flat_map(|ending| line.match_indices(ending))
        .any(|(start, ending)| {
            line[start + ending.len()..].starts_with(|next: char| next.is_ascii_digit())
        })
}

pub(crate) fn check_unsafe(tree: &Tree) -> Complaints {
    let word = ["un", "safe"].concat();
    let is_unsafe = |line: &str| {
        let opens = ["{", "fn", "impl", "trait", "extern"];
        opens
            .iter()
            .any(|open| line.contains(&format!("{word} {open}")))
    };
    let files = tree
        .texts(".rs")
        .filter(|(path, _)| !UNSAFE_FILES.contains(path));
    let found = files.flat_map(|(path, text)| {
        let lines = code_lines(text).filter(|(_, line)| is_unsafe(line));
        lines
            .map(move |(number, _)| (path, number))
            .collect::<Vec<_>>()
    });
    found
        .map(|(path, number)| {
            format!(
                "{path}:{number} is {word}: only {} may be, with a reason",
                UNSAFE_FILES.join(" and ")
            )
        })
        .collect()
}

pub(crate) fn check_spawns(tree: &Tree) -> Complaints {
    let files = tree
        .product()
        .filter(|(path, _)| !path.starts_with("crates/ondol-base/"));
    let found = files.flat_map(|(path, text)| {
        let lines =
            code_lines(text).filter(|(_, line)| SPAWNS.iter().any(|spawn| line.contains(spawn)));
        lines.map(move |(number, _)| (path, number))
    });
    found.map(|(path, number)| format!("{path}:{number} starts a task or thread: use ondol_base::tasks, so that it has an owner")).collect()
}

pub(crate) fn check_starters(tree: &Tree) -> Complaints {
    let is_starter = |path: &str| STARTERS.iter().any(|(starter, _)| *starter == path);
    let files = tree.product().filter(|(path, _)| !is_starter(path));
    let found = files.flat_map(|(path, text)| {
        let lines = code_lines(text).filter(|(_, line)| has_word(line, "process::Command"));
        lines.map(move |(number, _)| (path, number))
    });
    found
        .map(|(path, number)| {
            format!("{path}:{number} starts a process: use ondol_base::program, or say in tests/tidy/rules.rs why it may")
        })
        .collect()
}

pub(crate) fn check_model(tree: &Tree) -> Complaints {
    let files = tree
        .product()
        .filter(|(path, _)| path.starts_with("crates/ondol-model/"));
    let found = files.flat_map(|(path, text)| {
        code_lines(text).flat_map(move |(number, line)| {
            ACTING
                .iter()
                .filter(move |acting| has_word(line, acting))
                .map(move |acting| (path, number, acting))
        })
    });
    found
        .map(|(path, number, acting)| format!("{path}:{number} uses {acting}: the model decides from values and leaves acting to others"))
        .collect()
}

pub(crate) fn check_commands(tree: &Tree, commands: &[String]) -> Complaints {
    let readme = tree.text("README.md");
    let missing = commands
        .iter()
        .filter(|command| !has_word(readme, &format!("ondol {command}")));
    missing
        .map(|command| {
            format!("README.md does not tell of `ondol {command}`: say in a line what it is for")
        })
        .collect()
}

/// Each rule that must hold on the request path is shown by tests that are there, or says why it is not.
pub(crate) fn check_correctness(tree: &Tree) -> Complaints {
    let functions: BTreeSet<_> = tree
        .texts(".rs")
        .flat_map(|(_, text)| text.split("fn ").skip(1))
        .filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
        .collect();
    let rows: Vec<_> = tree
        .text(CORRECTNESS_FILE)
        .lines()
        .filter_map(row)
        .collect();
    let mut complaints = Complaints::new();
    if rows.is_empty() {
        complaints.push(format!(
            "{CORRECTNESS_FILE} has no rules: they are its tables' rows"
        ));
    }
    for (rule, shown_by) in rows {
        let names: Vec<_> = in_backticks(shown_by)
            .filter(|text| is_name(text))
            .collect();
        if names.is_empty() && !shown_by.starts_with("Not yet: ") {
            complaints.push(format!(
                "{CORRECTNESS_FILE}: nothing shows `{rule}`: name a test, or say `Not yet: ` and why"
            ));
        }
        let gone = names.iter().filter(|name| !functions.contains(*name));
        complaints.extend(gone.map(|name| {
            format!(
                "{CORRECTNESS_FILE}: there is no test `{name}`: name the one that shows `{rule}`"
            )
        }));
    }
    complaints
}

/// First and last column of a table's row, unless it is its head.
fn row(line: &str) -> Option<(&str, &str)> {
    let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let (rule, rest) = cells.split_once(" | ")?;
    let (_, shown_by) = rest.rsplit_once("| ")?;
    (rule != "rule").then_some((rule, shown_by))
}

fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether this can be the name of a function; paths, files and types are none.
fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Lines with their numbers, without those that are comments, and without comments at their ends.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines());
    lines
        .map(|(number, line)| (number, line.split("//").next().unwrap_or_default().trim()))
        .filter(|(_, line)| !line.is_empty())
}
