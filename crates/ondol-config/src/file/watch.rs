//! `[watch]`: what is watched, and how often.

mod disk;

use std::time::Duration;

use ondol_model::plan::Destination;
use ondol_model::plan::Watch;

use crate::duration;
use crate::file::rules::read as read_text;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// Looking is cheap, and those who are looked at have other things to do.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
/// Three looks in a row must fail before somebody is told.
const INTERVAL_MAX: Duration = Duration::from_secs(60 * 60);
/// One that answers is enough.
const INTERNET_MAX: usize = 8;

pub(super) static WATCH: Table = Table {
    title: "`[watch]`",
    doc: "What the box watches, and how often: its sites, apps, certificates, domains, disks, backups, its clock, memory and temperature, the router and the internet. All of it needs no line here.",
    keys: &[
        Key {
            name: "interval",
            doc: "From one look at a thing to the next. What fails three times in a row counts as down, what is well twice as up again.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "60s",
            }),
            absent: Absent::Default("\"60s\""),
        },
        Key {
            name: "internet",
            doc: "Machines far away that show whether the internet is there: one that can be connected to is enough. While it is away, nobody is alarmed about what can't be known without it. With `[]`, none is asked, and it is taken to be there.",
            shape: Shape::List(&Shape::Text(Form {
                what: "an address with a port",
                example: "1.1.1.1:443",
            })),
            absent: Absent::Default("[\"1.1.1.1:443\", \"8.8.8.8:443\", \"9.9.9.9:443\"]"),
        },
        disk::DISK,
        Key {
            name: "domains",
            doc: "Whether registries are asked, once a week, when the domains of the sites expire.",
            shape: Shape::Flag,
            absent: Absent::Default("true"),
        },
    ],
    later: &[],
};

pub(super) fn watch(section: Option<Section<'_>>, report: &mut Report) -> Watch {
    let mut watch = Watch::default();
    let Some(section) = section else { return watch };
    if let Some(interval) = read_text(section, "interval", interval, report) {
        watch.interval = interval;
    }
    if let Some(internet) = internet(section, report) {
        watch.internet = internet;
    }
    disk::read(section, &mut watch, report);
    watch.domains = section.flag("domains").unwrap_or(watch.domains);
    watch
}

fn interval(text: &str) -> Result<Duration, String> {
    duration::parse_within(INTERVAL_MIN, INTERVAL_MAX, text)
}

fn internet(section: Section<'_>, report: &mut Report) -> Option<Vec<String>> {
    let words = section.texts("internet")?;
    if let Some(word) = words.get(INTERNET_MAX) {
        let problem = format!("these are more than {INTERNET_MAX} machines");
        report
            .add(word.at, problem)
            .help("one that answers is enough: keep two or three that are never down together");
    }
    let fine = words.into_iter().take(INTERNET_MAX).filter(|word| {
        let is_fine = Destination::parse(word.text).is_some();
        if !is_fine {
            let problem = format!("\"{}\" is not an address with a port", repeated(word.text));
            report.add(word.at, problem).help(
                "accepted: \"1.1.1.1:443\", \"[2606:4700:4700::1111]:443\", \"example.com:443\"",
            );
        }
        is_fine
    });
    Some(fine.map(|word| word.text.to_owned()).collect())
}
