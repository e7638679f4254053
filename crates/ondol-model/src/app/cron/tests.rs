//! Lines and when they are due: tables of zones that change their clocks, and what holds for any line.

use proptest::prelude::*;

use super::*;

/// Seconds since the Unix epoch of a date and time in UTC.
fn at(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
    Date::number(year, month, day) * DAY + (hour * 60 + minute) * MINUTE
}

fn utc(_from: i64) -> Span {
    Span {
        offset: 0,
        until: None,
    }
}

/// Berlin in 2026: one hour ahead, two from March 29, 01:00 UTC to October 25, 01:00 UTC.
fn berlin(from: i64) -> Span {
    let (spring, autumn) = (at(2026, 3, 29, 1, 0), at(2026, 10, 25, 1, 0));
    let (offset, until) = match from {
        _ if from < spring => (1, Some(spring)),
        _ if from < autumn => (2, Some(autumn)),
        _ => (1, None),
    };
    Span {
        offset: offset * 3_600,
        until,
    }
}

/// The next times, as the days, hours and minutes of UTC.
fn times(line: &str, after: i64, zone: fn(i64) -> Span, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(line).unwrap();
    let next = std::iter::successors(Some(after), |after| schedule.next(*after, zone));
    let times = next.skip(1).take(count).map(|time| {
        let Date { month, day, .. } = Date::of_day(time.div_euclid(DAY));
        let minute = time.rem_euclid(DAY) / MINUTE;
        assert_eq!(time % MINUTE, 0, "{line}");
        format!("{month}-{day} {:02}:{:02}", minute / 60, minute % 60)
    });
    times.collect()
}

#[test]
fn lines_are_due_when_they_say() {
    // A Saturday.
    let after = at(2026, 11, 21, 14, 0);
    for (line, expected) in [
        ("04:10", ["11-22 04:10", "11-23 04:10"]),
        ("4:10", ["11-22 04:10", "11-23 04:10"]),
        ("14:00", ["11-22 14:00", "11-23 14:00"]),
        ("* * * * *", ["11-21 14:01", "11-21 14:02"]),
        ("*/20 * * * *", ["11-21 14:20", "11-21 14:40"]),
        ("5/20 * * * *", ["11-21 14:05", "11-21 14:25"]),
        ("50,10 15-16 * * *", ["11-21 15:10", "11-21 15:50"]),
        ("0-10/5 0 * * *", ["11-22 00:00", "11-22 00:05"]),
        ("0 0 1 * *", ["12-1 00:00", "1-1 00:00"]),
        ("0 0 31 * *", ["12-31 00:00", "1-31 00:00"]),
        ("0 0 29 2 *", ["2-29 00:00", "2-29 00:00"]),
        ("0 9 * * mon-fri", ["11-23 09:00", "11-24 09:00"]),
        ("0 9 * * 7", ["11-22 09:00", "11-29 09:00"]),
        ("0 9 * * 0", ["11-22 09:00", "11-29 09:00"]),
        ("0 9 * * 5-7", ["11-22 09:00", "11-27 09:00"]),
        // Either of both, as cron has it.
        ("0 0 25 * Mon", ["11-23 00:00", "11-25 00:00"]),
        // Both, where one begins with a star.
        ("0 0 */2 * mon", ["11-23 00:00", "12-7 00:00"]),
        ("0 0 1 JAN,jul *", ["1-1 00:00", "7-1 00:00"]),
        ("@hourly", ["11-21 15:00", "11-21 16:00"]),
        ("@daily", ["11-22 00:00", "11-23 00:00"]),
        ("@Midnight", ["11-22 00:00", "11-23 00:00"]),
        ("@weekly", ["11-22 00:00", "11-29 00:00"]),
        ("@monthly", ["12-1 00:00", "1-1 00:00"]),
        ("@yearly", ["1-1 00:00", "1-1 00:00"]),
    ] {
        assert_eq!(times(line, after, utc, 2), expected, "{line}");
    }
}

