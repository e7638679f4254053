//! A program of the owner's, for whoever keeps a zone that Ondol does not know: it is run with `add` or
//! `remove`, the record's full name, and its text.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::program;

use super::Change;
use super::Record;
use super::failed;
use crate::failure::Failure;

/// How long it may take; it need not wait for the zone's name servers.
const LIMIT: Duration = Duration::from_secs(60);
/// As much of what it complains of as fits into a sentence.
const QUOTED_CHARS_MAX: usize = 300;

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Exec {
    program: Box<str>,
    arguments: Vec<Box<str>>,
}

impl Exec {
    /// The program and its first arguments.
    pub(crate) fn new(command: &[Box<str>]) -> Result<Self, Failure> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(failed("the command that writes records is empty"));
        };
        Ok(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
        })
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let word = match change {
            Change::Add => "add",
            Change::Remove => "remove",
        };
        let own = self.arguments.iter().map(|argument| &**argument);
        let arguments = own
            .chain([word, record.name, record.text])
            .map(str::to_owned);
        let failed = |reason: &dyn std::fmt::Display| {
            failed(format!(
                "`{} {word} {} …` failed: {reason}",
                self.program, record.name
            ))
        };
        match program::run(&self.program, arguments.collect(), LIMIT).await {
            Ok(ended) if ended.status.success() => Ok(()),
            Ok(ended) => Err(failed(&reason(ended.status, &ended.complaint))),
            Err(error) => Err(failed(&Chain(&error))),
        }
    }
}

/// The last line of what it complained of, and how it ended.
fn reason(status: ExitStatus, complaint: &str) -> String {
    let end = match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with code {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it ended".to_owned(),
    };
    let mut lines = complaint.lines().map(str::trim);
    match lines.rfind(|line| !line.is_empty()) {
        Some(line) => {
            let line: String = line
                .chars()
                .filter(|letter| !letter.is_control())
                .take(QUOTED_CHARS_MAX)
                .collect();
            format!("{line} ({end})")
        }
        None => format!("{end}, and wrote nothing to its standard error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that keeps a zone in a file.
    const SCRIPT: &str = r#"
        zone=$1 what=$2 name=$3 text=$4
        touch "$zone"
        case $what in
            add) echo "$name $text" >> "$zone" ;;
            remove) grep -v -x "$name $text" "$zone" > "$zone.new"; mv "$zone.new" "$zone" ;;
        esac
    "#;

    fn record(text: &str) -> Record<'_> {
        let name = "_acme-challenge.example.com";
        Record {
            zone: None,
            name,
            text,
        }
    }

    fn shell(script: &str, arguments: &[&str]) -> Exec {
        let command = [&["sh", "-c", script, "sh"], arguments].concat();
        let command: Vec<_> = command.into_iter().map(Box::from).collect();
        Exec::new(&command).unwrap()
    }

    #[tokio::test]
    async fn it_adds_and_removes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zone");
        let exec = shell(SCRIPT, &[file.to_str().unwrap()]);
        let zone = || std::fs::read_to_string(&file).unwrap();
        exec.change(Change::Add, record("-first")).await.unwrap();
        exec.change(Change::Add, record("second")).await.unwrap();
        let both = "_acme-challenge.example.com -first\n_acme-challenge.example.com second\n";
        assert_eq!(zone(), both);
        exec.change(Change::Remove, record("-first")).await.unwrap();
        assert_eq!(zone(), "_acme-challenge.example.com second\n");
    }

    #[tokio::test]
    async fn its_own_words_are_the_reason() {
        let check = async |script: &str, expected: &str| {
            let failure = shell(script, &[]).change(Change::Add, record("text")).await;
            let expected = format!("`sh add _acme-challenge.example.com …` failed: {expected}");
            assert_eq!(failure.unwrap_err().sentence, expected);
        };
        check(
            "echo trying >&2; echo 'no such zone' >&2; echo >&2; exit 3",
            "no such zone (it ended with code 3)",
        )
        .await;
        check(
            "exit 1",
            "it ended with code 1, and wrote nothing to its standard error",
        )
        .await;
        check(
            "kill -9 $$",
            "signal 9 ended it, and wrote nothing to its standard error",
        )
        .await;
        let missing = Exec::new(&["/nowhere/at-all".into()]).unwrap();
        let failure = missing
            .change(Change::Remove, record("text"))
            .await
            .unwrap_err();
        assert_eq!(
            failure.sentence,
            "`/nowhere/at-all remove _acme-challenge.example.com …` failed: it could not be started: No such file or directory (os error 2)"
        );
    }
}
