//! The values of `files` that are lists and texts.

use ondol_model::plan::Candidate;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;

/// Names of an index, and candidates of a path: each may cost a look at the disk.
const LOOKS_MAX: usize = 16;

/// `index`; `None` without it.
pub(super) fn index(table: Section<'_>, report: &mut Report) -> Option<Vec<String>> {
    let words = bounded(table, "index", report)?;
    let mut names = Vec::with_capacity(words.len());
    for word in words {
        let is_name = !word.text.is_empty()
            && !word.text.contains('/')
            && !matches!(word.text, "." | "..")
            && !word.text.contains(char::is_control);
        if is_name {
            names.push(word.text.to_owned());
            continue;
        }
        let problem = format!("\"{}\" is not the name of a file", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: names without a folder, such as \"index.html\"");
    }
    Some(names)
}

/// `try`; `None` without it. The path alone is what every folder does anyway.
pub(super) fn candidates(table: Section<'_>, report: &mut Report) -> Option<Vec<Candidate>> {
    let words = bounded(table, "try", report)?;
    if words.is_empty() && table.is_empty_list("try") {
        report
            .add(table.key_at("try"), "`try` needs something to try")
            .help("accepted: [\"$path\", \"$path.html\", \"/index.html\"] and the like");
    }
    let mut candidates: Vec<Candidate> = Vec::with_capacity(words.len());
    let mut end: Option<Word<'_>> = None;
    for word in words {
        if let Some(end) = end {
            let problem = format!("nothing is tried after \"{}\"", end.text);
            report
                .add(word.at, problem)
                .help("put it last, or remove it");
            break;
        }
        let Some(candidate) = Candidate::parse(word.text) else {
            not_a_candidate(word, report);
            continue;
        };
        end = (candidate == Candidate::NotFound).then_some(word);
        candidates.push(candidate);
    }
    let path = Candidate::parse("$path");
    if candidates.iter().eq(&path) {
        candidates.clear();
    }
    Some(candidates)
}

fn not_a_candidate(word: Word<'_>, report: &mut Report) {
    let text = repeated(word.text);
    let help = if word.text.contains("$uri") || word.text.contains("{path}") {
        "the path of a request is written $path here"
    } else if Candidate::parse(&format!("/{}", word.text)).is_some() {
        "a file is written with a slash before it, as a path in the folder: \"/index.html\""
    } else {
        "accepted: \"$path\", \"$path.html\", \"/index.html\", \"=404\""
    };
    report
        .add(word.at, format!("\"{text}\" cannot be tried"))
        .help(help);
}

/// `charset`; `None` without it.
#[expect(
    clippy::option_option,
    reason = "the key may be absent, and its value may say none"
)]
pub(super) fn charset(table: Section<'_>, report: &mut Report) -> Option<Option<String>> {
    let word = table.text("charset")?;
    if word.text.is_empty() {
        return Some(None);
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    if !word.text.chars().all(is_token) {
        let problem = format!("\"{}\" is not a character set", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: \"utf-8\", \"euc-kr\" and the like, or \"\" for none");
        return None;
    }
    Some(Some(word.text.to_owned()))
}

fn bounded<'d>(table: Section<'d>, key: &str, report: &mut Report) -> Option<Vec<Word<'d>>> {
    let mut words = table.texts(key)?;
    if let Some(word) = words.get(LOOKS_MAX) {
        let problem = format!("this is one more than the {LOOKS_MAX} that `{key}` can have");
        report.add(word.at, problem);
        words.truncate(LOOKS_MAX);
    }
    Some(words)
}
