//! The calendar: days since 1970 and their dates, as everybody counts them since 1582.

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
    /// 0 for Sunday to 6 for Saturday.
    pub(super) weekday: i64,
}

/// Days of 400 years, after which all repeats.
const ERA: i64 = 146_097;
/// From March 1 of the year 0, where years that begin in March have their leap day last, to 1970.
const TO_1970: i64 = 719_468;

impl Date {
    /// The date so many days after January 1 of 1970 (Howard Hinnant, `civil_from_days`).
    pub(super) fn of_day(number: i64) -> Self {
        let since = number + TO_1970;
        let day_of_era = since.rem_euclid(ERA);
        let year =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        Self {
            month: if from_march < 10 {
                from_march + 3
            } else {
                from_march - 9
            },
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            // January 1 of 1970 was a Thursday.
            weekday: (number + 4).rem_euclid(7),
        }
    }

    /// How many days after January 1 of 1970 a date is (`days_from_civil`).
    pub(super) fn number(year: i64, month: i64, day: i64) -> i64 {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let from_march = (month + 9) % 12;
        let day_of_year = (153 * from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * ERA + day_of_era - TO_1970
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates_and_dates_their_days() {
        for (year, month, day, number, weekday) in [
            (1970, 1, 1, 0, 4),
            (1969, 12, 31, -1, 3),
            (2000, 2, 29, 11_016, 2),
            (2026, 11, 21, 20_778, 6),
            (2100, 3, 1, 47_541, 1),
        ] {
            assert_eq!(Date::number(year, month, day), number);
            let expected = Date {
                month,
                day,
                weekday,
            };
            assert_eq!(Date::of_day(number), expected, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = Date::of_day(-1_000);
        for number in -999..80_000 {
            let date = Date::of_day(number);
            assert_eq!(date.weekday, (before.weekday + 1) % 7);
            let is_next = date.month == before.month && date.day == before.day + 1;
            let is_first = date.month == before.month % 12 + 1 && date.day == 1;
            assert!(is_next || is_first && before.day >= 28, "{number}");
            before = date;
        }
    }
}
