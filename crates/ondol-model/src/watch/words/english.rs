//! What people are told, in English.

use super::Away;
use super::Telling;
use super::tongue::Tongue;
use super::tongue::units;
use crate::plan::Role;
use crate::watch::Subject;
use crate::watch::What;

mod advice;
mod deed;
mod found;

/// English.
pub(super) struct English;

impl Tongue for English {
    fn thing(&self, telling: &Telling<'_>, subject: &Subject) -> String {
        let word = match subject {
            Subject::Power => "the power",
            Subject::Link => "the network link",
            Subject::Router => "the router",
            Subject::Internet => "the internet",
            Subject::Dns => "the lookup of names",
            Subject::Clock => "the clock",
            Subject::Memory => "memory",
            Subject::Temperature => "the temperature",
            Subject::Store => "Ondol's database",
            Subject::DataPlane => "the part that serves visitors",
            Subject::Disk(folder) => return format!("the disk at {folder}"),
            Subject::Drive(name) => return format!("drive {name}"),
            Subject::Service(name) => return format!("Ondol's part \"{name}\""),
            Subject::App(name) => return format!("app {name}"),
            Subject::Site(name) => return name.clone(),
            Subject::Certificate(name) => return format!("the certificate of {name}"),
            Subject::Domain(name) => return format!("the registration of {name}"),
            Subject::Backup(target) => return format!("backups at {target}"),
            Subject::Heartbeat(name) => return format!("heartbeat {name}"),
            it if *it == Subject::outside() => "the word to the outside",
            Subject::Channel(name) => {
                let (person, channel) = name.split_once('/').unwrap_or((name, "messages"));
                return format!("{channel} to {person}");
            }
            Subject::Box => telling.box_name,
        };
        word.to_owned()
    }

    fn found(&self, telling: &Telling<'_>, subject: &Subject, what: &What) -> String {
        found::found(self, telling, subject, what)
    }

    fn well(&self, telling: &Telling<'_>, subject: &Subject, what: &What) -> String {
        found::well(self, telling, subject, what)
    }

