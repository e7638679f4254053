//! What every language must be able to say.

use super::Away;
use super::Telling;
use crate::plan::Language;
use crate::plan::Role;
use crate::watch::Subject;
use crate::watch::What;

/// A language. A clause begins in the way of the middle of a sentence, and has no full stop.
pub(super) trait Tongue {
    /// The name of a thing.
    fn thing(&self, telling: &Telling<'_>, subject: &Subject) -> String;
    /// What was found, as a clause.
    fn found(&self, telling: &Telling<'_>, subject: &Subject, what: &What) -> String;
    /// That it is well again, as a clause.
    fn well(&self, telling: &Telling<'_>, subject: &Subject, what: &What) -> String;
    /// What Ondol did, or does.
    fn deed(&self, subject: &Subject, what: &What) -> &'static str;
    /// What somebody who knows the box can do.
    fn advice(&self, subject: &Subject, what: &What) -> String;
    /// What somebody near the box can do, where the owner has not said it.
    fn instruction(&self, what: &What) -> &'static str;
    /// A length of time.
    fn span(&self, seconds: u64) -> String;

    /// A clause about a subject as a line of its own.
    fn line(&self, clause: &str, subject: &Subject, telling: &Telling<'_>) -> String;
    /// `lasts` is empty when it has just begun.
    fn since(&self, at: &str, lasts: &str) -> String;
    fn also(&self, names: &str, more: usize) -> String;
    fn to_do(&self, advice: &str) -> String;
    fn please(&self, instruction: &str) -> String;
    fn still(&self, clause: &str, lasts: &str) -> String;
    fn lasted(&self, range: &str, lasted: &str) -> String;
    fn it_was(&self, sentence: &str) -> String;
    fn nothing_to_do(&self) -> &'static str;

    /// One thing that somebody is told of too late.
    fn alone(&self, clause: &str, is_over: bool) -> String;
    fn summary_title(&self, count: usize, open: usize) -> String;
    fn nobody_could_be_told(&self, range: &str, lasted: &str) -> String;
    fn summary_lead(&self, count: usize, open: usize) -> String;
    fn open_since(&self, at: &str) -> String;
    fn more(&self, count: usize) -> String;
    fn digest_title(&self, count: usize) -> String;
    fn digest_lead(&self) -> &'static str;
    fn late(&self, by: &str) -> String;

    fn test_title(&self) -> &'static str;
    fn test_text(&self, box_name: &str) -> String;
    fn drill_title(&self) -> &'static str;
    fn drill_text(&self, box_name: &str, role: Role) -> String;

    fn back_title(&self, away: Away, lasted: &str, not_back: usize) -> String;
    fn was_away(&self, box_name: &str, away: Away, lasted: &str) -> String;
    fn undamaged(&self) -> &'static str;
    fn damaged(&self) -> &'static str;
    /// What to do about what is damaged.
    fn mend(&self) -> &'static str;
    fn all_back(&self) -> &'static str;
    /// What follows is not back.
    fn not_back(&self) -> &'static str;
    /// The same, for somebody who needs no names.
    fn not_all_back(&self) -> &'static str;
}

/// The language of somebody.
pub(super) fn of(language: Language) -> &'static dyn Tongue {
    match language {
        Language::English => &super::english::English,
        Language::Korean => &super::korean::Korean,
    }
}

/// Milliseconds in seconds, with a tenth where there is one.
pub(super) fn seconds_of(ms: u32) -> String {
    let tenths = ms / 100;
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        tenth => format!("{}.{tenth}", tenths / 10),
    }
}

/// The two largest units of a length of time of which there are any: days, hours, minutes, seconds.
pub(super) fn units(seconds: u64) -> [(u64, usize); 2] {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0..MINUTE => [(seconds, 3), (0, 3)],
        MINUTE..HOUR => [(seconds / MINUTE, 2), (0, 3)],
        HOUR..DAY => [(seconds / HOUR, 1), (seconds % HOUR / MINUTE, 2)],
        DAY.. => [(seconds / DAY, 0), (seconds % DAY / HOUR, 1)],
    }
}

/// A number with its thousands apart.
pub(in crate::watch) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many percent a part is; 0 only when it is none.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(100)
}
