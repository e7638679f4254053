//! Programs that fail their trial, and one that passes, as real files.

use super::*;
use crate::handover::Reason;

fn facts() -> Facts {
    Facts {
        next_generation: 2,
        revision: 1,
        texts: Vec::new(),
        executable: "/usr/local/bin/ondol".into(),
        from_version: "0.1.0".into(),
        on_last_good: None,
        counted: Default::default(),
        reason: Reason::Upgrade,
    }
}

fn program(folder: &Path, name: &str, script: &str, mode: u32) -> PathBuf {
    let path = folder.join(name);
    file::replace(&path, format!("#!/bin/sh\n{script}\n").as_bytes(), mode).unwrap();
    path
}

#[tokio::test]
async fn a_program_that_fails_its_trial_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let executable = program(folder, "ondol", "echo old", 0o755);
    let version = r#"[ "$1" = version ] && echo '{"version":"9.9.9"}' && exit 0"#;
    let table = [
        ("plain text", version, 0o644, "is no program"),
        ("not ondol", "echo hello", 0o755, "is no Ondol"),
        ("broken", r#"kill -9 $$"#, 0o755, "is no Ondol"),
        (
            "without handover",
            &format!(
                "{version}\ntest \"$ONDOL_HANDOVER_TRIAL\" = 0 && ! grep -q '\"revision\":1' && exit 0"
            ),
            0o755,
            "would not take over",
        ),
        (
            "refusing",
            &format!("{version}\necho 'ondol.toml:3: no' >&2; exit 1"),
            0o755,
            "ondol.toml:3: no",
        ),
    ];
    for (name, script, mode, expected) in table {
        let file = program(folder, name, script, mode);
        let error = install(file, &executable, facts()).await.unwrap_err();
        let text = ondol_base::chain::Chain(&error).to_string();
        assert!(text.contains(expected), "{name}: {text}");
        assert!(
            fs::read_to_string(&executable)
                .unwrap()
                .contains("echo old")
        );
        assert!(!folder.join("ondol.next").exists() && !folder.join("ondol.previous").exists());
    }
    let missing = install(folder.join("none"), &executable, facts()).await;
    assert!(matches!(missing, Err(UpgradeError::Unreadable { .. })));
}

#[tokio::test]
async fn a_good_program_is_installed_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let executable = program(folder, "ondol", "echo old", 0o755);
    let good = r#"[ "$1" = version ] && echo '{"version":"9.9.9"}'; exit 0"#;
    for _ in 0..2 {
        let file = program(folder, "new", good, 0o755);
        assert_eq!(install(file, &executable, facts()).await.unwrap(), "9.9.9");
        assert!(fs::read_to_string(&executable).unwrap().contains("9.9.9"));
    }
    file::replace(&folder.join("ondol.previous"), b"kept", MODE).unwrap();
    take_back(&executable).unwrap();
    assert_eq!(fs::read_to_string(&executable).unwrap(), "kept");
}

#[tokio::test]
async fn what_a_program_has_started_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let executable = program(folder, "ondol", "echo old", 0o755);
    let number = folder.join("child");
    let script = format!("sleep 1000 &\necho $! > {}\necho words", number.display());
    let file = program(folder, "new", &script, 0o755);
    let error = install(file, &executable, facts()).await.unwrap_err();
    let child = fs::read_to_string(&number).unwrap();
    let child = child.trim().parse().unwrap();
    ondol_base::process::signal(child, Signal::KILL).unwrap();
    assert!(matches!(error, UpgradeError::NotOndol { .. }), "{error}");
}
