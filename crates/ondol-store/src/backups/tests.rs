//! What a store knows of backups, also after it was closed.

use ondol_model::backup::JobKind;
use ondol_model::backup::JobOutcome;
use ondol_model::limits;

use super::BackupJobEnd;
use super::BackupJobId;
use super::BackupJobsQuestion;
use super::CatalogueEntry;
use super::NewBackupJob;
use super::RecordedBackupJob;
use crate::store::Handle;
use crate::store::open;
use crate::store::open_in_memory;

fn new(kind: JobKind, target: &str) -> NewBackupJob {
    NewBackupJob {
        kind,
        target: target.to_owned(),
        run: None,
        at: 100,
    }
}

fn ended(outcome: JobOutcome) -> BackupJobEnd {
    BackupJobEnd {
        outcome,
        message: "so".to_owned(),
        at: 300,
        manifest: None,
        proven_run: None,
    }
}

async fn done(store: &Handle, kind: JobKind, target: &str, outcome: JobOutcome) -> BackupJobId {
    let id = store.begin_backup_job(new(kind, target)).await.unwrap();
    store.end_backup_job(id, ended(outcome)).await.unwrap();
    id
}

fn ids(jobs: &[RecordedBackupJob]) -> Vec<BackupJobId> {
    jobs.iter().map(|job| job.id).collect()
}

fn everything() -> BackupJobsQuestion {
    BackupJobsQuestion {
        limit: u32::MAX,
        ..BackupJobsQuestion::default()
    }
}

#[tokio::test]
async fn a_job_is_known_with_its_end_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let taken = NewBackupJob {
        run: Some("20261121T033000Z-abcdef".to_owned()),
        ..new(JobKind::Full, "usb")
    };
    let taken = handle.begin_backup_job(taken).await.unwrap();
    let end = BackupJobEnd {
        manifest: Some("{}".to_owned()),
        proven_run: Some("20261120T033000Z-abcdef".to_owned()),
        ..ended(JobOutcome::Partial)
    };
    handle.end_backup_job(taken, end.clone()).await.unwrap();
    let cut_off = new(JobKind::Prove, "usb");
    let cut_off = handle.begin_backup_job(cut_off).await.unwrap();
    store.close().await;

    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let interrupted = handle.interrupt_backup_jobs(500).await.unwrap();
    assert_eq!(ids(&interrupted), [cut_off]);
    let its_end = interrupted[0].ended.as_ref().unwrap();
    assert_eq!(
        (its_end.outcome, its_end.at),
        (JobOutcome::Interrupted, 500)
    );
    assert_eq!(handle.interrupt_backup_jobs(600).await.unwrap(), []);
    let all = handle.backup_jobs(everything()).await.unwrap();
    assert_eq!(ids(&all), [cut_off, taken]);
    let expected = RecordedBackupJob {
        id: taken,
        kind: JobKind::Full,
        target: "usb".to_owned(),
        run: Some("20261121T033000Z-abcdef".to_owned()),
        began_at: 100,
        ended: Some(end),
    };
    assert_eq!(all[1], expected);
    store.close().await;
}

