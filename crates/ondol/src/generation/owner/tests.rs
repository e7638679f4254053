//! The owner with real processes and links, whose part the test plays.

use std::os::unix::net::UnixStream;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use ondol_base::process;
use ondol_certs::Board;
use ondol_certs::CertificateSet;
use ondol_config::Sources;
use ondol_store::Store;

use super::*;
use crate::generation::Phase;
use crate::link;
use crate::link::Link;
use crate::listeners::Listeners;
use crate::sandbox::ServeUser;

mod counted;
mod endpoints;
mod own;

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

    /// Waits until it is told what issuers are to be shown.
    async fn told_challenges(&mut self) -> link::Challenges {
        loop {
            if let Down::Challenges(challenges) = self.link.next().await.unwrap() {
                return challenges;
            }
        }
    }

    /// The same, and says that it shows it.
    async fn shows(&mut self) -> link::Challenges {
        let challenges = self.told_challenges().await;
        let sequence = challenges.sequence;
        self.says(&[Up::Challenges { sequence }]).await;
        challenges
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
    let (handle, _, group, store) = at_work_with_board(log, adopted);
    (handle, group, store)
}

/// The same, with the board whose answers it has shown.
fn at_work_with_board(log: &str, adopted: Vec<Adopted>) -> (Handle, Board, Group, Store) {
    let (_, apps) = endpoints::pair();
    at_work_with_apps(log, adopted, apps)
}

/// The same, with what visitors get of apps.
fn at_work_with_apps(
    log: &str,
    adopted: Vec<Adopted>,
    apps: EndpointsReader,
) -> (Handle, Board, Group, Store) {
    let (_, _, own) = own::ends();
    at_work_with_own(log, adopted, apps, own)
}

/// The same, with what the box answers by itself.
fn at_work_with_own(
    log: &str,
    adopted: Vec<Adopted>,
    apps: EndpointsReader,
    own: OwnReader,
) -> (Handle, Board, Group, Store) {
    let surroundings = Surroundings {
        user: ServeUser::Own,
        log: log.to_owned(),
        environment: Vec::new(),
        access_log: "/nowhere".into(),
    };
    let store = ondol_store::open_in_memory().unwrap();
    let events = Events::new(store.handle());
    let (board, reader) = Board::new();
    let readers = (reader, apps, own);
    let (owner, handle) = Owner::new(wanted(), surroundings, events, 1, adopted, readers);
    let mut group = Group::default();
    group.spawn("owner", owner.run());
    (handle, board, group, store)
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
    assert!(handle.hand_over().await.generations.is_empty());
    assert!(!process::alive(played.pid));
}

/// Waits until the owner has heard all that was said before.
async fn until_heard(handle: &Handle, played: &mut Played, requests: u64) {
    let counters = Counters {
        requests,
        ..Counters::default()
    };
    played.says(&[Up::Counters(counters)]).await;
    let mut status = handle.status();
    let heard = status.wait_for(|status| status.counters.requests == requests);
    drop(heard.await.unwrap());
}

/// Whether it is done already.
async fn is_done<F: Future>(future: &mut std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

#[tokio::test]
async fn an_answer_for_issuers_is_shown_when_the_one_that_serves_says_so() {
    let (mut draining, first) = Played::new(6, Phase::Draining);
    let (mut serving, second) = Played::new(7, Phase::Serving);
    let (handle, board, _group, _store) = at_work_with_board("info", vec![first, second]);
    for played in [&mut draining, &mut serving] {
        // What the image before has posted is taken away.
        assert_eq!(played.shows().await, link::Challenges::default());
    }
    let mut posting = std::pin::pin!(board.post_http("token", "token.print"));
    assert!(!is_done(&mut posting).await);
    let shown = draining.shows().await;
    assert_eq!(shown.http["token"], "token.print");
    until_heard(&handle, &mut draining, 1).await;
    assert!(!is_done(&mut posting).await, "{}", draining.number);
    assert_eq!(serving.shows().await, shown);
    let posted = posting.await.unwrap();
    drop(posted);
    assert!(serving.shows().await.http.is_empty());
}

#[tokio::test]
async fn one_that_never_answers_is_told_once_and_holds_up_nobody() {
    let (mut silent, first) = Played::new(6, Phase::Draining);
    let (mut serving, second) = Played::new(7, Phase::Serving);
    let (handle, board, _group, _store) = at_work_with_board("info", vec![first, second]);
    serving.shows().await;
    for round in 0..100_u64 {
        let posting = board.post_http("token", "token.print");
        let (posted, shown) = tokio::join!(posting, serving.shows());
        assert_eq!(shown.sequence, 2 * round + 1);
        drop(posted.unwrap());
        assert!(serving.shows().await.http.is_empty());
    }
    until_heard(&handle, &mut serving, 1).await;
    assert_eq!(silent.told_challenges().await.sequence, 0);
    silent.says(&[Up::Challenges { sequence: 0 }]).await;
    assert_eq!(silent.told_challenges().await.sequence, 200);
}

#[tokio::test]
async fn an_answer_posted_while_none_serves_is_shown_by_the_next() {
    let (mut serving, first) = Played::new(6, Phase::Serving);
    let (mut next, second) = Played::new(7, Phase::Starting);
    let (handle, board, _group, _store) = at_work_with_board("no\0argument", vec![first, second]);
    serving.shows().await;
    next.shows().await;
    drop(serving);
    let mut status = handle.status();
    let lost = status.wait_for(|status| status.serving().is_none());
    drop(lost.await.unwrap());
    let mut posting = std::pin::pin!(board.post_http("token", "token.print"));
    assert!(!is_done(&mut posting).await);
    assert_eq!(next.shows().await.http["token"], "token.print");
    until_heard(&handle, &mut next, 1).await;
    assert!(!is_done(&mut posting).await, "it accepts nobody yet");
    let version = "1".to_owned();
    next.says(&[Up::Ready { version }]).await;
    let posted = posting.await.unwrap();
    drop(posted);
}

#[tokio::test]
async fn what_an_image_before_was_told_is_no_answer_to_this_one() {
    let (mut serving, adopted) = Played::new(6, Phase::Serving);
    let (handle, board, _group, _store) = at_work_with_board("info", vec![adopted]);
    let mut posting = std::pin::pin!(board.post_http("token", "token.print"));
    assert!(!is_done(&mut posting).await);
    let late = [1, 57].map(|sequence| Up::Challenges { sequence });
    serving.says(&late).await;
    until_heard(&handle, &mut serving, 1).await;
    assert!(!is_done(&mut posting).await);
    assert_eq!(serving.shows().await.sequence, 0);
    assert_eq!(serving.shows().await.http["token"], "token.print");
    drop(posting.await.unwrap());
}
