//! Whether the program that a command begins with is there. Where the shell has a say in it, nothing is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

/// Permission bits for someone to run a file.
const RUN: u32 = 0o111;
/// What `sh` does by itself.
const OF_SHELL: &[&str] = &[
    ".", ":", "[", "alias", "case", "cd", "command", "echo", "eval", "exit", "export", "false",
    "for", "if", "printf", "read", "set", "shift", "test", "time", "trap", "true", "type",
    "ulimit", "umask", "until", "wait", "while",
];

/// What is wrong with the program of a command, and what to do; `dir` is the folder that it is run in, where that is
/// known and there.
pub(in crate::examine) fn trouble(
    command: &str,
    dir: Option<&Path>,
    path: &str,
) -> Option<(String, String)> {
    let program = of_command(command)?;
    if program.contains('/') {
        let place = match program.starts_with('/') {
            true => PathBuf::from(program),
            false => dir?.join(program),
        };
        return in_place(&place);
    }
    let is_program = |folder: PathBuf| {
        let metadata = fs::metadata(folder.join(program));
        metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & RUN != 0)
    };
    let mut folders = std::env::split_paths(path);
    (!folders.any(is_program)).then(|| {
        (
            format!("there is no program `{program}`"),
            format!(
                "install it for all users, or name it by its path; apps look for programs in {path}"
            ),
        )
    })
}

/// A file that is missing may be what a build makes.
fn in_place(place: &Path) -> Option<(String, String)> {
    let metadata = fs::metadata(place).ok()?;
    let shown = place.display();
    let is_program = metadata.is_file() && metadata.permissions().mode() & RUN != 0;
    (!is_program).then(|| {
        (
            format!("{shown} cannot be run: it is not executable"),
            format!("`chmod a+x {shown}` makes it so"),
        )
    })
}

/// The word that is a program, if that can be told.
fn of_command(command: &str) -> Option<&str> {
    let is_plain = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-+/@".contains(c))
    };
    let is_assignment = |word: &str| {
        word.split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && is_plain(name) && !name.contains('/'))
    };
    let mut words = command.split_ascii_whitespace();
    let program = words.find(|word| !is_assignment(word) && !matches!(*word, "exec" | "env"))?;
    // A quoted value of a variable may have blanks.
    let before = command.split(program).next().unwrap_or_default();
    let is_quoted = before.contains(['"', '\'', '`']) || before.contains("$(");
    (is_plain(program) && !is_quoted && !OF_SHELL.contains(&program)).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_command_is_its_first_word() {
        for (command, program) in [
            ("puma -b x", Some("puma")),
            ("  exec ./bin/server", Some("./bin/server")),
            ("A=1 B=2 node x.js", Some("node")),
            (
                "env NODE_ENV=${NODE_ENV:-production} npm start",
                Some("npm"),
            ),
            ("A='1 2' node x.js", None),
            ("A=$(x y) node x.js", None),
            ("cd x && node y", None),
            ("$HOME/bin/x", None),
            ("(node x)", None),
            ("node;x", None),
            ("-x", Some("-x")),
            ("", None),
            ("A=1", None),
        ] {
            assert_eq!(of_command(command), program, "{command}");
        }
    }

    #[test]
    fn programs_are_looked_for_where_apps_do() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("bin");
        fs::create_dir(&folder).unwrap();
        let make = |name: &str, mode| {
            ondol_base::file::replace(&folder.join(name), b"", mode).unwrap();
        };
        make("good", 0o755);
        make("bad", 0o644);
        let path = format!("/nowhere:{}", folder.display());
        let said =
            |command: &str| trouble(command, Some(place.path()), &path).map(|(problem, _)| problem);
        for fine in ["good x", "bin/good", "./bin/made-later", "cd x"] {
            assert_eq!(said(fine), None, "{fine}");
        }
        for (command, expected) in [
            ("bad", "there is no program `bad`"),
            ("other x", "there is no program `other`"),
            ("./bin/bad", "cannot be run: it is not executable"),
        ] {
            let said = said(command).unwrap_or_default();
            assert!(said.contains(expected), "{command}: {said}");
        }
        assert_eq!(trouble("./bin/bad", None, &path), None);
    }
}
