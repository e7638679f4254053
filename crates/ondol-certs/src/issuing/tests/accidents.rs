//! What goes wrong with this machine: kills, disks, stores, files that others have changed.

use std::fs;
use std::pin::pin;
use std::task::Poll;

use super::*;
use crate::files;
use crate::sample::DAY;
use crate::sample::Sample;
use crate::shelf::Shelf;

#[tokio::test]
async fn a_box_that_is_killed_makes_one_order_more_at_most() {
    let Some(world) = World::new().await else {
        return;
    };
    for step in 0..10 {
        let disk = Disk::new();
        let name = format!("a{step}.example.com");
        let plan = world.plan(&[&[&name]]);
        let is_cut = world
            .run(&disk, Arc::clone(&plan), async |running| {
                !cut_off(3 * step, running.until_held()).await
            })
            .await;
        let begun = world.orders(&name);
        println!("{name}: killed {is_cut}, after {begun} orders");
        assert!(step > 3 || is_cut, "{name} came too soon");
        assert!(world.plane.shown().tls_alpn.is_empty());
        let failures = world
            .run(&disk, plan, async |running| {
                let all = running.until_held().await;
                all[0].failures
            })
            .await;
        assert_eq!(failures, 0);
        assert!((1..=2).contains(&world.orders(&name)));
    }
}

/// Does a work until it is done, which is true, or was polled so often.
async fn cut_off(polls: usize, work: impl Future) -> bool {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if work.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        let Some(next) = left.checked_sub(1) else {
            return Poll::Ready(false);
        };
        left = next;
        Poll::Pending
    })
    .await
}

#[tokio::test]
async fn what_came_and_could_not_be_kept_is_fetched_again_without_another_order() {
    let Some(world) = World::new().await else {
        return;
    };
    let disk = Disk::new();
    let plan = world.plan(&[&["a.example.com"]]);
    let in_the_way = disk.folder("a.example.com@new");
    fs::create_dir_all(in_the_way.parent().unwrap()).unwrap();
    fs::write(&in_the_way, "").unwrap();
    world
        .run(&disk, plan, async |running| {
            let why = running.failure().await;
            assert!(why.contains("came, but could not be kept"), "{why}");
            let news = running.news();
            assert_eq!(news.len(), 1, "{news:?}");
            assert!(
                news[0]
                    .ends_with("Visitors get one of Ondol's own CA for now; `ondol certs` shows when it is tried again.")
            );
            fs::remove_file(&in_the_way).unwrap();
            running.renew("a.example.com").await.unwrap();
            running.until_held().await;
        })
        .await;
    assert_eq!(world.front.orders().len(), 1);
}

#[tokio::test]
async fn a_disk_or_a_store_that_takes_nothing_costs_the_issuer_nothing() {
    let Some(world) = World::new().await else {
        return;
    };
    let plan = world.plan(&[&["a.example.com"]]);
    let disk = Disk::new();
    let place = disk.path().join("certificates/pebble");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "").unwrap();
    world
        .run(&disk, Arc::clone(&plan), async |running| {
            let why = running.failure().await;
            assert!(why.contains("account"), "{why}");
        })
        .await;

    let disk = Disk::new();
    let open = || ondol_store::open(&disk.path().join("ondol.db")).unwrap();
    let closed = open().store;
    let handle = closed.handle();
    closed.close().await;
    let (notices, mut news) = mpsc::channel(8);
    let certificates = Certificates::open(disk.path(), "seocho", notices).unwrap();
    certificates.take_up(plan).await.unwrap();
    let board = world.plane.board.clone();
    let (service, IssuingHandle { mut managed, .. }) = Issuing::new(certificates, handle, board);
    let (_stopper, stop) = Stopper::new();
    let is_told = |all: &Arc<Vec<Managed>>| all.first().is_some_and(|one| one.last.is_some());
    tokio::select! {
        _ = service.run(stop) => unreachable!(),
        told = managed.wait_for(is_told) => {
            let why = told.unwrap()[0].last.clone().unwrap().sentence;
            assert!(why.contains("the store is closed"), "{why}");
        }
    }
    let mut told = Vec::new();
    while let Ok(one) = news.try_recv() {
        told.push(one.message);
    }
    let told = told
        .iter()
        .filter(|told| told.contains("the store is closed"));
    assert_eq!(told.count(), 1);
    assert_eq!(world.front.orders().len(), 0);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_at_the_start_is_told_and_got_anew() {
    let Some(world) = World::new().await else {
        return;
    };
    let disk = Disk::new();
    let plan = world.plan(&[&["a.example.com"]]);
    let name = "a.example.com";
    let held = async |running: &Running| {
        running.until_held().await;
        assert_eq!(running.issuer_of(name).as_deref(), Some("pebble"));
        running.news()
    };
    world.run(&disk, Arc::clone(&plan), held).await;
    fs::write(disk.folder(name).join("key.pem"), "no key").unwrap();
    world
        .run(&disk, Arc::clone(&plan), async |running| {
            let news = running.news();
            assert!(news[0].contains("cannot be used"), "{news:?}");
            let managed = running.until(|one| one.state == State::Waiting).await;
            let wait = managed[0].next_at.unwrap() - clock::unix_seconds();
            assert!((0..90).contains(&wait), "it is got anew in {wait} s");
            running.renew(name).await.unwrap();
            held(running).await;
        })
        .await;
    let news = world.run(&disk, plan, held).await;
    assert_eq!(news, Vec::<String>::new());
    assert_eq!(world.front.orders().len(), 2);
}

