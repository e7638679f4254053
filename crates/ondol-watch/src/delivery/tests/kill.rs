//! The agent is killed again and again while it sends.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use super::*;

const CHILD: &str = "ONDOL_OUTBOX_KILLED";
const NAME: &str = "delivery::tests::kill::what_is_killed_while_it_sends_loses_nothing_and_repeats_nothing_visibly";
/// What each run of the agent queues.
const EACH: usize = 6;

/// Runs this test again as a child that queues and sends until it is killed; the last one ends by itself.
#[test]
fn what_is_killed_while_it_sends_loses_nothing_and_repeats_nothing_visibly() {
    if let Some(path) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(queue_and_send(Path::new(&path)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ondol.db");
    let mut queued = BTreeSet::new();
    let mut taken: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for lines_max in [1, 2, 3, 5, 8, 9, 10, usize::MAX] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = 0;
        for line in lines.map_while(Result::ok) {
            let words: Vec<_> = line.splitn(3, ' ').collect();
            match words[..] {
                ["queued", title, ""] => drop(queued.insert(title.replace('_', " "))),
                ["took", id, title] => {
                    let ids = taken.entry(title.to_owned()).or_default();
                    ids.insert(id.parse().unwrap());
                }
                _ => continue,
            }
            heard += 1;
            if heard == lines_max {
                child.kill().unwrap(); // What is in the pipe still counts.
            }
        }
        child.wait().unwrap();
    }
    assert!(queued.len() >= EACH, "{queued:?}");
    for title in queued {
        let ids = taken.get(&title);
        assert_eq!(ids.map(BTreeSet::len), Some(1), "{title}: {taken:?}");
    }
}

async fn queue_and_send(path: &Path) {
    let store = ondol_store::open(path).unwrap().store;
    let first = store.handle().messages(1).await.unwrap();
    let first = first.first().map_or(0, |message| message.id);
    let stage = Stage::on(store, World::new(Mood::Aloud));
    for incident in (first + 1..).take(EACH) {
        let message = problem("me", incident);
        let title = message.title.replace(' ', "_");
        stage.queue(vec![message]).await;
        println!("queued {title} ");
    }
    stage.emptied().await;
}
