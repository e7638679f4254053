//! `ondol alarm list`: what is wrong, who was told, who answered, and what waits in the outbox.

use std::process::ExitCode;

use ondol_admin::api::AlarmMessage;
use ondol_admin::api::AlarmSeverity;
use ondol_admin::api::Alarms;
use ondol_admin::api::AlarmsQuery;
use ondol_admin::api::Incident;
use ondol_admin::api::Time;
use ondol_admin::api::Watch;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::cli::AlarmListFlags;
use crate::command::status;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

/// Asks and prints.
pub(super) async fn run(client: &Client, flags: &AlarmListFlags) -> anyhow::Result<ExitCode> {
    let AlarmListFlags { all, show } = flags;
    let query = AlarmsQuery {
        all: *all,
        limit: None,
    };
    let alarms = client.alarms(query).await?;
    match show.format() {
        Format::Json => output::print_json(&alarms)?,
        Format::Human => {
            let status = client.status().await?;
            let view = View {
                now: clock::unix_seconds(),
                zone: status.timezone.as_deref(),
                screen: Screen::of_standard_output(),
            };
            output::print(&view.render(&alarms, &status.watch))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// For whom, and when.
#[derive(Debug, Clone, Copy)]
struct View<'v> {
    now: i64,
    zone: Option<&'v str>,
    screen: Screen,
}

impl View<'_> {
    fn render(self, alarms: &Alarms, watch: &Watch) -> String {
        let mut text = self.incidents(&alarms.incidents);
        if !alarms.messages.is_empty() {
            text.push('\n');
            text.push_str(&self.messages(&alarms.messages));
        }
        let remarks = self.remarks(watch);
        if !remarks.is_empty() {
            text.push('\n');
        }
        for remark in remarks {
            text.push_str(&status::marked(&remark, self.screen));
        }
        text
    }

    fn incidents(self, incidents: &[Incident]) -> String {
        if incidents.is_empty() {
            return format!("{}\n", self.screen.tinted("Nothing is wrong.", Tint::Good));
        }
        let mut table = Table::new([
            Column::number("ID"),
            Column::word("SEVERITY"),
            Column::word("SINCE"),
            Column::text("WHAT"),
            Column::text("TOLD"),
            Column::text("ANSWERED BY"),
        ]);
        for incident in incidents {
            let (word, tint) = match (incident.ended_at, incident.severity) {
                (Some(_), severity) => (severity.word(), Tint::Faint),
                (None, AlarmSeverity::Critical) => ("critical", Tint::Bad),
                (None, severity) => (severity.word(), Tint::Attention),
            };
            table.push([
                Cell::from(incident.id.to_string()),
                Cell::new(word, tint),
                Cell::from(self.since(incident)),
                Cell::from(what(incident)),
                Cell::from(names(&incident.told)),
                Cell::from(incident.acknowledged_by.as_deref().unwrap_or("-")),
            ]);
        }
        table.render(self.screen)
    }

    /// How long it has been so, or when it was and for how long.
    fn since(self, incident: &Incident) -> String {
        let began = incident.began_at.unix_seconds();
        match incident.ended_at {
            None => span::relative(began, self.now),
            Some(ended) => {
                let length = span::span(ended.unix_seconds().abs_diff(began));
                format!("{}, for {length}", clock::minute_in(self.zone, began))
            }
        }
    }

    fn messages(self, messages: &[AlarmMessage]) -> String {
        let mut table = Table::new([
            Column::word("MESSAGE"),
            Column::text("TO"),
            Column::text("TITLE"),
            Column::word("QUEUED"),
            Column::text("WHAT BECAME OF IT"),
        ]);
        for message in messages {
            let (fate, tint) = self.fate(message);
            table.push([
                Cell::from(about(message)),
                Cell::from(format!("{}, {}", message.person, message.channel)),
                Cell::from(&message.title),
                Cell::from(self.ago(message.queued_at)),
                Cell::new(fate, tint),
            ]);
        }
        table.render(self.screen)
    }

    fn fate(self, message: &AlarmMessage) -> (String, Tint) {
        let error = message.error.as_deref().unwrap_or_default();
        let because = match error.trim().trim_end_matches('.') {
            "" => String::new(),
            error => format!(": {error}"),
        };
        let ended = message.ended_at.map(|at| self.ago(at)).unwrap_or_default();
        match message.outcome.as_deref() {
            Some("delivered") => (format!("arrived {ended}"), Tint::Good),
            Some("folded") => ("put together with others".to_owned(), Tint::Faint),
            Some("given-up") => (format!("given up {ended}{because}"), Tint::Bad),
            Some(_) => (format!("left out {ended}{because}"), Tint::Faint),
            None if message.tries == 0 => (self.wait(message), Tint::Attention),
            None => {
                let tries = match message.tries {
                    1 => "tried once".to_owned(),
                    tries => format!("tried {tries} times"),
                };
                let next = message
                    .next_at
                    .map_or(String::new(), |at| format!(", again {}", self.ago(at)));
                (format!("{tries}{next}{because}"), Tint::Bad)
            }
        }
    }

    /// One that was not tried yet goes out at once, unless it is held back: by quiet hours, or for others.
    fn wait(self, message: &AlarmMessage) -> String {
        let next = message.next_at.filter(|at| at.unix_seconds() > self.now);
        next.map_or("waits".to_owned(), |at| {
            format!("held back, goes out {}", self.ago(at))
        })
    }

    /// What keeps people from being told.
    fn remarks(self, watch: &Watch) -> Vec<String> {
        let mut remarks = Vec::new();
        if watch.people.is_empty() {
            let nobody = "Nobody is told of anything: [people] in the configuration says who is.";
            remarks.push(nobody.to_owned());
        }
        remarks.extend(status::silences(watch, self.zone, self.now));
        for person in &watch.people {
            for channel in &person.channels {
                if let Some(trouble) = &channel.trouble {
                    let (name, word) = (&person.name, &channel.channel);
                    remarks.push(format!("{name} is not reached by {word}: {trouble}"));
                }
            }
        }
        remarks
    }

    fn ago(self, at: Time) -> String {
        span::relative(at.unix_seconds(), self.now)
    }
}

/// The cause, with what is not well because of it.
fn what(incident: &Incident) -> String {
    let also = match incident.also.as_slice() {
        [] => String::new(),
        also => format!(" (with it {})", also.join(", ")),
    };
    match incident.sentence.as_str() {
        "" => format!("{}{also}", incident.subject),
        sentence => format!("{sentence}{also}"),
    }
}

fn about(message: &AlarmMessage) -> String {
    match message.incident {
        Some(incident) => format!("{} {incident}", message.kind),
        None => message.kind.clone(),
    }
}

fn names(names: &[String]) -> String {
    match names {
        [] => "nobody yet".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
