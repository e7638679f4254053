//! The owner's commands before and after a backup.

use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::program;

use crate::failure::Failure;
use crate::failure::FailureKind;

/// Runs one to its end; `which` is its key in the configuration.
pub(crate) async fn run(which: &str, command: &str, limit: Duration) -> Result<(), Failure> {
    let failed = |how: String| {
        let sentence = match which {
            "before" => format!(
                "The command before the backup {how}, so it was not begun; earlier backups are as they were. \
                 Run `{command}` by hand to see what is wrong"
            ),
            _ => format!(
                "The command after the backup {how}; the backup itself is not touched by that"
            ),
        };
        Failure::new(FailureKind::Here, sentence)
    };
    let arguments = vec!["-c".to_owned(), command.to_owned()];
    let ended = program::run("sh", arguments, limit).await;
    let ended = ended.map_err(|error| failed(format!("failed: {}", Chain(&error))))?;
    if ended.status.success() {
        return Ok(());
    }
    let last = ended.complaint.trim().lines().last().unwrap_or_default();
    let last = if last.is_empty() {
        String::new()
    } else {
        format!(" ({last})")
    };
    Err(failed(format!("ended with {}{last}", ended.status)))
}
