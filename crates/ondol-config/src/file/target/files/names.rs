//! The values of `files` that are given by the names of files.

use ondol_model::plan::CacheRule;
use ondol_model::plan::NamePattern;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;

/// Patterns of one folder: each file is compared with all of them once.
const PATTERNS_MAX: usize = 256;

/// `cache_control`.
pub(super) fn cache_control(table: Section<'_>, report: &mut Report) -> Vec<CacheRule> {
    let everything = NamePattern::parse("*").zip(table.text("cache_control"));
    if let Some((pattern, value)) = everything {
        let value = cache_value(value, report);
        return Vec::from_iter(value.map(|value| CacheRule { pattern, value }));
    }
    let mut rules = Vec::new();
    for (name, value) in bounded(table, "cache_control", report) {
        let pattern = NamePattern::parse(name.text);
        if pattern.is_none() {
            let text = repeated(name.text);
            let help = if name.text.contains('/') {
                format!("a path in the folder begins with a slash: \"/{text}\"")
            } else {
                "accepted: an ending (\"html\"), a file name (\"*.js\"), a path (\"/assets/*\")"
                    .to_owned()
            };
            report
                .add(name.at, format!("\"{text}\" names no files"))
                .help(help);
        }
        let value = cache_value(value, report);
        if let (Some(pattern), Some(value)) = (pattern, value) {
            rules.push(CacheRule { pattern, value });
        }
    }
    rules
}

fn cache_value(word: Word<'_>, report: &mut Report) -> Option<String> {
    header_value(word, "Cache-Control", "no-cache", report)
}

/// `types`.
pub(super) fn types(table: Section<'_>, report: &mut Report) -> Vec<(String, String)> {
    let mut types = Vec::new();
    for (name, value) in bounded(table, "types", report) {
        let ending = name.text.strip_prefix('.').unwrap_or(name.text);
        let ending = ending.strip_prefix("*.").unwrap_or(ending);
        let is_ending = !ending.is_empty() && !ending.contains(['/', '*', '.']);
        if !is_ending {
            let problem = format!("\"{}\" is not the end of a name", repeated(name.text));
            report
                .add(name.at, problem)
                .help("accepted: what follows the last dot, such as \".gpx\"");
            continue;
        }
        let is_type = |text: &str| {
            let (kind, subtype) = text.split_once('/').unwrap_or_default();
            !kind.is_empty() && !subtype.trim().is_empty()
        };
        if !is_type(value.text) {
            let problem = format!("\"{}\" is not a media type", repeated(value.text));
            report
                .add(value.at, problem)
                .help("accepted: \"application/wasm\", \"text/plain\" and the like");
            continue;
        }
        let value = header_value(value, "Content-Type", "text/plain", report);
        types.extend(value.map(|value| (ending.to_lowercase(), value)));
    }
    types
}

fn header_value(
    word: Word<'_>,
    header: &str,
    example: &str,
    report: &mut Report,
) -> Option<String> {
    let is_visible = |c: char| c.is_ascii_graphic() || c == ' ';
    let is_fine = !word.text.trim().is_empty() && word.text.chars().all(is_visible);
    if !is_fine {
        let problem = format!("\"{}\" cannot be a {header}", repeated(word.text));
        let help = format!("accepted: \"{example}\" and the like, in plain ASCII");
        report.add(word.at, problem).help(help);
    }
    is_fine.then(|| word.text.trim().to_owned())
}

fn bounded<'d>(table: Section<'d>, key: &str, report: &mut Report) -> Vec<(Word<'d>, Word<'d>)> {
    let mut pairs = table.pairs(key);
    if let Some((name, _)) = pairs.get(PATTERNS_MAX) {
        let problem = format!("this is one more than the {PATTERNS_MAX} that `{key}` can have");
        report.add(name.at, problem);
        pairs.truncate(PATTERNS_MAX);
    }
    pairs
}
