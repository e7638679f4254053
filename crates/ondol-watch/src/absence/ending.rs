//! What the end is for: systemd knows whether the machine goes with it.

use std::path::Path;
use std::time::Duration;

use ondol_base::program;
use ondol_model::watch::Clean;

/// How long systemd may take to say what it does; the whole service has five seconds to end.
const ASKED: Duration = Duration::from_secs(2);
/// Says by its exit code what is under way: where the machine ends, the target of that has a job.
const QUESTION: &str = "jobs=$(systemctl list-jobs --plain --no-legend) || exit 0
case \"$jobs\" in
*' reboot.target '* | *' kexec.target '*) exit 10 ;;
*' poweroff.target '* | *' halt.target '*) exit 11 ;;
esac";

/// Why everything ends now.
pub(super) async fn why(root: &Path) -> Clean {
    if !super::is_there(root, "run/systemd/system") {
        return Clean::Stop;
    }
    let arguments = ["-c", QUESTION].map(str::to_owned).to_vec();
    let ended = program::run("sh", arguments, ASKED).await;
    match ended.ok().and_then(|ended| ended.status.code()) {
        Some(10) => Clean::Reboot,
        Some(11) => Clean::PowerOff,
        Some(_) | None => Clean::Stop,
    }
}
