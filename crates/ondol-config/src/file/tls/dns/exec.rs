//! A program of the owner's that writes the records.

use std::path::Path;

use ondol_model::plan::DnsProvider;

use crate::file;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;

pub(super) fn exec(table: Section<'_>, folder: &Path, report: &mut Report) -> Option<DnsProvider> {
    if table.is_empty_list("command") {
        let at = table.key_at("command");
        report
            .add(at, "`command` needs at least the program")
            .help("accepted: a path, or a list of a path and arguments: [\"/etc/ondol/dns-hook\", \"--zone\"]");
    }
    let words = table.texts("command")?;
    let (program, arguments) = words.split_first()?;
    if arguments.is_empty() && program.text.contains(char::is_whitespace) {
        let words: Vec<_> = program.text.split_whitespace().collect();
        let problem = format!("\"{}\" is not a program", repeated(program.text));
        report.add(program.at, problem).help(format!(
            "no shell reads it: write each argument by itself, command = [\"{}\"]",
            repeated(&words.join("\", \""))
        ));
        return None;
    }
    let path = file::path(*program, folder, report)?;
    let Some(path) = path.to_str() else {
        report.add(program.at, "the path of the program is not text (UTF-8)");
        return None;
    };
    let arguments = arguments.iter().map(|word| word.text);
    let command = std::iter::once(path).chain(arguments);
    Some(DnsProvider::Exec {
        command: command.map(Box::from).collect(),
    })
}
