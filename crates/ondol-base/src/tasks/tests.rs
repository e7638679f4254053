//! Services that fail and workers that are late, in paused time.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::clock;

const SECOND: Duration = Duration::from_secs(1);

async fn until(status: &mut watch::Receiver<ServiceStatus>, state: ServiceState) -> ServiceStatus {
    let reached = status.wait_for(|status| status.state == state).await;
    reached.unwrap().clone()
}

/// A service whose first runs end in ways of their own, and the later ones wait for the stop.
fn clumsy(supervisor: &mut Supervisor, ends: u32) -> watch::Receiver<ServiceStatus> {
    let runs = Arc::new(AtomicU32::new(0));
    supervisor.service("clumsy", move |stop| {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        async move {
            // Long enough for the test to see each state.
            tokio::time::sleep(SECOND / 10).await;
            match run {
                _ if run >= ends => stop.requested().await,
                0 => panic!("out of {}", "luck"),
                1 => return Err(io::Error::other("disk on fire")),
                _ => {}
            }
            Ok(())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_or_fails_is_started_again_and_says_why() {
    let mut supervisor = Supervisor::default();
    let mut status = clumsy(&mut supervisor, 3);
    let mut reasons = Vec::new();
    for restarts in 1..=3 {
        let waiting = until(&mut status, ServiceState::Waiting).await;
        reasons.push(waiting.last_error.unwrap());
        let running = until(&mut status, ServiceState::Running).await;
        assert_eq!(running.restarts, restarts);
    }
    assert_eq!(
        reasons,
        [
            "it panicked: out of luck",
            "disk on fire",
            "it ended without being told to"
        ]
    );
    assert_eq!(supervisor.stop(SECOND).await, [""; 0]);
    assert_eq!(status.borrow().state, ServiceState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_stays_up_is_failed_until_it_runs_steadily() {
    let mut supervisor = Supervisor::default();
    let began = clock::now();
    let mut status = clumsy(&mut supervisor, 10);
    until(&mut status, ServiceState::Failed).await;
    assert!(clock::now() - began < 10 * SECOND);
    let healed = until(&mut status, ServiceState::Running).await;
    assert_eq!(healed.restarts, 10);
    // Five tries at the slowest pace, and a minute of running well.
    let taken = clock::now() - began;
    assert!((200 * SECOND..250 * SECOND).contains(&taken), "{taken:?}");
    assert_eq!(supervisor.status().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn services_stop_in_reverse_and_the_late_are_named() {
    let mut supervisor = Supervisor::default();
    let (order, mut stopped) = tokio::sync::mpsc::channel(8);
    for (name, seconds) in [("first", 0), ("second", 0), ("deaf", 1_000), ("last", 2)] {
        let order = order.clone();
        supervisor.service(name, move |stop| {
            let order = order.clone();
            async move {
                stop.requested().await;
                tokio::time::sleep(seconds * SECOND).await;
                order.send(name).await
            }
        });
    }
    drop(order);
    tokio::task::yield_now().await;
    let began = clock::now();
    assert_eq!(supervisor.stop(20 * SECOND).await, ["deaf"]);
    assert!(clock::now() - began <= 20 * SECOND);
    let mut names = Vec::new();
    while let Some(name) = stopped.recv().await {
        names.push(name);
    }
    assert_eq!(names, ["last", "second", "first"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_waits_for_its_restart_stops_at_once() {
    let mut supervisor = Supervisor::default();
    let mut status = clumsy(&mut supervisor, u32::MAX);
    until(&mut status, ServiceState::Failed).await;
    let began = clock::now();
    assert!(supervisor.stop(SECOND).await.is_empty());
    assert!(clock::now() - began < SECOND / 10);
}

#[tokio::test(start_paused = true)]
async fn late_workers_are_named_and_a_panic_ends_only_one() {
    let (stopper, stop) = Stopper::new();
    let mut group = Group::default();
    group.spawn("panics", async { panic!("alone") });
    assert_eq!(group.next_end().await.as_deref(), Some("panics"));
    for name in ["obeys", "obeys too"] {
        let stop = stop.clone();
        group.spawn(name, async move { stop.requested().await });
    }
    for name in ["hangs", "also hangs"] {
        group.spawn(name, std::future::pending());
    }
    assert_eq!(group.len(), 4);
    stopper.stop();
    let deadline = clock::now() + SECOND;
    assert_eq!(
        group.close_and_wait(deadline).await,
        ["also hangs", "hangs"]
    );
    assert_eq!(clock::now(), deadline);
}

#[tokio::test]
async fn a_lost_stopper_asks_for_the_end() {
    let (stopper, stop) = Stopper::new();
    assert!(!stop.is_requested());
    drop(stopper);
    stop.requested().await;
    assert!(stop.is_requested());
}

#[test]
fn a_thread_has_its_name_and_its_end() {
    let thread = spawn_thread("keeper", || {
        std::thread::current().name().map(str::to_owned)
    });
    assert_eq!(thread.unwrap().join().unwrap().as_deref(), Some("keeper"));
}
