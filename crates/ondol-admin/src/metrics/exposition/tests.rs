//! Values as they are written, in both formats.

use super::*;

fn written(format: Format, write: impl FnOnce(&mut Exposition)) -> String {
    let mut exposition = Exposition::new(format, 0);
    write(&mut exposition);
    exposition.finish()
}

#[test]
fn a_counter_has_its_suffix_where_each_format_wants_it() {
    let write = |exposition: &mut Exposition| {
        let mut family = exposition.family(Kind::Counter, "bytes", "Bytes.");
        family.sample(&[("site", "a.test")], 7_u64);
        family.sample(&[("site", "b.test"), ("class", "2xx")], 1.5);
    };
    assert_eq!(
        written(Format::Text, write),
        "# HELP ondol_bytes_total Bytes.\n# TYPE ondol_bytes_total counter\n\
         ondol_bytes_total{site=\"a.test\"} 7\nondol_bytes_total{site=\"b.test\",class=\"2xx\"} 1.5\n"
    );
    assert_eq!(
        written(Format::OpenMetrics, write),
        "# HELP ondol_bytes Bytes.\n# TYPE ondol_bytes counter\n\
         ondol_bytes_total{site=\"a.test\"} 7\nondol_bytes_total{site=\"b.test\",class=\"2xx\"} 1.5\n# EOF\n"
    );
}

#[test]
fn names_of_others_break_no_line() {
    let text = written(Format::Text, |exposition| {
        let help = "With a \\, a \" and a\nline end.";
        let mut family = exposition.family(Kind::Gauge, "x", help);
        family.sample(&[("disk", "/srv/\"a\\b\"\nc")], true);
    });
    assert_eq!(
        text,
        "# HELP ondol_x With a \\\\, a \" and a\\nline end.\n# TYPE ondol_x gauge\n\
         ondol_x{disk=\"/srv/\\\"a\\\\b\\\"\\nc\"} 1\n"
    );
}

#[test]
fn a_histogram_adds_up_and_ends_with_everything() {
    let write = |exposition: &mut Exposition| {
        let mut family = exposition.family(Kind::Histogram, "took_seconds", "Time.");
        family.histogram(
            &[("site", "a")],
            &[5_000, 1_000_000],
            &[3, 2, 1],
            12_500_000,
        );
    };
    assert_eq!(
        written(Format::Text, write),
        "# HELP ondol_took_seconds Time.\n# TYPE ondol_took_seconds histogram\n\
         ondol_took_seconds_bucket{site=\"a\",le=\"0.005\"} 3\nondol_took_seconds_bucket{site=\"a\",le=\"1\"} 5\n\
         ondol_took_seconds_bucket{site=\"a\",le=\"+Inf\"} 6\nondol_took_seconds_sum{site=\"a\"} 12.5\n\
         ondol_took_seconds_count{site=\"a\"} 6\n"
    );
    let open = written(Format::OpenMetrics, write);
    assert!(
        open.contains("# UNIT ondol_took_seconds seconds\n"),
        "{open}"
    );
    assert!(open.contains("le=\"1.0\"} 5\n"), "{open}");
}

#[test]
fn a_family_without_samples_or_of_a_name_that_was_there_is_not_written() {
    let text = written(Format::Text, |exposition| {
        exposition.family(Kind::Gauge, "none", "Nothing.");
        exposition.single(Kind::Gauge, "x", "First.", 1_u64);
        exposition.single(Kind::Gauge, "x", "Second.", 2_u64);
    });
    assert_eq!(
        text,
        "# HELP ondol_x First.\n# TYPE ondol_x gauge\nondol_x 1\n"
    );
}

#[test]
fn what_is_no_number_is_written_as_one_says_it() {
    let text = written(Format::Text, |exposition| {
        let mut family = exposition.family(Kind::Gauge, "x", "X.");
        for (name, value) in [("a", f64::NAN), ("b", f64::INFINITY), ("c", 1e21)] {
            family.sample(&[("n", name)], value);
        }
    });
    let values: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once("} "))
        .collect();
    let values: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["NaN", "+Inf", "1000000000000000000000"]);
}
