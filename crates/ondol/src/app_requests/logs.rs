//! What apps wrote, for who reads it on the admin socket.

use ondol_admin::api;
use ondol_apps::LogAnswer;
use ondol_apps::LogLine;
use ondol_apps::LogPlace;
use ondol_apps::LogQuestion;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::app::AppName;

use super::Desk;

impl Desk {
    /// Lines of an app's log; also of one that is gone from the configuration.
    pub(super) async fn logs(&self, app: &str, query: api::LogsQuery) -> Result<api::Logs, String> {
        let name = match (AppName::parse(app), self.known(app)) {
            (_, Ok(known)) => known,
            (Ok(gone), Err(_)) if self.host.logs.has(&gone).await => gone,
            (_, Err(unknown)) => return Err(unknown),
        };
        let answer = self.host.logs.read(&name, question(query)?).await;
        let answer = answer.map_err(|error| {
            let path = self.host.logs.path(&name);
            format!(
                "the log {} could not be read: {}",
                path.display(),
                Chain(&error)
            )
        })?;
        Ok(shown(answer))
    }
}

fn question(query: api::LogsQuery) -> Result<LogQuestion, String> {
    let api::LogsQuery {
        process,
        since,
        lines,
        after,
    } = query;
    let place = |text: String| {
        LogPlace::parse(&text).ok_or_else(|| format!("`{text}` is no place in a log"))
    };
    Ok(LogQuestion {
        process,
        since_ms: since.map(|since| since.unix_seconds().saturating_mul(1_000)),
        newest: lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
        after: after.map(place).transpose()?,
    })
}

fn shown(answer: LogAnswer) -> api::Logs {
    let LogAnswer {
        lines,
        next,
        has_more,
    } = answer;
    let lines = lines.into_iter().map(|line| {
        let LogLine {
            at_ms,
            instance,
            launch: _,
            text,
        } = line;
        api::LogLine {
            at: clock::rfc3339_milliseconds(at_ms),
            process: instance.to_string(),
            text,
        }
    });
    api::Logs {
        lines: lines.collect(),
        next: next.to_string(),
        more: has_more,
    }
}
