//! The report as a person reads it. Pure.

use super::Report;
use super::Weight;
use crate::output;
use crate::output::Screen;
use crate::output::Tint;
use crate::table;

pub(super) fn render(report: &Report, screen: Screen) -> String {
    let count = |weight| {
        let findings = report.findings.iter();
        findings.filter(|finding| finding.weight == weight).count()
    };
    let (bad, warnings) = (count(Weight::Bad), count(Weight::Warning));
    let (headline, tint) = match bad + warnings {
        0 => ("Nothing is wrong.".to_owned(), Tint::Good),
        1 => ("One thing is wrong.".to_owned(), worst(bad)),
        count => (format!("{count} things are wrong."), worst(bad)),
    };
    let mut text = format!("{}\n", screen.tinted(&headline, tint));
    for finding in &report.findings {
        let (mark, tint) = match finding.weight {
            Weight::Bad => ("✗", Tint::Bad),
            Weight::Warning => ("!", Tint::Attention),
            Weight::Advice => ("·", Tint::Faint),
        };
        let area = screen.tinted(&format!("{mark} {}", finding.area), tint);
        text.extend(["\n", &area, "\n"]);
        text.push_str(&indented(&finding.problem, Tint::Plain, screen));
        text.push_str(&indented(&finding.advice, Tint::Strong, screen));
    }
    if !report.well.is_empty() {
        let well = format!("well: {}", report.well.join(", "));
        text.push('\n');
        text.push_str(&wrapped(&well, Tint::Good, 0, screen));
    }
    if !report.skipped.is_empty() {
        let skipped = format!("not looked at: {}", report.skipped.join("; "));
        text.push('\n');
        text.push_str(&wrapped(&skipped, Tint::Faint, 0, screen));
    }
    let advice = count(Weight::Advice);
    if bad + warnings == 0 && advice > 0 {
        let pieces = output::counted(advice as u64, "piece");
        let sentence = format!("{pieces} of advice above would make the box safer.");
        text.extend(["\n", &screen.tinted(&sentence, Tint::Faint), "\n"]);
    }
    text
}

fn worst(bad: usize) -> Tint {
    if bad > 0 { Tint::Bad } else { Tint::Attention }
}

fn indented(text: &str, tint: Tint, screen: Screen) -> String {
    if text.is_empty() {
        return String::new();
    }
    wrapped(text, tint, 2, screen)
}

fn wrapped(text: &str, tint: Tint, indent: usize, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX).saturating_sub(indent);
    let lines = text
        .lines()
        .flat_map(|line| table::wrap(line, width.max(20)));
    let mut shown = String::new();
    for line in lines {
        shown.extend(std::iter::repeat_n(' ', indent));
        shown.push_str(&screen.tinted(&line, tint));
        shown.push('\n');
    }
    shown
}
