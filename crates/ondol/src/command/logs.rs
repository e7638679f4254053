//! `ondol logs`: what an app wrote, the newest last, and what it goes on to write.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use ondol_admin::api::Logs;
use ondol_admin::api::LogsQuery;
use ondol_admin::api::Time;
use ondol_admin::client::Client;
use ondol_admin::client::ClientError;
use ondol_base::clock;
use ondol_model::app::AppName;
use tokio::time::Instant;

use crate::cli::ShowFlags;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::since;

mod screen;

use screen::Lines;

/// How many lines are shown when nobody says how many, nor since when.
const LINES_DEFAULT: u32 = 100;
/// The most that are shown by their number; `--since` has more.
const LINES_MAX: i64 = 5_000;
/// How often who follows asks for more.
const PAUSE: Duration = Duration::from_millis(300);
/// How long who follows bears an agent that does not answer: as long as an upgrade or a restart may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Flags of `ondol logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsFlags {
    /// The app
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// Go on as the app writes more, until Ctrl-C
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
    /// Only lines from this moment on: `1h`, `14:00`, `2026-11-21 14:00`, `yesterday`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only lines of this process (`web`), or of one of its instances (`web.1`)
    #[arg(long, value_name = "NAME")]
    pub(crate) process: Option<String>,
    /// Only so many, the newest [default: 100; with --since all]
    #[arg(
        long = "lines",
        short = 'n',
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(0..=LINES_MAX)
    )]
    pub(crate) lines: Option<u32>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Asks and prints. The JSON is a value for each line, for others to read as it comes.
pub(crate) async fn run(client: &Client, flags: &LogsFlags) -> anyhow::Result<()> {
    let LogsFlags {
        app,
        follow,
        since,
        process,
        lines,
        show,
    } = flags;
    let zone = client.status().await?.timezone;
    let since = since.as_deref().map(|text| {
        let moment = since::parse(text, clock::unix_seconds(), zone.as_deref());
        moment.map_err(|why| anyhow!("--since: {why}"))
    });
    let since = since.transpose()?.map(Time::from_unix_seconds);
    let mut query = LogsQuery {
        process: process.clone(),
        lines: lines.or_else(|| since.is_none().then_some(LINES_DEFAULT)),
        since,
        after: None,
    };
    let mut printer = Printer {
        format: show.format(),
        lines: Lines::new(Screen::of_standard_output(), zone),
    };
    let mut logs = client.logs(app, &query).await?;
    if logs.lines.is_empty() && !follow {
        printer.nothing(app, &query);
    }
    loop {
        printer.print(&logs)?;
        if !logs.more && !follow {
            return Ok(());
        }
        if !logs.more {
            tokio::time::sleep(PAUSE).await;
        }
        query.after = Some(logs.next);
        logs = more(client, app, &query).await?;
    }
}

/// The next lines. An agent that is away for a while, for an upgrade, is waited for.
async fn more(client: &Client, app: &str, query: &LogsQuery) -> Result<Logs, ClientError> {
    let deadline: Instant = clock::now() + PATIENCE;
    loop {
        match client.logs(app, query).await {
            Err(
                ClientError::NoAgent { .. }
                | ClientError::Lost(_)
                | ClientError::Answer(_)
                | ClientError::Refused { status: 503, .. },
            ) if clock::now() < deadline => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

struct Printer {
    format: Format,
    lines: Lines,
}

impl Printer {
    fn print(&mut self, logs: &Logs) -> anyhow::Result<()> {
        let mut text = String::new();
        for line in &logs.lines {
            match self.format {
                Format::Human => self.lines.push(&mut text, line),
                Format::Json => {
                    text += &serde_json::to_string(line)?;
                    text.push('\n');
                }
            }
        }
        // Who follows must notice that nobody reads on.
        Ok(output::print_or_end(&text)?)
    }

    /// Says that there is nothing, where a person would wonder.
    fn nothing(&self, app: &str, query: &LogsQuery) {
        if self.format == Format::Json {
            return;
        }
        let app = AppName::parse(app).map_or_else(|_| "It".to_owned(), |app| app.to_string());
        let sentence = if query.process.is_some() || query.since.is_some() {
            format!(
                "{app} wrote nothing that you ask for; without --process and --since there may be more."
            )
        } else {
            format!("{app} has written nothing yet.")
        };
        // Not part of the log, so not where the log goes; there is nobody left to tell when it is gone.
        let _ = output::tell(&sentence);
    }
}
