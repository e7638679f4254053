//! What is on disk, and what is done with it after a restart.

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("challenge-records.json")
    }

    /// As after a start.
    fn open(&self) -> ZoneJournal {
        ZoneJournal::open(&self.path()).unwrap()
    }

    async fn left(&self) -> Vec<String> {
        let left = self.open().left("cloudflare", 10).await;
        left.into_iter()
            .map(|written| written.text.into())
            .collect()
    }
}

fn written(text: &str) -> Written {
    Written {
        provider: "cloudflare".into(),
        zone: Some("example.com".into()),
        name: "_acme-challenge.example.com".into(),
        text: text.into(),
    }
}

#[tokio::test]
async fn what_is_noted_is_on_disk_until_it_is_forgotten() {
    let folder = Folder::new();
    let journal = folder.open();
    assert!(!folder.path().exists());
    let (first, second) = (written("first"), written("second"));
    let needed = journal.note(&first).await.unwrap();
    let _other = journal.note(&second).await.unwrap();
    assert_eq!(folder.left().await, ["first", "second"]);
    assert!(journal.left("cloudflare", 10).await.is_empty());
    drop(needed);
    assert_eq!(
        journal.left("cloudflare", 10).await,
        std::slice::from_ref(&first)
    );
    assert!(journal.left("desec", 10).await.is_empty());
    journal.forget(&first).await.unwrap();
    journal.forget(&second).await.unwrap(); // Somebody needs it.
    assert_eq!(folder.left().await, ["second"]);
}

#[tokio::test]
async fn a_record_that_two_need_is_left_when_neither_does() {
    let folder = Folder::new();
    let journal = folder.open();
    let record = written("text");
    let one = journal.note(&record).await.unwrap();
    let two = journal.note(&record).await.unwrap();
    drop(one);
    assert!(!journal.is_left(&record).await);
    drop(two);
    assert!(journal.is_left(&record).await);
    let again = journal.note(&record).await.unwrap();
    assert!(!journal.is_left(&record).await);
    drop(again);
    journal.forget(&record).await.unwrap();
    assert!(!journal.is_left(&record).await);
}

#[tokio::test]
async fn what_can_not_be_removed_waits_behind_the_others_and_not_for_ever() {
    let folder = Folder::new();
    let month = 31 * 24 * 3600;
    let old = clock::unix_seconds() - month;
    let text = format!(
        r#"{{"records": [
            {{"provider": "cloudflare", "name": "a.example.com", "text": "old", "at": {old}}},
            {{"provider": "cloudflare", "name": "a.example.com", "text": "young", "at": {}}}
        ]}}"#,
        old + month
    );
    file::replace(&folder.path(), text.as_bytes(), 0o600).unwrap();
    let journal = folder.open();
    let texts = async || {
        let left = journal.left("cloudflare", 10).await;
        left.into_iter()
            .map(|written| String::from(written.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(texts().await, ["old", "young"]);
    journal
        .put_last(&journal.left("cloudflare", 1).await[0])
        .await;
    assert_eq!(texts().await, ["young", "old"]);
    let given_up = journal.give_up_old().await.unwrap();
    assert_eq!(&*given_up[0].text, "old");
    assert_eq!(texts().await, ["young"]);
    assert_eq!(folder.left().await, ["young"]);
    assert!(journal.give_up_old().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_file_is_put_aside() {
    let folder = Folder::new();
    for damaged in ["", "{", "[]", "{\"records\": [{}]}"] {
        file::replace(&folder.path(), damaged.as_bytes(), 0o600).unwrap();
        assert!(folder.left().await.is_empty(), "{damaged}");
        let aside = folder.path().with_added_extension("damaged");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), damaged);
    }
}

#[tokio::test]
async fn nothing_is_written_that_is_not_noted() {
    let folder = Folder::new();
    let journal = folder.open();
    std::fs::create_dir(folder.path()).unwrap(); // A file can't take its place.
    let failure = journal.note(&written("text")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Machine);
    let start = format!(
        "the list of challenge records could not be written to {}: ",
        folder.path().display()
    );
    assert!(failure.sentence.starts_with(&start), "{failure}");
    assert!(journal.left("cloudflare", 10).await.is_empty());
}

#[tokio::test]
async fn a_name_is_changed_by_one_at_a_time() {
    let journal = Folder::new().open();
    let first = journal.turn("a").await.unwrap();
    let _other = journal.turn("b").await.unwrap();
    let second = journal.turn("a");
    tokio::pin!(second);
    let waits = std::future::poll_fn(|context| {
        std::task::Poll::Ready(second.as_mut().poll(context).is_pending())
    });
    assert!(waits.await);
    drop(first);
    assert!(second.await.is_some());
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the files of a test do not outlive it"
)]
async fn damage_never_ends_the_box_and_is_put_aside() {
    let folder = Folder::new();
    let journal = folder.open();
    let _needed = journal.note(&written("first")).await.unwrap();
    let whole = std::fs::read(folder.path()).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x15;
        for bytes in [&changed[..], &whole[..at]] {
            std::fs::write(folder.path(), bytes).unwrap();
            let journal = folder.open();
            let _ = journal.give_up_old().await.unwrap();
            let _ = journal.left("cloudflare", 10).await;
        }
    }
}