#[test]
fn what_says_no_times_is_refused_with_what_would() {
    for (line, expected) in [
        ("", "0 fields; five are wanted"),
        ("4", "1 fields; five are wanted"),
        ("0 0 * * * *", "6 fields; five are wanted"),
        ("24:00", "a time of day is"),
        ("4:1", "a time of day is"),
        ("04:10:00", "a time of day is"),
        ("+4:10", "a time of day is"),
        ("60 * * * *", "`60` is no minute: `0` to `59`"),
        ("* 24 * * *", "`24` is no hour"),
        ("* * 0 * *", "`0` is no day of the month"),
        ("* * * 13 *", "`13` is no month"),
        ("* * * * 8", "`8` is no day of the week"),
        ("* * * * funday", "`funday` is no day of the week"),
        ("*/0 * * * *", "`*/0` is no minute"),
        ("1- * * * *", "`1-` is no minute"),
        ("30-10 * * * *", "`30-10` is no minute"),
        ("1,,2 * * * *", "`` is no minute"),
        ("-1 * * * *", "`-1` is no minute"),
        ("+1 * * * *", "`+1` is no minute"),
        ("0 0 30 2 *", "never due"),
        ("0 0 31 4,6,9,11 *", "never due"),
        ("@often", "`@often` is no time"),
        ("@reboot", "one of its `processes`"),
    ] {
        let error = Schedule::parse(line).map_err(|error| error.to_string());
        let error = error.expect_err(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn an_hour_that_spring_skips_is_made_up_for_and_one_that_autumn_repeats_is_used_once() {
    // 02:30 in Berlin is 01:30 UTC in winter, 00:30 in summer; on March 29 it is skipped, and 03:00 is 01:00 UTC.
    let spring = at(2026, 3, 27, 12, 0);
    let expected = ["3-28 01:30", "3-29 01:00", "3-30 00:30"];
    assert_eq!(times("02:30", spring, berlin, 3), expected);
    // Twice in the hour: what is skipped is made up for once.
    let expected = ["3-28 01:50", "3-29 01:00", "3-30 00:10"];
    let before = at(2026, 3, 28, 1, 40);
    assert_eq!(times("10,50 2 * * *", before, berlin, 3), expected);
    // What is due when the skipped hour ends is not run twice.
    let expected = ["3-28 02:00", "3-29 01:00", "3-30 01:00"];
    assert_eq!(times("03:00", spring, berlin, 3), expected);

    // 02:30 is 00:30 and then 01:30 UTC on October 25.
    let autumn = at(2026, 10, 23, 12, 0);
    let expected = ["10-24 00:30", "10-25 00:30", "10-26 01:30"];
    assert_eq!(times("02:30", autumn, berlin, 3), expected);
    let expected = ["10-25 00:00", "10-26 01:00"];
    assert_eq!(times("02:00", at(2026, 10, 24, 12, 0), berlin, 2), expected);
    let expected = ["10-25 02:00", "10-26 02:00"];
    assert_eq!(times("03:00", at(2026, 10, 24, 12, 0), berlin, 2), expected);
}

#[test]
fn a_line_for_every_hour_runs_by_the_clock_as_it_is() {
    let spring = at(2026, 3, 29, 0, 15);
    let expected = ["3-29 00:30", "3-29 01:00", "3-29 01:30"];
    assert_eq!(times("*/30 * * * *", spring, berlin, 3), expected);
    // No 02:xx on that day: nothing to make up for.
    let expected = ["3-30 00:00", "3-30 00:30"];
    assert_eq!(times("*/30 2 * * *", spring, berlin, 2), expected);
    let autumn = at(2026, 10, 24, 23, 45);
    let expected = ["10-25 00:30", "10-25 01:30", "10-25 02:30"];
    assert_eq!(times("30 * * * *", autumn, berlin, 3), expected);
}

#[test]
fn a_zone_that_skips_a_whole_day_is_followed() {
    // Samoa at the end of 2011: from ten hours behind to fourteen ahead; there was no December 30.
    fn samoa(from: i64) -> Span {
        let change = at(2011, 12, 30, 10, 0);
        let (hours, until) = if from < change {
            (-10, Some(change))
        } else {
            (14, None)
        };
        Span {
            offset: hours * 3_600,
            until,
        }
    }
    let after = at(2011, 12, 29, 12, 0);
    let expected = ["12-29 22:00", "12-30 10:00", "12-30 22:00"];
    assert_eq!(times("12:00", after, samoa, 3), expected);
}

proptest! {
    /// A line is due strictly later, at a minute that the clocks of its zone show and that it is for, or at the end
    /// of an hour that they skip; and nothing in between is due.
    #[test]
    fn the_next_time_is_the_first_one(
        minute in 0i64..60, hour in 0i64..24, step in 1i64..40, from in 0i64..366 * 24 * 60,
        is_steady: bool, weekday in prop::option::of(0i64..8),
    ) {
        let hours = if is_steady { format!("*/{}", step.min(23)) } else { hour.to_string() };
        let weekday = weekday.map_or("*".to_owned(), |day| day.to_string());
        let schedule = Schedule::parse(&format!("{minute}/{step} {hours} * * {weekday}")).unwrap();
        let after = at(2026, 1, 1, 0, 0) + from * MINUTE;
        let next = schedule.next(after, berlin).unwrap();
        prop_assert!(next > after);
        let shown = next + berlin(next).offset;
        let is_for = |shown: i64| {
            let minute = shown.rem_euclid(DAY) / MINUTE;
            schedule.is_for(Date::of_day(shown.div_euclid(DAY)))
                && schedule.hours.has(minute / 60)
                && schedule.minutes.has(minute % 60)
        };
        let (spring, autumn) = (at(2026, 3, 29, 1, 0), at(2026, 10, 25, 1, 0));
        prop_assert!(is_for(shown) || !is_steady && next == spring);
        let between = (after + MINUTE..next).step_by(60);
        for moment in between.filter(|moment| is_for(moment + berlin(*moment).offset)) {
            let is_second_time = !is_steady && (autumn..autumn + 3_600).contains(&moment);
            prop_assert!(is_second_time, "{moment} was left out");
        }
    }

    #[test]
    fn any_text_is_a_line_or_an_error(text in "[ -~]{0,40}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            prop_assert!(schedule.next(0, utc).is_some());
        }
    }
}
