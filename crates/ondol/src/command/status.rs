//! `ondol status`: on one screen whether all is well, and if not what is and since when; then the parts of the box.

use ondol_admin::api::Status;
use ondol_admin::api::Watch;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::cli::StatusFlags;
use crate::command::certs::problems;
use crate::command::certs::problems::Tries;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table;

mod lines;
pub(crate) mod troubles;
mod verbose;

use troubles::Trouble;
use troubles::Weight;

/// The words in front of the lines of the first paragraph are padded to this.
const LABEL_WIDTH: usize = 15;
/// So many sentences about certificates are shown.
const PROBLEMS_MAX: usize = 10;
/// So many things that are not well fit on a screen.
const TROUBLES_MAX: usize = 6;
/// So many remarks do besides.
const REMARKS_MAX: usize = 3;

/// Asks and prints.
pub(crate) async fn run(client: &Client, flags: &StatusFlags) -> anyhow::Result<()> {
    let StatusFlags { verbose, show } = flags;
    let status = client.status().await?;
    match show.format() {
        Format::Json => output::print_json(&status),
        Format::Human => {
            let screen = Screen::of_standard_output();
            let now = clock::unix_seconds();
            let text = if *verbose {
                verbose::render(&status, now, screen)
            } else {
                render(&status, now, screen)
            };
            Ok(output::print(&text)?)
        }
    }
}

fn render(status: &Status, now: i64, screen: Screen) -> String {
    let troubles = troubles::of(status, now);
    let mut text = headline(status, &troubles, now, screen);
    for trouble in troubles.iter().take(TROUBLES_MAX) {
        let (mark, tint) = match trouble.weight {
            Weight::Bad => ("✗ ", Tint::Bad),
            Weight::Attention => ("! ", Tint::Attention),
        };
        text.push_str(&hanging(mark, tint, &trouble.sentence, screen));
    }
    if let Some(more @ 1..) = troubles.len().checked_sub(TROUBLES_MAX) {
        let sentence = format!("and {more} more: `ondol status --verbose` shows all");
        text.extend(["  ", &screen.tinted(&sentence, Tint::Faint), "\n"]);
    }
    text.push('\n');
    for (label, value) in lines::of(status, now) {
        text.push_str(&labeled(label, &value, screen));
    }
    text.push_str(&remarks(status, now, screen));
    text
}

/// Whether all is well, in a sentence.
fn headline(status: &Status, troubles: &[Trouble], now: i64, screen: Screen) -> String {
    let (verdict, tint) = match troubles {
        [] if status.watch.subjects.is_empty() => {
            ("nothing is known to be wrong".to_owned(), Tint::Good)
        }
        [] => ("all is well".to_owned(), Tint::Good),
        [first, ..] => {
            let things = match troubles.len() {
                1 => "one thing is not well".to_owned(),
                count => format!("{count} things are not well"),
            };
            let tint = match first.weight {
                Weight::Bad => Tint::Bad,
                Weight::Attention => Tint::Attention,
            };
            (things, tint)
        }
    };
    let name = screen.tinted(&status.box_name, Tint::Strong);
    let verdict = screen.tinted(&verdict, tint);
    let up = span::span(now.abs_diff(status.started_at.unix_seconds()));
    let running = format!("(Ondol {}, up for {up})", status.version);
    format!(
        "{name}: {verdict} {}\n",
        screen.tinted(&running, Tint::Faint)
    )
}

/// What the owner should know besides, as much of it as fits.
fn remarks(status: &Status, now: i64, screen: Screen) -> String {
    let mut remarks = Vec::new();
    remarks.extend(silences(&status.watch, status.timezone.as_deref(), now));
    remarks.extend(status.watch.warnings.iter().cloned());
    remarks.extend(lost_lines(status));
    remarks.extend(status.backups.warnings.iter().cloned());
    remarks.extend(status.warnings.iter().cloned());
    let mut text = String::new();
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks.iter().take(REMARKS_MAX) {
        text.push_str(&hanging("· ", Tint::Faint, remark, screen));
    }
    if let Some(more @ 1..) = remarks.len().checked_sub(REMARKS_MAX) {
        let remarks = output::counted(more as u64, "more remark");
        let sentence = format!("{remarks}: `ondol status --verbose`");
        text.extend(["  ", &screen.tinted(&sentence, Tint::Faint), "\n"]);
    }
    text
}

/// Of what nobody is told, until when, and what ends that.
pub(crate) fn silences(watch: &Watch, zone: Option<&str>, now: i64) -> Vec<String> {
    let all = watch
        .silenced_until
        .map(|until| ("anything", String::new(), until));
    let each = watch.subjects.iter().filter_map(|subject| {
        let until = subject.silenced_until?;
        let what = subject.subject.as_str();
        Some((what, format!(" {what}"), until))
    });
    all.into_iter()
        .chain(each)
        .filter(|(_, _, until)| until.unix_seconds() > now)
        .map(|(what, argument, until)| {
            let until = clock::minute_in(zone, until.unix_seconds());
            format!("Nobody is told of {what} until {until}: `ondol alarm silence{argument} --off` ends that.")
        })
        .collect()
}

/// A line of a first paragraph.
pub(crate) fn labeled(label: &str, value: &str, screen: Screen) -> String {
    let label = format!("{label:LABEL_WIDTH$}");
    hanging(&label, Tint::Faint, value, screen)
}

/// What is wrong with certificates; of very many, only some.
fn certificate_problems(status: &Status, now: i64) -> Vec<String> {
    let mut sentences = problems::sentences(&status.certificate_problems, Tries::Told, now);
    if let Some(more @ 1..) = sentences.len().checked_sub(PROBLEMS_MAX) {
        sentences.truncate(PROBLEMS_MAX);
        sentences.push(format!(
            "{more} more like these about certificates: `ondol certs` shows all."
        ));
    }
    sentences
}

fn other_warnings(status: &Status) -> Vec<String> {
    let mut warnings = status.warnings.clone();
    warnings.extend(last_good(status));
    warnings.extend(lost_lines(status));
    warnings
}

fn last_good(status: &Status) -> Option<String> {
    status.on_last_good.then(|| {
        let reason = status
            .on_last_good_reason
            .as_deref()
            .unwrap_or("it is broken");
        format!(
            "The last good configuration is served instead of {}: {reason}",
            status.configuration
        )
    })
}

fn lost_lines(status: &Status) -> Option<String> {
    (status.log_lines_dropped > 0).then(|| {
        let lines = output::counted(status.log_lines_dropped, "line");
        format!(
            "The access log lacks {lines} since the start: the disk was full or too slow (`ondol events` says more)."
        )
    })
}

/// A sentence that the owner should not miss.
pub(crate) fn marked(sentence: &str, screen: Screen) -> String {
    hanging("! ", Tint::Attention, sentence, screen)
}

/// A label and a text whose further lines begin under its first.
fn hanging(label: &str, tint: Tint, text: &str, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let indent = label.chars().count();
    let mut shown = screen.tinted(label, tint);
    let lines = text
        .lines()
        .flat_map(|line| table::wrap(line, width.saturating_sub(indent).max(indent)));
    for (index, line) in lines.enumerate() {
        if index > 0 {
            shown.push('\n');
            shown.extend(std::iter::repeat_n(' ', indent));
        }
        shown.push_str(&line);
    }
    shown.push('\n');
    shown
}

#[cfg(test)]
pub(crate) mod tests;
