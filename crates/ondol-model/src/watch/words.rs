//! What people are told, in their language: what happened, to what, since when, what Ondol did, what to do.
//!
//! A text is made once, when a message is queued, and never again.

use super::Finding;
use super::Severity;
use super::Subject;
use super::What;
use crate::plan::Language;
use crate::plan::Role;

mod english;
mod korean;
pub(super) mod tongue;

use tongue::Tongue;

/// Things that are named one by one in a message; of the others the number is told.
const LINES_MAX: usize = 20;
/// What is named as not well because of something else; of the others the number is told.
const ALSO_MAX: usize = 6;
/// How much of somebody's own words is told.
const DETAIL_CHARS_MAX: usize = 300;

/// Who is told, and by which box.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    /// The name of the box.
    pub box_name: &'a str,
    /// What the person reads.
    pub language: Language,
    /// What the person can do.
    pub role: Role,
    /// What somebody with [`Role::Hands`] is asked to do, in the owner's words.
    pub runbook: Option<&'a str>,
    /// A moment as the date and minute at the box.
    pub local: &'a dyn Fn(i64) -> String,
}

impl std::fmt::Debug for Telling<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telling")
            .field("box_name", &self.box_name)
            .field("language", &self.language)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// Some lines, without the title.
    pub text: String,
}

/// What is told of an incident.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// Its cause, as far as is known.
    pub subject: &'a Subject,
    /// What was found there.
    pub finding: &'a Finding,
    /// What is not well because of it.
    pub also: &'a [Subject],
    /// How much it matters.
    pub severity: Severity,
    /// Since when.
    pub began_at: i64,
    /// When this is told.
    pub now: i64,
    /// Until when; `None` while it lasts.
    pub ended_at: Option<i64>,
}

/// Something that went wrong and is told of later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What, as in the title of a message or a sentence.
    pub title: String,
    /// Since when.
    pub began_at: i64,
    /// Until when; `None` while it lasts.
    pub ended_at: Option<i64>,
}

/// Why the box was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// The machine lost its power, or crashed.
    PowerCut,
    /// The machine was shut down or restarted.
    Shutdown,
    /// The box had come to rest because its battery was nearly empty.
    Rest,
    /// Ondol alone ended, and had not been told to.
    Crash,
}

/// What was found, as one sentence without a full stop: on screens, in events, in answers to machines.
pub fn sentence(telling: &Telling<'_>, subject: &Subject, finding: &Finding) -> String {
    let found = clause(telling, subject, finding);
    let detail = one_line(&finding.detail);
    if detail.is_empty() || found == detail {
        found
    } else if found.contains(": ") || found.ends_with(')') {
        format!("{found} ({detail})")
    } else {
        format!("{found}: {detail}")
    }
}

/// Something is wrong.
pub fn problem(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    let found = clause(telling, story.subject, story.finding);
    Words {
        title: telling.titled(&found),
        text: trouble(telling, story),
    }
}

/// It is still wrong.
pub fn reminder(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    let tongue = telling.tongue();
    let found = clause(telling, story.subject, story.finding);
    let lasts = tongue.span(seconds_between(story.began_at, story.now));
    Words {
        title: telling.titled(&tongue.still(&found, &lasts)),
        text: trouble(telling, story),
    }
}

/// It is well again.
pub fn recovery(telling: &Telling<'_>, story: &Story<'_>) -> Words {
    let tongue = telling.tongue();
    let well = tongue.well(telling, story.subject, &story.finding.what);
    let ended_at = story.ended_at.unwrap_or(story.now);
    let lasted = tongue.span(seconds_between(story.began_at, ended_at));
    let range = range(telling, story.began_at, ended_at);
    let mut lines = vec![
        tongue.line(&well, story.subject, telling),
        tongue.lasted(&range, &lasted),
    ];
    match telling.role {
        Role::Operator => {
            let found = sentence(telling, story.subject, story.finding);
            lines.push(tongue.it_was(&found));
        }
        Role::Hands => lines.push(tongue.nothing_to_do().to_owned()),
    }
    Words {
        title: telling.titled(&well),
        text: lines.join("\n"),
    }
}

