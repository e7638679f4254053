//! `ondol backups`: what can be put back, the proven first; what needs its owner stands below.

use ondol_admin::api::BackupTarget;
use ondol_admin::api::Backups;
use ondol_admin::api::LastBackupJob;
use ondol_admin::api::RunningBackupJob;
use ondol_admin::api::Time;
use ondol_admin::client::Client;
use ondol_base::clock;

use crate::command::status;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::output::Tint;
use crate::span;
use crate::table;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Table;

mod bar;
mod credential;
pub(super) mod deeds;
mod follow;
pub(super) mod kit;
pub(super) mod list;
pub(super) mod restore;

/// Kinds of jobs that take a backup.
const TAKES: [&str; 2] = ["full", "databases"];

/// Asks and prints.
pub(super) async fn run(client: &Client, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::print_json(&client.backups().await?),
        Format::Human => {
            let status = client.status().await?;
            let (now, screen) = (clock::unix_seconds(), Screen::of_standard_output());
            let view = View {
                now,
                zone: status.timezone.as_deref(),
                screen,
            };
            Ok(output::print(&view.render(&status.backups))?)
        }
    }
}

/// For whom, and when.
#[derive(Debug, Clone, Copy)]
struct View<'v> {
    now: i64,
    zone: Option<&'v str>,
    screen: Screen,
}

impl View<'_> {
    fn render(self, backups: &Backups) -> String {
        let screen = self.screen;
        if backups.targets.is_empty() {
            let mut text = "Nothing is backed up: `to` in [backup] of the configuration says where backups go.\n".to_owned();
            for warning in &backups.warnings {
                text.push_str(&status::marked(warning, screen));
            }
            return text;
        }
        let mut text = self.headline(backups);
        text.push('\n');
        text.push_str(&self.targets(&backups.targets));
        if !backups.databases.is_empty() {
            text.push('\n');
            text.push_str(&self.databases(backups));
        }
        let sentences = sentences(backups);
        if !sentences.is_empty() {
            text.push('\n');
        }
        for sentence in sentences {
            text.push_str(&status::marked(&sentence, screen));
        }
        text
    }

    /// What is proven stands above what is only believed.
    fn headline(self, backups: &Backups) -> String {
        let (proven, tint) = match backups.proven_as_of {
            Some(at) => (
                format!("Proven restorable as of {}", self.moment(at)),
                Tint::Good,
            ),
            None if backups.targets.iter().any(|it| it.failed_proof.is_some()) => (
                "Not proven restorable: the last proof failed".to_owned(),
                Tint::Bad,
            ),
            None => ("Not proven restorable yet".to_owned(), Tint::Attention),
        };
        let mut text = format!("{}\n", self.screen.tinted(&proven, tint));
        let last = match backups.last_good_at {
            Some(at) => self.moment(at),
            None => "none yet".to_owned(),
        };
        let mut lines = vec![("last backup", last)];
        if let Some(running) = &backups.running {
            lines.push(("now", self.running(running)));
        }
        if let Some(next) = &backups.next {
            let at = span::relative(next.at.unix_seconds(), self.now);
            lines.push(("next", format!("{} {at}", noun(&next.kind))));
        }
        let kit = match backups.kit_confirmed_at {
            Some(at) => format!("you had it in your hands {}", self.ago(at)),
            None => "not confirmed yet".to_owned(),
        };
        lines.push(("recovery kit", kit));
        for (label, value) in lines {
            text.push_str(&status::labeled(label, &value, self.screen));
        }
        text
    }

    fn running(self, running: &RunningBackupJob) -> String {
        let RunningBackupJob {
            kind,
            target,
            since,
            step,
            done,
            total,
        } = running;
        let time = span::span(self.now.abs_diff(since.unix_seconds()));
        let step = match step.as_str() {
            "" => String::new(),
            step => format!(": {step}"),
        };
        let share = total.and_then(|total| bar::share(*done, total));
        let share = share.map_or_else(String::new, |share| format!(", {:.0} %", share * 100.0));
        format!("{} at {target} for {time}{step}{share}", noun(kind))
    }

    fn targets(self, targets: &[BackupTarget]) -> String {
        let mut table = Table::new([
            Column::word("TARGET"),
            Column::text("PLACE"),
            Column::word("STATE"),
            Column::word("PROVEN AS OF"),
            Column::word("LAST BACKUP"),
            Column::word("READ BACK"),
            Column::number("BACKUPS"),
        ]);
        for target in targets {
            let (state, tint) = state(target);
            let proven = match (&target.failed_proof, target.proven_as_of) {
                (Some(_), _) => Cell::new("failed", Tint::Bad),
                (None, Some(at)) => Cell::new(self.ago(at), Tint::Good),
                (None, None) => Cell::new("not yet", Tint::Attention),
            };
            let read = last(target, &["check"]).and_then(|job| job.ended_at);
            table.push([
                Cell::new(&target.name, Tint::Strong),
                Cell::from(&target.place),
                Cell::new(state, tint),
                proven,
                Cell::from(self.maybe(target.last_good_at)),
                Cell::from(self.maybe(read)),
                Cell::from(output::grouped(target.backups)),
            ]);
        }
        table.render(self.screen)
    }

    fn databases(self, backups: &Backups) -> String {
        let mut table = Table::new([
            Column::word("DATABASE"),
            Column::word("NEWEST COPY"),
            Column::word("PROVEN COPY"),
            Column::text("AT"),
        ]);
        for database in &backups.databases {
            let newest = match database.as_of {
                Some(at) => Cell::from(self.ago(at)),
                None => Cell::new("none", Tint::Bad),
            };
            let proven = match database.proven_as_of {
                Some(at) => Cell::new(self.ago(at), Tint::Good),
                None => Cell::new("not yet", Tint::Attention),
            };
            table.push([
                Cell::from(&database.name),
                newest,
                proven,
                Cell::from(database.target.as_deref().unwrap_or("-")),
            ]);
        }
        table.render(self.screen)
    }

    fn moment(self, at: Time) -> String {
        let minute = clock::minute_in(self.zone, at.unix_seconds());
        format!("{minute}, {}", self.ago(at))
    }

    fn ago(self, at: Time) -> String {
        span::relative(at.unix_seconds(), self.now)
    }

    fn maybe(self, at: Option<Time>) -> String {
        at.map_or_else(|| "-".to_owned(), |at| self.ago(at))
    }
}

