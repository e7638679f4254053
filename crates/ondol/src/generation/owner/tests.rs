//! The owner with real processes and links, whose part the test plays.

use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use ondol_base::process;
use ondol_config::Sources;
use ondol_store::Store;

use super::*;
use crate::generation::Phase;
use crate::listeners::Listeners;
use crate::sandbox::ServeUser;
use ondol_certs::CertificateSet;

/// A data plane: a process that waits until the test is over, and the other end of its link.
struct Played {
    number: Number,
    pid: u32,
    _waits_for: ChildStdin,
    link: Link,
}

impl Played {
    #[expect(clippy::zombie_processes, reason = "the owner reaps it")]
    fn new(number: Number, phase: Phase) -> (Self, Adopted) {
        let mut command = Command::new("cat");
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let played = Self {
            number,
            pid: child.id(),
            _waits_for: child.stdin.take().unwrap(),
            link: Link::new(theirs, &[]).unwrap(),
        };
        let adopted = Adopted {
            number,
            pid: played.pid,
            phase,
            link: ours.into(),
            unread: Vec::new(),
        };
        (played, adopted)
    }

    async fn says(&mut self, values: &[Up]) {
        for value in values {
            self.link.send(value).unwrap();
        }
        self.link.flush().await.unwrap();
    }

    /// Waits for a whole configuration; returns the number to answer with.
    async fn told(&mut self) -> u64 {
        loop {
            if let Down::Configuration { sequence, .. } = self.link.next().await.unwrap() {
                return sequence;
            }
        }
    }
}

fn wanted() -> Wanted {
    Wanted {
        sources: Arc::new(Sources { files: Vec::new() }),
        certificates: Arc::new(CertificateSet {
            client_authorities: Vec::new(),
            entries: Vec::new(),
            rows: Vec::new(),
            unusable: Vec::new(),
            plan: None,
            wanted: Vec::new(),
            kept: Vec::new(),
            root_pem: "".into(),
            upstream_files: Arc::default(),
        }),
        listeners: Listeners::default(),
        roots: std::collections::BTreeSet::new(),
    }
}

/// An owner at work; it ends with what is returned.
fn at_work(log: &str, adopted: Vec<Adopted>) -> (Handle, Group, Store) {
    let surroundings = Surroundings {
        user: ServeUser::Own,
        log: log.to_owned(),
        environment: Vec::new(),
        access_log: "/nowhere".into(),
    };
    let store = ondol_store::open_in_memory().unwrap();
    let events = Events::new(store.handle());
    let (owner, handle) = Owner::new(wanted(), surroundings, events, 1, adopted);
    let mut group = Group::default();
    group.spawn("owner", owner.run());
    (handle, group, store)
}

#[tokio::test]
async fn what_a_draining_one_applies_is_no_answer() {
    let (mut draining, first) = Played::new(6, Phase::Draining);
    let (mut serving, second) = Played::new(7, Phase::Serving);
    let (handle, _group, _store) = at_work("info", vec![first, second]);
    let mut status = handle.status();
    let mut answer = std::pin::pin!(handle.take_up(wanted()));
    let sequence = tokio::select! {
        early = &mut answer => panic!("answered before anyone did: {early:?}"),
        sequence = serving.told() => sequence,
    };
    let requests = Counters {
        requests: 1,
        ..Counters::default()
    };
    draining
        .says(&[Up::Applied { sequence }, Up::Counters(requests)])
        .await;
    tokio::select! {
        biased;
        early = &mut answer => panic!("answered by {}: {early:?}", draining.number),
        heard = status.wait_for(|status| status.counters.requests == 1) => drop(heard.unwrap()),
    }
    let is_answered = std::future::poll_fn(|cx| std::task::Poll::Ready(answer.as_mut().poll(cx)));
    assert!(is_answered.await.is_pending());
    serving.says(&[Up::Applied { sequence }]).await;
    answer.await.unwrap();
}

#[tokio::test]
async fn one_that_cannot_be_started_is_refused_with_the_reason() {
    let (handle, _group, _store) = at_work("no\0argument", Vec::new());
    let refused = handle.take_up(wanted()).await.unwrap_err().to_string();
    assert!(refused.contains("could not start its process"), "{refused}");
}

#[tokio::test]
async fn one_that_is_killed_on_leaving_is_no_zombie_afterwards() {
    let (played, adopted) = Played::new(5, Phase::Ending);
    let (handle, _group, _store) = at_work("info", vec![adopted]);
    assert!(process::alive(played.pid));
    assert!(handle.hand_over().await.is_empty());
    assert!(!process::alive(played.pid));
}
