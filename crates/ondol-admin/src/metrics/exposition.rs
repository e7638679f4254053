//! The text that is scraped: Prometheus' own format 0.0.4, or OpenMetrics 1.0. It knows how values are written, not
//! which there are.

use std::collections::HashSet;
use std::fmt;
use std::fmt::Write;

/// In which format values are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' own.
    Text,
    /// OpenMetrics.
    OpenMetrics,
}

/// What values of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, but for starts of the agent; `_total` is added to its name.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts below bounds.
    Histogram,
    /// Labels alone, with the value 1; `_info` is added to its name.
    Info,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(u64),
    Signed(i64),
    Real(f64),
}

/// A text that grows.
#[derive(Debug)]
pub(super) struct Exposition {
    text: String,
    format: Format,
    written: HashSet<String>,
}

/// Samples of one name. Nothing is written of a family without any.
#[derive(Debug)]
pub(super) struct Family<'a> {
    exposition: &'a mut Exposition,
    kind: Kind,
    name: &'a str,
    help: &'a str,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is written yet.
    Fresh,
    Begun,
    /// The name was used before: all samples of a name stand together, or the whole text is refused.
    Taken,
}

/// Units that a name may end with; OpenMetrics tells them by themselves.
const UNITS: [&str; 8] = [
    "seconds", "bytes", "ratio", "celsius", "joules", "watts", "volts", "percent",
];

impl Exposition {
    pub(super) fn new(format: Format, capacity: usize) -> Self {
        Self {
            text: String::with_capacity(capacity),
            format,
            written: HashSet::new(),
        }
    }

    /// A family of samples; the name is without the prefix, and without what its kind adds.
    pub(super) fn family<'a>(&'a mut self, kind: Kind, name: &'a str, help: &'a str) -> Family<'a> {
        let state = if self.written.contains(name) {
            State::Taken
        } else {
            State::Fresh
        };
        Family {
            exposition: self,
            kind,
            name,
            help,
            state,
        }
    }

    /// A family of one sample without labels.
    pub(super) fn single(&mut self, kind: Kind, name: &str, help: &str, value: impl Into<Number>) {
        self.family(kind, name, help).sample(&[], value);
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl Family<'_> {
    /// Adds a sample. No two of a family may have the same labels.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Into<Number>) {
        if !self.begin() {
            return;
        }
        let (name, suffix) = (self.name, self.kind.suffix());
        let text = &mut self.exposition.text;
        text.push_str("ondol_");
        text.push_str(name);
        text.push_str(suffix);
        if !labels.is_empty() {
            text.push('{');
            push_labels(text, labels);
            text.push('}');
        }
        text.push(' ');
        value.into().push(text);
        text.push('\n');
    }

    /// Adds what was counted below each bound (in microseconds, told in seconds), and what all took together.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        bounds_us: &[u64],
        counts: &[u64],
        sum_us: u64,
    ) {
        if !self.begin() {
            return;
        }
        let name = self.name;
        let format = self.exposition.format;
        let text = &mut self.exposition.text;
        let begin = text.len();
        text.push_str("ondol_");
        text.push_str(name);
        text.push_str("_bucket{");
        push_labels(text, labels);
        if !labels.is_empty() {
            text.push(',');
        }
        text.push_str("le=\"");
        let prefix = text.split_off(begin);
        let mut sum = 0;
        for (index, count) in counts.iter().enumerate() {
            sum += count;
            text.push_str(&prefix);
            match bounds_us.get(index) {
                Some(bound) => push_bound(text, *bound, format),
                None => text.push_str("+Inf"),
            }
            text.push_str("\"} ");
            Number::Whole(sum).push(text);
            text.push('\n');
        }
        for (suffix, value) in [
            ("sum", Number::Real(seconds(sum_us))),
            ("count", Number::Whole(sum)),
        ] {
            push(text, format_args!("ondol_{name}_{suffix}"));
            text.push('{');
            push_labels(text, labels);
            text.push_str("} ");
            value.push(text);
            text.push('\n');
        }
    }

    /// Writes what stands before the first sample; whether samples may follow.
    fn begin(&mut self) -> bool {
        match self.state {
            State::Begun => return true,
            State::Taken => return false,
            State::Fresh => self.state = State::Begun,
        }
        let Exposition {
            text,
            format,
            written,
        } = &mut *self.exposition;
        written.insert(self.name.to_owned());
        let (suffix, word) = match format {
            // There the suffix belongs to the sample, and not to the family.
            Format::OpenMetrics => ("", self.kind.word()),
            Format::Text => (self.kind.suffix(), self.kind.word_of_text()),
        };
        let name = self.name;
        push(text, format_args!("# HELP ondol_{name}{suffix} "));
        push_escaped(text, self.help, *format == Format::OpenMetrics);
        push(text, format_args!("\n# TYPE ondol_{name}{suffix} {word}\n"));
        let unit = UNITS.iter().find(|unit| {
            let rest = name.strip_suffix(*unit);
            rest.is_some_and(|rest| rest.ends_with('_'))
        });
        if let (Some(unit), Format::OpenMetrics) = (unit, format) {
            push(text, format_args!("# UNIT ondol_{name} {unit}\n"));
        }
        true
    }
}

impl Kind {
    fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Gauge | Self::Histogram => "",
            Self::Info => "_info",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    /// The older format has no word for information.
    fn word_of_text(self) -> &'static str {
        match self {
            Self::Info => "gauge",
            Self::Counter | Self::Gauge | Self::Histogram => self.word(),
        }
    }
}

impl Number {
    fn push(self, text: &mut String) {
        match self {
            Self::Whole(value) => push(text, format_args!("{value}")),
            Self::Signed(value) => push(text, format_args!("{value}")),
            Self::Real(value) if value.is_nan() => text.push_str("NaN"),
            Self::Real(f64::INFINITY) => text.push_str("+Inf"),
            Self::Real(f64::NEG_INFINITY) => text.push_str("-Inf"),
            Self::Real(value) => push(text, format_args!("{value}")),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

/// Writing to a text can't fail.
fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

fn push_labels(text: &mut String, labels: &[(&str, &str)]) {
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        push_escaped(text, value, true);
        text.push('"');
    }
}

/// Line ends and backslashes are escaped everywhere, quotes where the text stands between some.
fn push_escaped(text: &mut String, value: &str, has_quotes: bool) {
    if !value.contains(['\\', '\n', '"']) {
        return text.push_str(value);
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if has_quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

/// A bound in seconds; OpenMetrics wants to see that it is no whole number (`1.0`).
fn push_bound(text: &mut String, us: u64, format: Format) {
    let value = seconds(us);
    match format {
        Format::Text => push(text, format_args!("{value}")),
        Format::OpenMetrics => push(text, format_args!("{value:?}")),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sum of so many years that a microsecond is lost is none"
)]
fn seconds(us: u64) -> f64 {
    us as f64 / 1_000_000.0
}

#[cfg(test)]
mod tests;
