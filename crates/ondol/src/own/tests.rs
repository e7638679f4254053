//! What data planes are told, from a configuration, files of tokens and a state.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_base::tasks::Supervisor;
use ondol_config::SourceFile;
use ondol_config::Sources;
use ondol_model::watch::Subject;
use ondol_watch::SubjectStatus;

use super::*;
use crate::configuration::Configuration;

/// A plan with a site that says how the box is, and two heartbeats, the second with its token in a file.
fn plan(file: &Path) -> Arc<Plan> {
    let text = format!(
        r#"
[sites."a.test"]
health = "/up"
respond = "a"

[sites."b.test"]
respond = "b"

[heartbeats.parents]
period = "5m"
site = "a.test"
token = "0123456789abcdef0123456789abcdef"

[heartbeats.nas]
period = "1d"
site = "b.test"
token = {{ file = "{}" }}
"#,
        file.display()
    );
    let path = "/etc/ondol/ondol.toml".into();
    let sources = Sources {
        files: vec![SourceFile { path, text }],
    };
    Configuration::accept(sources).unwrap().plan
}

fn subject(state: State) -> SubjectStatus {
    SubjectStatus {
        subject: Subject::Internet,
        state,
        since: 0,
        sentence: String::new(),
        seen_at: None,
        took_ms: None,
        uptime: None,
        values: Vec::new(),
        silenced_until: None,
    }
}

#[test]
fn the_worst_part_that_is_known_is_how_the_box_is() {
    use State::{Fail, Pass, Unknown, Warn};
    for (states, expected) in [
        (&[][..], Pass),
        (&[Unknown, Unknown], Pass),
        (&[Pass, Unknown], Pass),
        (&[Pass, Warn, Unknown], Warn),
        (&[Warn, Fail, Pass], Fail),
    ] {
        let status = WatchStatus {
            subjects: states.iter().map(|state| subject(*state)).collect(),
            ..WatchStatus::default()
        };
        assert_eq!(overall(&status), expected, "{states:?}");
    }
}

/// Tokens in files come when they are there.
#[expect(clippy::disallowed_methods, reason = "a test may write in place")]
#[tokio::test]
async fn what_is_answered_follows_the_state_the_plan_and_the_files_of_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let (plans, plan) = watch::channel(plan(&file));
    let (states, status) = watch::channel(Arc::default());
    let (told, mut own) = OwnTold::new(plan, status);
    let first = Arc::clone(&own.borrow_and_update());
    assert_eq!(first.state, "pass");
    assert_eq!(first.health, [("a.test".to_owned(), "/up".to_owned())]);
    let names = |own: &Own| Vec::from_iter(own.pings.iter().map(|it| it.name.clone()));
    assert_eq!(names(&first), ["parents"]);
    assert_eq!(first.pings[0].site, "a.test");

    let mut supervisor = Supervisor::default();
    supervisor.service("word on health", move |stop| told.clone().run(stop));
    states.send_replace(Arc::new(WatchStatus {
        subjects: vec![subject(State::Fail)],
        ..WatchStatus::default()
    }));
    let failed = own.wait_for(|own| own.state == "fail").await.unwrap();
    assert_eq!(names(&failed), ["parents"]);
    drop(failed);

    std::fs::write(&file, "a-token-in-a-file-0123456789abcd\n").unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    plans.send_modify(|_| {}); // A reload.
    let both = own.wait_for(|own| own.pings.len() == 2).await.unwrap();
    assert_eq!(both.pings[1].token, "a-token-in-a-file-0123456789abcd");
    assert_eq!(both.pings[1].site, "b.test");
    drop(both);
    supervisor.stop(Duration::from_secs(5)).await;
}