/// A certificate of an issuer, good from so many days ago for so many days more.
fn kept(name: &str, before: i64, after: i64) -> Kept {
    let now = clock::unix_seconds();
    let sample = Sample::with(&[name], now - before * DAY, now + after * DAY);
    Kept {
        issuer: "pebble".into(),
        name: fixture::pattern(name),
        pair: files::parse(&sample.chain(), &sample.key).unwrap(),
        meta: Meta {
            names: vec![name.to_owned()],
            ..Meta::default()
        },
    }
}

#[tokio::test]
async fn what_ended_long_ago_goes_unless_it_is_in_use() {
    let Some(world) = World::new().await else {
        return;
    };
    world.front.switch_off();
    let disk = Disk::new();
    let shelf = Shelf::new(disk.path().join("certificates"));
    for (name, after) in [
        ("old.example.com", -15),
        ("late.example.com", -13),
        ("a.example.com", -30),
    ] {
        shelf.keep(&kept(name, 90, after)).unwrap();
    }
    let plan = world.plan(&[&["a.example.com"]]);
    world
        .run(&disk, plan, async |running| {
            running.failure().await;
            let mut sets = running.certificates.subscribe();
            let is_clean = |set: &Arc<CertificateSet>| set.kept.len() == 2;
            let waiting = tokio::time::timeout(PATIENCE, sets.wait_for(is_clean));
            waiting.await.unwrap().unwrap();
            assert_eq!(
                running.issuer_of("a.example.com").as_deref(),
                Some("pebble")
            );
        })
        .await;
    assert!(!disk.folder("old.example.com").exists());
    assert!(disk.folder("late.example.com").exists());
    assert!(disk.folder("a.example.com").exists());
}

#[tokio::test]
async fn a_restart_repeats_no_warning() {
    let Some(world) = World::new().await else {
        return;
    };
    world.front.switch_off();
    let disk = Disk::new();
    let shelf = Shelf::new(disk.path().join("certificates"));
    shelf.keep(&kept("a.example.com", 85, 5)).unwrap();
    let plan = world.plan(&[&["a.example.com"]]);
    let news = async |running: &Running| {
        running.failure().await;
        running.news()
    };
    let first = world.run(&disk, Arc::clone(&plan), news).await;
    let warnings = first.iter().filter(|told| told.contains(" ends on "));
    assert_eq!(warnings.count(), 1, "{first:?}");
    let failures = first
        .iter()
        .filter(|told| told.contains("when it is tried again"));
    assert_eq!(failures.count(), 1, "{first:?}");
    let second = world.run(&disk, plan, news).await;
    assert_eq!(second, Vec::<String>::new());
}
