//! Questions about backups: each arrives as what it is, and is answered.

use ondol_model::backup::JobKind;
use ondol_store::NewBackupJob;

use super::*;
use crate::endpoints::BackupDeed;

fn target() -> Option<String> {
    Some("usb".to_owned())
}

#[tokio::test]
async fn how_backups_are_is_part_of_the_box_at_a_glance() {
    let agent = start();
    let shown = api::Backups {
        proven_as_of: Some(NOON),
        warnings: vec!["nobody has the kit".to_owned()],
        ..api::Backups::default()
    };
    agent.backups.send_replace(Arc::new(shown.clone()));
    assert_eq!(agent.client.backups().await.unwrap(), shown);
    assert_eq!(agent.client.status().await.unwrap().backups, shown);
}

#[tokio::test]
async fn each_deed_arrives_as_it_was_asked_for() {
    let Agent {
        client,
        mut backup_commands,
        folder: _folder,
        supervisor: _supervisor,
        ..
    } = start();
    let now = api::BackupQuestion {
        target: target(),
        databases_only: true,
    };
    let verify = api::VerifyQuestion {
        target: None,
        everything: true,
    };
    let one = api::BackupTargetQuestion { target: target() };
    let prune = api::PruneQuestion {
        target: target(),
        credential: Some(api::BackupCredential::Key {
            key: "K".to_owned(),
            secret: "S".to_owned(),
        }),
    };
    let list = api::ListQuestion {
        target: None,
        run: Some("R".to_owned()),
        path: Some("/srv".to_owned()),
    };
    let restore = api::RestoreQuestion {
        what: api::RestoreWhat::Databases(vec!["coffee".to_owned()]),
        target: None,
        at: Some(NOON),
        to: Some("/tmp/x".to_owned()),
        incomplete: false,
    };
    let expected = [
        BackupDeed::Now(now.clone()),
        BackupDeed::Verify(verify.clone()),
        BackupDeed::Prove(one.clone()),
        BackupDeed::Drill(one.clone()),
        BackupDeed::Prune(prune.clone()),
        BackupDeed::Repair(prune.clone()),
        BackupDeed::List(list.clone()),
        BackupDeed::Restore(restore.clone()),
    ];
    let agent = expect(&mut backup_commands, expected);
    let asking = async {
        [
            client.back_up(&now).await,
            client.verify(&verify).await,
            client.prove(&one).await,
            client.drill(&one).await,
            client.prune(&prune).await,
            client.repair(&prune).await,
            client.list_backups(&list).await,
            client.restore(&restore).await,
        ]
    };
    let (answers, ()) = tokio::join!(asking, agent);
    for (number, answer) in (1..).zip(answers) {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.job, answer.accepted),
            (Some(number), number % 2 == 0)
        );
    }
}

/// The agent's side: each deed is the expected one, and is answered by its number.
async fn expect(
    commands: &mut mpsc::Receiver<BackupCommand>,
    expected: impl IntoIterator<Item = BackupDeed>,
) {
    for (number, expected) in (1..).zip(expected) {
        let Some(BackupCommand::Do { deed, reply }) = commands.recv().await else {
            panic!("another command came");
        };
        assert_eq!(deed, expected);
        let answer = api::BackupAnswer {
            accepted: number % 2 == 0,
            job: Some(number),
            ..api::BackupAnswer::default()
        };
        reply.send(answer).unwrap();
    }
}

#[tokio::test]
async fn a_job_is_followed_and_one_that_nobody_knows_is_said_to_be_so() {
    let Agent {
        client,
        mut backup_commands,
        folder: _folder,
        supervisor: _supervisor,
        ..
    } = start();
    let query = api::BackupFollowQuery {
        job: 7,
        from: 3,
        seen: Some(9),
    };
    let agent = async {
        let Some(BackupCommand::Follow {
            query: asked,
            reply,
        }) = backup_commands.recv().await
        else {
            panic!("another command came");
        };
        assert_eq!(asked, query);
        reply.send(Err("no such job".to_owned())).unwrap();
    };
    let (answer, ()) = tokio::join!(client.follow_backup(query), agent);
    let refused = answer.unwrap_err();
    assert!(matches!(refused, ClientError::Refused { status: 404, .. }));
    assert_eq!(refused.to_string(), "no such job");
}

#[tokio::test]
async fn jobs_come_from_the_store() {
    let agent = start();
    for (kind, target) in [(JobKind::Full, "usb"), (JobKind::Check, "s3")] {
        let new = NewBackupJob {
            kind,
            target: target.to_owned(),
            run: None,
            at: 0,
        };
        agent.store.handle().begin_backup_job(new).await.unwrap();
    }
    let asked = |kind: Option<&str>| api::BackupJobsQuery {
        kind: kind.map(str::to_owned),
        ..api::BackupJobsQuery::default()
    };
    let all = agent.client.backup_jobs(&asked(None)).await.unwrap().jobs;
    let targets: Vec<_> = all.iter().map(|job| job.target.as_str()).collect();
    assert_eq!(targets, ["s3", "usb"]);
    let full = asked(Some("full"));
    let full = agent.client.backup_jobs(&full).await.unwrap().jobs;
    assert_eq!(full.len(), 1);
    let wrong = asked(Some("copy"));
    let wrong = agent.client.backup_jobs(&wrong).await.unwrap_err();
    assert!(matches!(wrong, ClientError::Refused { status: 400, .. }));
}
