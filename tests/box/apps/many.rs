//! A hundred deploys and rollbacks under constant load: no request fails, and nothing grows. `tests/bench/apps` does a thousand.

use std::path::Path;
use std::process::Command;

use crate::apps::said;

/// Enough that what grows by each of them is seen.
const CHANGES: &str = "100";

#[test]
fn a_hundred_deploys_lose_no_request_and_leave_nothing_behind() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bench/apps");
    let mut command = Command::new(script);
    command.args(["--only", "deploys", "--changes", CHANGES]);
    command.args(["--ondol", env!("CARGO_BIN_EXE_ondol")]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