/// How backups are, for those who look at the whole box.
pub(super) fn short(backups: &Backups, now: i64) -> String {
    let ago = |at: Time| span::relative(at.unix_seconds(), now);
    if backups.targets.is_empty() {
        return "none: nothing of this box is saved elsewhere".to_owned();
    }
    let proven = match backups.proven_as_of {
        Some(at) => format!("proven restorable as of {}", ago(at)),
        None if backups.targets.iter().any(|it| it.failed_proof.is_some()) => {
            "not proven restorable: the last proof failed".to_owned()
        }
        None => "not proven restorable yet".to_owned(),
    };
    match backups.last_good_at {
        Some(at) => format!("{proven}, last {}", ago(at)),
        None => format!("{proven}, none taken yet"),
    }
}

/// What the owner should not miss, each once.
pub(super) fn sentences(backups: &Backups) -> Vec<String> {
    let failures = failures(backups).into_iter();
    let mut sentences: Vec<_> = failures.map(|(_, sentence)| sentence).collect();
    sentences.extend(backups.warnings.iter().cloned());
    sentences
}

/// What went wrong at targets, with their names; what the warnings tell is left out.
pub(crate) fn failures(backups: &Backups) -> Vec<(&str, String)> {
    let mut failures = Vec::new();
    for target in &backups.targets {
        let name = target.name.as_str();
        let mut add = |text: &str| {
            let text = text.trim();
            let is_told = backups
                .warnings
                .iter()
                .any(|warning| warning.contains(text));
            if !text.is_empty() && !is_told {
                failures.push((name, format!("{name}: {text}")));
            }
        };
        if let Some(why) = &target.failed_proof {
            add(why);
        }
        let troubled =
            |job: &&LastBackupJob| matches!(job.outcome.as_deref(), Some("failed" | "partial"));
        if let Some(job) = last(target, &TAKES).filter(troubled) {
            add(&job.message);
        }
    }
    failures
}

/// The newest job of one of these kinds.
fn last<'t>(target: &'t BackupTarget, kinds: &[&str]) -> Option<&'t LastBackupJob> {
    let jobs = target.last.iter();
    let jobs = jobs.filter(|job| kinds.contains(&job.kind.as_str()));
    jobs.max_by_key(|job| job.began_at)
}

/// How the last backup went, in a word.
fn state(target: &BackupTarget) -> (&'static str, Tint) {
    let Some(job) = last(target, &TAKES) else {
        return ("new", Tint::Attention);
    };
    match job.outcome.as_deref() {
        None => ("running", Tint::Attention),
        Some("good") => ("good", Tint::Good),
        Some("partial") => ("incomplete", Tint::Bad),
        Some("failed") => ("failed", Tint::Bad),
        Some("interrupted") => ("interrupted", Tint::Attention),
        Some("skipped") => ("skipped", Tint::Attention),
        Some(_) => ("-", Tint::Plain),
    }
}

/// What a kind of job is called.
fn noun(kind: &str) -> &str {
    match kind {
        "full" => "backup of everything",
        "databases" => "backup of the databases",
        "prune" => "removal of old backups",
        "check" => "reading back",
        "repair" => "repair",
        "prove" => "proof by a restore",
        "drill" => "drill",
        "restore" => "restore",
        other => other,
    }
}

/// A text as wide as the screen, its lines kept.
fn wrapped(text: &str, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let lines = text.lines().flat_map(|line| table::wrap(line, width));
    let mut lines: Vec<_> = lines.collect();
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests;
