//! A program of the owner's, which reads the message from its standard input as JSON.

use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::program;
use ondol_base::program::Ended;
use ondol_base::program::RunError;

use super::failure::SendFailure;
use super::parcel::Parcel;
use super::quote;

/// Somewhat less than sending may take, so that it is killed by who knows what it said.
const RUNNING: Duration = Duration::from_secs(29);
/// As many of its last lines are told.
const LINES_MAX: usize = 3;
/// Codes by which a program says that it will not work the next time either: sysexits.h (usage, no permission,
/// configuration), and the shell's (not to be run, not found).
const HOPELESS: [i32; 5] = [64, 77, 78, 126, 127];

/// Runs the program; it has taken the message when it ends with 0.
pub(super) async fn send(arguments: &[String], parcel: &Parcel) -> Result<(), SendFailure> {
    let Some((program, arguments)) = arguments.split_first() else {
        return Err(SendFailure::refused("`exec` names no program"));
    };
    let mut input = parcel.json().to_string();
    input.push('\n');
    let ended =
        program::run_with_input(program, arguments.to_vec(), input.into_bytes(), RUNNING).await;
    match ended {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(failed(program, &ended)),
        Err(RunError::Start(error)) => Err(SendFailure::refused(format!(
            "{program} can't be started: {error}; look at `exec`"
        ))),
        Err(error) => Err(SendFailure::unreachable(format!(
            "{program} has not taken the message: {}",
            Chain(&error)
        ))),
    }
}

fn failed(program: &str, ended: &Ended) -> SendFailure {
    // The reason stands at the end.
    let lines: Vec<_> = ended.complaint.lines().rev().take(LINES_MAX).collect();
    let end: Vec<_> = lines.into_iter().rev().collect();
    let said = match quote::quoted(end.join("\n").as_bytes(), &[]) {
        Some(words) => format!(": `{words}`"),
        None => ", and said nothing".to_owned(),
    };
    let message = format!(
        "{program} has not taken the message ({}){said}",
        ended.status
    );
    match ended.status.code() {
        Some(code) if HOPELESS.contains(&code) => SendFailure::refused(message),
        Some(_) | None => SendFailure::unreachable(message),
    }
}