#[tokio::test]
async fn jobs_are_asked_for_by_target_and_kind() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let usb = done(&handle, JobKind::Full, "usb", JobOutcome::Good).await;
    let s3 = done(&handle, JobKind::Full, "s3", JobOutcome::Good).await;
    let check = done(&handle, JobKind::Check, "s3", JobOutcome::Good).await;
    let table = [
        (None, None, 9, vec![check, s3, usb]),
        (None, None, 2, vec![check, s3]),
        (Some("s3"), None, 9, vec![check, s3]),
        (None, Some(JobKind::Full), 9, vec![s3, usb]),
        (Some("usb"), Some(JobKind::Check), 9, vec![]),
    ];
    for (target, kind, limit, expected) in table {
        let question = BackupJobsQuestion {
            target: target.map(str::to_owned),
            kind,
            limit,
        };
        let jobs = handle.backup_jobs(question.clone()).await.unwrap();
        assert_eq!(ids(&jobs), expected, "{question:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn the_last_of_each_kind_is_told_and_the_last_good_one_with_it() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    done(&handle, JobKind::Full, "usb", JobOutcome::Good).await;
    let good = done(&handle, JobKind::Full, "usb", JobOutcome::Good).await;
    done(&handle, JobKind::Full, "usb", JobOutcome::Partial).await;
    let failed = done(&handle, JobKind::Full, "usb", JobOutcome::Failed).await;
    let s3 = done(&handle, JobKind::Full, "s3", JobOutcome::Good).await;
    let runs = new(JobKind::Check, "usb");
    let runs = handle.begin_backup_job(runs).await.unwrap();
    let last = handle.last_backup_jobs().await.unwrap();
    assert_eq!(ids(&last), [good, failed, s3, runs]);
    store.close().await;
}

#[tokio::test]
async fn old_jobs_are_forgotten_by_kind_and_target_but_never_the_last_good_one() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let older = done(&handle, JobKind::Full, "usb", JobOutcome::Good).await;
    let good = done(&handle, JobKind::Full, "usb", JobOutcome::Good).await;
    let other = done(&handle, JobKind::Full, "s3", JobOutcome::Failed).await;
    let check = done(&handle, JobKind::Check, "usb", JobOutcome::Failed).await;
    let mut newest = good;
    for _ in 0..limits::BACKUP_JOBS_PER_KIND_MAX + 5 {
        let failed = new(JobKind::Full, "usb");
        newest = handle.begin_backup_job(failed).await.unwrap();
    }
    let kept = ids(&handle.backup_jobs(everything()).await.unwrap());
    assert_eq!(kept.len(), limits::BACKUP_JOBS_PER_KIND_MAX as usize + 3);
    assert!(!kept.contains(&older));
    for job in [good, other, check, newest] {
        assert!(kept.contains(&job), "{job:?} of {kept:?}");
    }
    store.close().await;
}

fn entry(run: &str, is_good: bool) -> CatalogueEntry {
    CatalogueEntry {
        run: run.to_owned(),
        kind: JobKind::Databases,
        at: 100,
        is_good,
        manifest: format!("{{\"run\":\"{run}\"}}"),
    }
}

#[tokio::test]
async fn the_catalogue_of_a_target_is_its_own_and_each_run_is_in_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let entries = vec![entry("3", false), entry("1", true), entry("2", true)];
    handle.catalogue_add("usb", entries).await.unwrap();
    let again = vec![entry("3", true)];
    handle.catalogue_add("usb", again).await.unwrap();
    let elsewhere = vec![entry("1", true)];
    handle.catalogue_add("s3", elsewhere.clone()).await.unwrap();
    let gone = vec!["1".to_owned(), "unknown".to_owned()];
    handle.catalogue_remove("usb", gone).await.unwrap();
    store.close().await;

    let store = open(&path).unwrap().store;
    let handle = store.handle();
    let usb = handle.catalogue("usb").await.unwrap();
    assert_eq!(usb, [entry("2", true), entry("3", true)]);
    assert_eq!(handle.catalogue("s3").await.unwrap(), elsewhere);
    assert_eq!(handle.catalogue("nowhere").await.unwrap(), []);
    store.close().await;
}

#[tokio::test]
async fn the_oldest_of_too_many_backups_are_forgotten() {
    let store = open_in_memory().unwrap();
    let handle = store.handle();
    let max = limits::BACKUP_CATALOGUE_MAX;
    let entries = (0..max + 2).map(|run| entry(&format!("{run:06}"), true));
    handle
        .catalogue_add("usb", entries.collect())
        .await
        .unwrap();
    let kept = handle.catalogue("usb").await.unwrap();
    assert_eq!(kept.len(), max as usize);
    assert_eq!(kept[0].run, "000002");
    store.close().await;
}

#[tokio::test]
async fn a_fact_is_what_was_told_last_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let store = open(&path).unwrap().store;
    let handle = store.handle();
    assert_eq!(handle.backup_fact("id").await.unwrap(), None);
    handle.set_backup_fact("id", "one").await.unwrap();
    handle.set_backup_fact("id", "two").await.unwrap();
    store.close().await;
    let store = open(&path).unwrap().store;
    let fact = store.handle().backup_fact("id").await.unwrap();
    assert_eq!(fact.as_deref(), Some("two"));
    store.close().await;
}