/// All that was wrong between two moments in which nobody could be told; `past` may be long.
pub fn summary(telling: &Telling<'_>, from: i64, to: i64, past: &[Past]) -> Words {
    let tongue = telling.tongue();
    let open = past.iter().filter(|it| it.ended_at.is_none()).count();
    let title = match past {
        [only] => tongue.alone(telling.bare(&only.title), only.ended_at.is_some()),
        _ => tongue.summary_title(past.len(), open),
    };
    let between = range(telling, from, to);
    let lasted = tongue.span(seconds_between(from, to));
    let mut lines = vec![
        tongue.nobody_could_be_told(&between, &lasted),
        tongue.summary_lead(past.len(), open),
    ];
    lines.extend(list(telling, past));
    Words {
        title: telling.titled(&title),
        text: lines.join("\n"),
    }
}

/// What was held back and could wait.
pub fn digest(telling: &Telling<'_>, past: &[Past]) -> Words {
    let tongue = telling.tongue();
    let mut lines = vec![tongue.digest_lead().to_owned()];
    lines.extend(list(telling, past));
    Words {
        title: telling.titled(&tongue.digest_title(past.len())),
        text: lines.join("\n"),
    }
}

/// The same words, told so many minutes after they were written.
pub fn late(telling: &Telling<'_>, words: Words, minutes: u64) -> Words {
    let tongue = telling.tongue();
    let by = tongue.span(minutes.saturating_mul(60));
    Words {
        title: words.title,
        text: format!("{}\n{}", words.text, tongue.late(&by)),
    }
}

/// Whether messages arrive.
pub fn test(telling: &Telling<'_>) -> Words {
    let tongue = telling.tongue();
    Words {
        title: telling.titled(tongue.test_title()),
        text: tongue.test_text(telling.box_name),
    }
}

/// Whether messages arrive, and somebody answers.
pub fn drill(telling: &Telling<'_>) -> Words {
    let tongue = telling.tongue();
    Words {
        title: telling.titled(tongue.drill_title()),
        text: tongue.drill_text(telling.box_name, telling.role),
    }
}

/// The box was away for so many seconds: what points to the cause, what was found broken, and what is not back, a
/// sentence each.
pub fn back(
    telling: &Telling<'_>,
    away: Away,
    seconds: u64,
    evidence: &[String],
    damage: &[String],
    not_back: &[String],
) -> Words {
    let tongue = telling.tongue();
    let lasted = tongue.span(seconds);
    let mut lines = vec![tongue.was_away(telling.box_name, away, &lasted)];
    match telling.role {
        Role::Operator => {
            lines.extend(bullets(telling, evidence));
            if damage.is_empty() && away == Away::PowerCut {
                lines.push(tongue.undamaged().to_owned());
            }
            if !damage.is_empty() {
                lines.push(tongue.damaged().to_owned());
                lines.extend(bullets(telling, damage));
                lines.push(tongue.mend().to_owned());
            }
            if !not_back.is_empty() {
                lines.push(tongue.not_back().to_owned());
                lines.extend(bullets(telling, not_back));
            }
        }
        Role::Hands if !not_back.is_empty() || !damage.is_empty() => {
            lines.push(tongue.not_all_back().to_owned());
        }
        Role::Hands => {}
    }
    if not_back.is_empty() {
        lines.push(tongue.all_back().to_owned());
    }
    Words {
        title: telling.titled(&tongue.back_title(away, &lasted, not_back.len())),
        text: lines.join("\n"),
    }
}

/// A length of time for people: `7 h 12 min`, `7시간 12분`.
pub fn span(language: Language, seconds: u64) -> String {
    tongue::of(language).span(seconds)
}

impl Telling<'_> {
    fn tongue(&self) -> &'static dyn Tongue {
        tongue::of(self.language)
    }

    /// A title says first which box speaks: people may have several.
    fn titled(&self, clause: &str) -> String {
        format!("{}: {clause}", self.box_name)
    }

    /// A title without the name of the box.
    fn bare<'t>(&self, title: &'t str) -> &'t str {
        let rest = title.strip_prefix(self.box_name);
        rest.and_then(|rest| rest.strip_prefix(": "))
            .unwrap_or(title)
    }
}

