//! What people read, in both languages.

use super::*;

mod messages;
mod sentences;

/// 2026-11-21 00:00 in the tests' time zone; all times are counted from it.
const DAY: i64 = 1_795_219_200;

/// The date and minute, of a few days.
fn local(at: i64) -> String {
    let since = at - DAY;
    let (day, second) = (since.div_euclid(86_400), since.rem_euclid(86_400));
    let (hour, minute) = (second / 3_600, second % 3_600 / 60);
    format!("2026-11-{:02} {hour:02}:{minute:02}", 21 + day)
}

fn at(hour: i64, minute: i64) -> i64 {
    DAY + hour * 3_600 + minute * 60
}

fn telling(language: Language, role: Role) -> Telling<'static> {
    Telling {
        box_name: "home",
        language,
        role,
        runbook: None,
        local: &local,
    }
}

const LANGUAGES: [Language; 2] = [Language::English, Language::Korean];

fn story<'a>(subject: &'a Subject, finding: &'a Finding) -> Story<'a> {
    Story {
        subject,
        finding,
        also: &[],
        severity: Severity::Critical,
        began_at: at(21, 58),
        now: at(22, 1),
        ended_at: None,
    }
}