    fn deed(&self, subject: &Subject, what: &What) -> &'static str {
        deed::deed(subject, what)
    }

    fn advice(&self, subject: &Subject, what: &What) -> String {
        advice::advice(subject, what)
    }

    fn instruction(&self, what: &What) -> &'static str {
        advice::instruction(what)
    }

    fn span(&self, seconds: u64) -> String {
        let word = |(count, unit): (u64, usize)| match unit {
            0 if count == 1 => format!("{count} day"),
            0 => format!("{count} days"),
            1 => format!("{count} h"),
            2 => format!("{count} min"),
            _ => format!("{count} s"),
        };
        let [first, second] = units(seconds);
        match second.0 {
            0 => word(first),
            _ => format!("{} {}", word(first), word(second)),
        }
    }

    fn line(&self, clause: &str, subject: &Subject, telling: &Telling<'_>) -> String {
        let is_name = |name: &str| !name.is_empty() && clause.starts_with(name);
        if is_name(subject.name()) || is_name(telling.box_name) {
            return format!("{clause}."); // A name is written as its owner writes it.
        }
        let mut chars = clause.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        format!(
            "{}{}.",
            first.map_or_else(String::new, String::from),
            chars.as_str()
        )
    }

    fn since(&self, at: &str, lasts: &str) -> String {
        match lasts {
            "" => format!("Since {at}."),
            _ => format!("Since {at} ({lasts})."),
        }
    }

    fn also(&self, names: &str, more: usize) -> String {
        match more {
            0 => format!("Not well because of it: {names}."),
            _ => format!("Not well because of it: {names} and {more} more."),
        }
    }

    fn to_do(&self, advice: &str) -> String {
        format!("What to do: {advice}")
    }

    fn please(&self, instruction: &str) -> String {
        format!("Please: {instruction}")
    }

    fn still(&self, clause: &str, lasts: &str) -> String {
        format!("still, after {lasts}: {clause}")
    }

    fn lasted(&self, range: &str, lasted: &str) -> String {
        format!("It lasted {lasted}: {range}.")
    }

    fn it_was(&self, sentence: &str) -> String {
        format!("What it was: {sentence}.")
    }

    fn nothing_to_do(&self) -> &'static str {
        "There is nothing left to do."
    }

    fn alone(&self, clause: &str, is_over: bool) -> String {
        match is_over {
            true => format!("over now: {clause}"),
            false => clause.to_owned(),
        }
    }

    fn summary_title(&self, count: usize, open: usize) -> String {
        match (count, open) {
            (0, _) => "messages get through again".to_owned(),
            (_, 0) => format!("{count} problems meanwhile, all well now"),
            (_, _) => format!("{count} problems meanwhile, {open} still there"),
        }
    }

    fn nobody_could_be_told(&self, range: &str, lasted: &str) -> String {
        format!("No message got through for {lasted}: {range}.")
    }

    fn summary_lead(&self, count: usize, open: usize) -> String {
        match (count, open) {
            (0, _) => "Nothing went wrong in that time.".to_owned(),
            (1, 0) => "In that time this went wrong; it is well now:".to_owned(),
            (1, _) => "In that time this went wrong, and it still is:".to_owned(),
            (_, 0) => format!("In that time {count} things went wrong; all are well now:"),
            (_, 1) => format!("In that time {count} things went wrong; one still is:"),
            (_, _) => format!("In that time {count} things went wrong; {open} still are:"),
        }
    }

    fn open_since(&self, at: &str) -> String {
        format!("since {at}, not over yet")
    }

    fn more(&self, count: usize) -> String {
        format!("and {count} more; see `ondol alarm list --all`")
    }

    fn digest_title(&self, count: usize) -> String {
        match count {
            1 => "one thing that could wait".to_owned(),
            _ => format!("{count} things that could wait"),
        }
    }

    fn digest_lead(&self) -> &'static str {
        "None of this was urgent, so it comes in one message:"
    }

    fn late(&self, by: &str) -> String {
        format!("This message is {by} late: it could not be delivered before.")
    }

    fn test_title(&self) -> &'static str {
        "a test, all is well"
    }

    fn test_text(&self, box_name: &str) -> String {
        format!(
            "This is a test message of {box_name}. It has arrived, so alarms will too.\n\
             There is nothing to do."
        )
    }

    fn drill_title(&self) -> &'static str {
        "a drill, please answer"
    }

    fn drill_text(&self, box_name: &str, role: Role) -> String {
        let how = match role {
            Role::Operator => {
                "Please answer: by the button, by the reply \"ack\", or by `ondol alarm ack`."
            }
            Role::Hands => "Please answer: press the button, or reply \"ack\".",
        };
        format!(
            "Nothing is wrong. {box_name} asks now and then whether its alarms reach you, and whether you would answer.\n\
             {how}"
        )
    }

    fn back_title(&self, away: Away, lasted: &str, not_back: usize) -> String {
        let what = match away {
            Away::PowerCut | Away::Rest | Away::Shutdown => "back after",
            Away::Crash => "Ondol runs again after",
        };
        match not_back {
            0 => format!("{what} {lasted}"),
            1 => format!("{what} {lasted}, one thing is not back"),
            _ => format!("{what} {lasted}, {not_back} things are not back"),
        }
    }

    fn was_away(&self, box_name: &str, away: Away, lasted: &str) -> String {
        match away {
            Away::PowerCut => format!(
                "{box_name} was off for {lasted} and had not been shut down: a power cut, or a crash."
            ),
            Away::Shutdown => format!("{box_name} was off for {lasted}; it had been shut down."),
            Away::Rest => format!(
                "{box_name} was off for {lasted}. Its battery was nearly empty, so everything had come to rest before."
            ),
            Away::Crash => format!(
                "Ondol on {box_name} ended without being told to, and started again after {lasted}."
            ),
        }
    }

    fn undamaged(&self) -> &'static str {
        "The databases that Ondol knows were looked at and are whole."
    }

    fn damaged(&self) -> &'static str {
        "This was found broken:"
    }

    fn mend(&self) -> &'static str {
        "What to do: write as little as you can, and put it back from a backup (`ondol backups`, `ondol restore`)."
    }

    fn all_back(&self) -> &'static str {
        "Everything is back."
    }

    fn not_back(&self) -> &'static str {
        "This is not back; Ondol goes on trying:"
    }

    fn not_all_back(&self) -> &'static str {
        "Not everything works yet. Please tell the person who looks after it."
    }
}