/// What was found, without anybody's own words.
fn clause(telling: &Telling<'_>, subject: &Subject, finding: &Finding) -> String {
    let said = one_line(&finding.detail);
    let is_told = finding.what == What::Remembered && telling.role == Role::Operator;
    if is_told && !said.is_empty() {
        return said; // A whole sentence, as it was told before.
    }
    telling.tongue().found(telling, subject, &finding.what)
}

/// What happened, since when, what Ondol did and what to do; for hands only the instruction.
fn trouble(telling: &Telling<'_>, story: &Story<'_>) -> String {
    let tongue = telling.tongue();
    let what = &story.finding.what;
    let since = (telling.local)(story.began_at);
    let lasts = match seconds_between(story.began_at, story.now) {
        0..60 => String::new(),
        seconds => tongue.span(seconds),
    };
    if telling.role == Role::Hands {
        let found = tongue.found(telling, story.subject, what);
        let instruction = match telling.runbook {
            Some(runbook) => runbook.trim(),
            None => tongue.instruction(what),
        };
        return [
            tongue.line(&found, story.subject, telling),
            tongue.since(&since, &lasts),
            tongue.please(instruction),
        ]
        .join("\n");
    }
    let found = sentence(telling, story.subject, story.finding);
    let mut lines = vec![
        tongue.line(&found, story.subject, telling),
        tongue.since(&since, &lasts),
    ];
    if !story.also.is_empty() {
        let named = story.also.iter().take(ALSO_MAX);
        let named: Vec<_> = named.map(|it| tongue.thing(telling, it)).collect();
        let more = story.also.len() - named.len();
        lines.push(tongue.also(&named.join(", "), more));
    }
    lines.push(tongue.deed(story.subject, what).to_owned());
    lines.push(tongue.to_do(&tongue.advice(story.subject, what)));
    lines.join("\n")
}

/// A line for each, up to a limit.
fn list<'a>(telling: &'a Telling<'_>, past: &'a [Past]) -> impl Iterator<Item = String> + 'a {
    let tongue = telling.tongue();
    let shown = past.iter().take(LINES_MAX).map(move |it| {
        let title = telling.bare(&it.title);
        let time = match it.ended_at {
            Some(ended_at) => {
                let lasted = tongue.span(seconds_between(it.began_at, ended_at));
                format!("{} ({lasted})", range(telling, it.began_at, ended_at))
            }
            None => tongue.open_since(&(telling.local)(it.began_at)),
        };
        format!("- {title}: {time}")
    });
    let more = past.len().saturating_sub(LINES_MAX);
    shown.chain((more > 0).then(|| format!("- {}", tongue.more(more))))
}

fn bullets<'a>(telling: &'a Telling<'_>, said: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let shown = said.iter().take(LINES_MAX);
    let shown = shown.map(|sentence| format!("- {}", one_line(sentence)));
    let more = said.len().saturating_sub(LINES_MAX);
    shown.chain((more > 0).then(move || format!("- {}", telling.tongue().more(more))))
}

/// From one moment to another; the day once when it is the same.
fn range(telling: &Telling<'_>, from: i64, to: i64) -> String {
    let (from, to) = ((telling.local)(from), (telling.local)(to));
    let day = from.rsplit_once(' ').map(|(day, _)| day);
    let is_same = day.is_some_and(|day| to.rsplit_once(' ').is_some_and(|it| it.0 == day));
    match to.rsplit_once(' ') {
        Some((_, minute)) if is_same => format!("{from}–{minute}"),
        _ => format!("{from} – {to}"),
    }
}

/// Somebody's own words, in one line that can't be mistaken for Ondol's.
fn one_line(text: &str) -> String {
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::new();
    let mut chars = 0;
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if chars > 0 {
            line.push(' ');
            chars += 1;
        }
        for c in word.chars() {
            if chars >= DETAIL_CHARS_MAX {
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

fn seconds_between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0) // A clock that was set back is no negative time.
}

#[cfg(test)]
mod tests;
