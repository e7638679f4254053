//! When a line of cron is due: five fields as Debian's cron reads them, or a time of day, in any time zone.
//!
//! What the zone does with its clocks is told by the caller. A line that names its minutes and hours runs once on
//! each day that it is for: one that falls into the hour that spring skips runs when that hour is over, and one in the
//! hour that autumn repeats runs the first time. A line with `*` in one of both (`*/10 * * * *`) runs by the clock on
//! the wall as it is, neither making up nor leaving out.

use std::fmt;

mod calendar;
mod due;
mod field;

pub use due::Due;
pub use due::PUNCTUAL_SECONDS;
pub use due::due;

use calendar::Date;
use field::Field;

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
/// February 29 on a given day of the week comes at the latest after 40 years, where a century has no leap year.
const YEARS_MAX: i64 = 41;
/// Zones change their clocks a few times a year at most.
const CHANGES_MAX: i64 = 8 * YEARS_MAX;

/// When a line is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// What a time zone does from some moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How many seconds its clocks are ahead of UTC.
    pub offset: i64,
    /// When that changes, in seconds since the Unix epoch; `None` for never.
    pub until: Option<i64>,
}

/// Why a text says no times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CronError {
    /// It has another number of fields than five.
    Fields(usize),
    /// It is no time of day, though it has a colon.
    Time,
    /// A name with `@` that is none.
    Name(String),
    /// `@reboot`, which says nothing of time.
    Reboot,
    /// A field can't be read.
    Field {
        /// Which.
        field: &'static str,
        /// The part of it.
        part: String,
        /// What it can be.
        accepted: &'static str,
    },
    /// The day is in none of its months.
    Never,
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields(count) => write!(
                f,
                "{count} fields; five are wanted (minute, hour, day, month, day of the week: `10 4 * * *`), or a time of day (`04:10`)"
            ),
            Self::Time => f.write_str("a time of day is `00:00` to `23:59`"),
            Self::Name(name) => write!(
                f,
                "`{name}` is no time; these are: @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"
            ),
            Self::Reboot => f.write_str(
                "`@reboot` is no time; what runs as long as the app does is one of its `processes`",
            ),
            Self::Field {
                field,
                part,
                accepted,
            } => write!(f, "`{part}` is no {field}: {accepted}"),
            Self::Never => f.write_str("no month that it names has such a day, so it is never due"),
        }
    }
}

impl Schedule {
    /// Reads five fields, a time of day, or a name such as `@daily`.
    ///
    /// # Errors
    ///
    /// Why it says no times.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let text = text.trim();
        if text.starts_with('@') {
            return Self::parse(named(text)?);
        }
        let fields: Vec<_> = text.split_ascii_whitespace().collect();
        if let [time] = *fields
            && time.contains(':')
        {
            return Self::of_day(time).ok_or(CronError::Time);
        }
        let [minute, hour, day, month, weekday] = *fields else {
            return Err(CronError::Fields(fields.len()));
        };
        let schedule = Self {
            minutes: Field::parse(minute, &field::MINUTE)?,
            hours: Field::parse(hour, &field::HOUR)?,
            days: Field::parse(day, &field::DAY)?,
            months: Field::parse(month, &field::MONTH)?,
            weekdays: Field::parse(weekday, &field::WEEKDAY)?.with_sunday(),
        };
        if !schedule.has_days() {
            return Err(CronError::Never);
        }
        Ok(schedule)
    }

    /// The first time that it is due after a moment, in seconds since the Unix epoch. `span` says what the zone does
    /// from a moment on. `None` when the calendar ends before.
    pub fn next(&self, after: i64, span: impl Fn(i64) -> Span) -> Option<i64> {
        let mut here = span(after);
        // What the clocks show, up to which nothing is to be found any more.
        let mut shown = after.saturating_add(here.offset);
        for _ in 0..CHANGES_MAX {
            let end = here.until.map(|until| until.saturating_add(here.offset));
            let due = self.next_shown(shown);
            if let Some(due) = due
                && end.is_none_or(|end| due < end)
            {
                return Some(due - here.offset);
            }
            let (until, end) = (here.until?, end?);
            let then = span(until);
            let begin = until.saturating_add(then.offset);
            // The clocks go forward over it: it is made up for when they have.
            let is_skipped = due.is_some_and(|due| due < begin);
            if is_skipped && !self.is_steady() {
                return Some(until);
            }
            here = then;
            // The clocks go back: what they showed before was the first time.
            let first = if self.is_steady() {
                begin
            } else {
                begin.max(end)
            };
            shown = first - 1;
        }
        None
    }

    /// Whether it runs by the clock as it is, so that no single run counts.
    fn is_steady(&self) -> bool {
        self.minutes.is_any() || self.hours.is_any()
    }

    /// The first minute after this one that it is for, both as the clocks show them: seconds since 1970 there.
    fn next_shown(&self, after: i64) -> Option<i64> {
        let mut day = after.div_euclid(DAY);
        let passed = after.rem_euclid(DAY) / MINUTE;
        if self.is_for(Date::of_day(day))
            && let Some(minute) = self.minute_after(Some(passed))
        {
            return Some(day * DAY + minute * MINUTE);
        }
        let last = day + YEARS_MAX * 366;
        while day < last {
            day += 1;
            if self.is_for(Date::of_day(day)) {
                return Some(day * DAY + self.minute_after(None)? * MINUTE);
            }
        }
        None
    }

    /// The first minute of a day that it is for; after this one, where one is given.
    fn minute_after(&self, passed: Option<i64>) -> Option<i64> {
        let first = passed.map_or(0, |passed| passed + 1);
        (first..24 * 60).find(|minute| self.hours.has(minute / 60) && self.minutes.has(minute % 60))
    }

    fn is_for(&self, date: Date) -> bool {
        let day = self.days.has(date.day);
        let weekday = self.weekdays.has(date.weekday);
        // Where both are named, either will do; that is how cron has always been.
        let is_day = if self.days.is_any() || self.weekdays.is_any() {
            day && weekday
        } else {
            day || weekday
        };
        self.months.has(date.month) && is_day
    }

    /// Whether there is a day that it is for. Days repeat after 28 years, but for centuries.
    fn has_days(&self) -> bool {
        let (first, last) = (Date::number(2000, 1, 1), Date::number(2028, 1, 1));
        (first..last).any(|day| self.is_for(Date::of_day(day)))
    }

    fn of_day(time: &str) -> Option<Self> {
        let (hour, minute) = time.split_once(':')?;
        let is_short = |text: &str| matches!(text.len(), 1 | 2);
        if !is_short(hour) || minute.len() != 2 {
            return None;
        }
        Some(Self {
            minutes: Field::parse_one(minute, &field::MINUTE)?,
            hours: Field::parse_one(hour, &field::HOUR)?,
            days: Field::any(&field::DAY),
            months: Field::any(&field::MONTH),
            weekdays: Field::any(&field::WEEKDAY),
        })
    }
}

fn named(text: &str) -> Result<&'static str, CronError> {
    match text.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        "@reboot" => Err(CronError::Reboot),
        _ => Err(CronError::Name(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
