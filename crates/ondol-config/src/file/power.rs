//! `[power]`: what tells of power cuts, and what the power costs.

use std::time::Duration;

use ondol_model::plan::Destination;
use ondol_model::plan::Power;
use ondol_model::plan::Ups;

use crate::duration;
use crate::file::rules::read as read_text;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// The port of NUT's server (https://networkupstools.org).
const NUT_PORT: u16 = 3_493;
/// No battery at home lasts longer.
const REST_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const CURRENCY_CHARACTERS_MAX: usize = 8;
const ACCEPTED: &str = "accepted: the name of the UPS and its NUT server, \"ups@localhost\" or \"ups@192.168.0.2:3493\" (`upsc -l` lists the names); \"battery\" for this machine's own; false for none";

pub(super) static POWER: Table = Table {
    title: "`[power]`",
    doc: "Where the power comes from, and what it costs. On battery, backups and other heavy work wait; when it is nearly empty, everything is brought to rest before the power goes; and all goes on when it is back. Switching the machine off stays the business of NUT's upsmon.",
    keys: &[
        Key {
            name: "ups",
            doc: "What tells of power cuts: a UPS of a NUT server (`ups@localhost`), which is only asked; `battery`, the one of this machine; or `false`, nothing. Without it, the battery of this machine where it has one.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a UPS",
                    example: "ups@localhost:3493",
                }),
                Shape::Flag,
            ]),
            absent: Absent::Means,
        },
        Key {
            name: "rest_below",
            doc: "Everything comes to rest when the battery lasts for less than this. That the UPS itself calls its battery low, counts in any case; with `false`, alone.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a time",
                    example: "5m",
                }),
                Shape::Flag,
            ]),
            absent: Absent::Default("\"5m\""),
        },
        Key {
            name: "baseline_watts",
            doc: "What the machine draws besides its processor: board, memory, disks, power supply. A meter at the plug tells; 5 to 20 W are usual. It is added to what the processor says of itself, not to what a UPS measures.",
            shape: Shape::Decimal {
                min_thousandths: 0,
                max_thousandths: 2_000_000,
            },
            absent: Absent::Default("0"),
        },
        Key {
            name: "price_per_kwh",
            doc: "The price of a kilowatt-hour, so that `ondol status` says what the box costs a month. Without it, it says the watts alone.",
            shape: Shape::Decimal {
                min_thousandths: 0,
                max_thousandths: 1_000_000_000,
            },
            absent: Absent::Means,
        },
        Key {
            name: "currency",
            doc: "What the price is in, for people.",
            shape: Shape::Text(Form {
                what: "a currency",
                example: "KRW",
            }),
            absent: Absent::Default("\"\""),
        },
    ],
    later: &[],
};

pub(super) fn power(section: Option<Section<'_>>, report: &mut Report) -> Power {
    let mut power = Power::default();
    let Some(section) = section else { return power };
    power.ups = ups(section, report);
    rest_below(section, &mut power, report);
    let thousandths = |key| section.thousandths(key);
    if let Some(watts) = thousandths("baseline_watts") {
        power.baseline_milliwatts = watts.try_into().unwrap_or_default();
    }
    power.price_per_kwh = thousandths("price_per_kwh").and_then(|price| price.try_into().ok());
    if let Some(currency) = read_text(section, "currency", currency, report) {
        power.currency = currency;
    }
    power
}

fn ups(section: Section<'_>, report: &mut Report) -> Option<Ups> {
    match section.flag("ups") {
        Some(false) => return Some(Ups::None),
        Some(true) => {
            let problem = "`ups` does not say which";
            report.add(section.key_at("ups"), problem).help(ACCEPTED);
        }
        None => {}
    }
    let word = section.text("ups")?;
    if word.text == "battery" {
        return Some(Ups::Battery);
    }
    let ups = nut(word);
    if ups.is_none() {
        let problem = format!("\"{}\" is not a UPS", repeated(word.text));
        report.add(word.at, problem).help(ACCEPTED);
    }
    ups
}

/// `NAME@HOST:PORT`, as NUT's own programs take it.
fn nut(word: Word<'_>) -> Option<Ups> {
    let (name, server) = word.text.split_once('@')?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_name = (1..=64).contains(&name.len()) && name.chars().all(is_letter);
    let (host, port) = ondol_model::host::authority(server)?;
    let server = match port {
        Some(_) => server.to_owned(),
        None => format!("{host}:{NUT_PORT}"),
    };
    Destination::parse(&server)?;
    is_name.then(|| Ups::Nut {
        server,
        name: name.to_owned(),
    })
}

fn rest_below(section: Section<'_>, power: &mut Power, report: &mut Report) {
    let key = "rest_below";
    match section.flag(key) {
        Some(false) => power.rest_below = None,
        Some(true) => {
            let problem = format!("`{key}` does not say how long before");
            report
                .add(section.key_at(key), problem)
                .help("accepted: a time, such as \"5m\", or false");
        }
        None => {}
    }
    let parse = |text: &str| duration::parse_up_to(REST_MAX, text);
    if let Some(time) = read_text(section, key, parse, report) {
        power.rest_below = Some(time);
    }
}

fn currency(text: &str) -> Result<String, String> {
    let is_short = text.chars().count() <= CURRENCY_CHARACTERS_MAX;
    let is_fine = is_short && !text.contains(|c: char| c.is_control() || c.is_ascii_digit());
    match is_fine {
        true => Ok(text.trim().to_owned()),
        false => Err("accepted: such as \"EUR\" or \"₩\", of at most 8 characters".to_owned()),
    }
}
