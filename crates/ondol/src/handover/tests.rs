//! What an image leaves is what the next one finds.

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;

use ondol_model::plan::Listen;

use super::*;
use crate::listeners;

fn facts() -> Facts {
    Facts {
        next_generation: 8,
        revision: 3,
        texts: vec![Text {
            path: "/etc/ondol/ondol.toml".into(),
            text: "[box]\n".into(),
        }],
        executable: "/usr/local/bin/ondol".into(),
        from_version: "0.1.0".into(),
        on_last_good: None,
        counted: Default::default(),
        reason: Reason::GoBack {
            because: "no luck".into(),
        },
    }
}

#[test]
fn the_next_image_finds_everything_as_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let lock_path = folder.path().join("lock");
    let listen = Listen {
        http: vec![ondol_model::listen::Listener {
            address: ListenAddress::parse("127.0.0.1:0").unwrap(),
            preface: ondol_model::listen::Preface::ProxyProtocol,
        }],
        https: Vec::new(),
        trusted_proxies: Vec::new(),
        client_ip_header: ondol_model::forwarded::ClientIpHeader::XForwardedFor,
    };
    let listeners = Listeners::open(&listen, &Listeners::default(), 2).unwrap();
    let addresses = listeners.addresses();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let left = Handover {
        listeners,
        generations: vec![Adopted {
            number: 7,
            pid: 77,
            phase: Phase::Serving,
            link: ours.into(),
            unread: vec![0, 0],
        }],
        lock: ondol_base::file::lock_exclusive(&lock_path).unwrap(),
        admin: None,
        facts: facts(),
        previous: own_program().unwrap(),
    };
    let memory = left.write().unwrap();
    // An exec leaves the numbers open and nobody who owns them, as forgetting does here.
    let number = memory.into_raw_fd();
    std::mem::forget(left);

    let taken = Handover::take(u32::try_from(number).unwrap()).unwrap();
    assert_eq!(taken.facts, facts());
    assert_eq!(taken.listeners.addresses(), addresses);
    assert_eq!(taken.listeners.0[0].sockets.len(), 2);
    assert_eq!(
        taken.listeners.keys(),
        listeners::keys(&listen).collect(),
        "what stands in front of connections is forgotten"
    );
    assert!(
        ondol_base::file::lock_exclusive(&lock_path).is_err(),
        "the lock was let go"
    );
    let [generation] = taken.generations.try_into().unwrap();
    assert_eq!(
        (generation.number, generation.pid, generation.phase),
        (7, 77, Phase::Serving)
    );
    theirs.write_all(b"x").unwrap();
    let mut byte = [0];
    UnixStream::from(generation.link)
        .read_exact(&mut byte)
        .unwrap();
    assert_eq!((generation.unread, byte), (vec![0, 0], *b"x"));
}

#[test]
fn what_is_no_handover_is_refused() {
    assert!(matches!(
        Handover::take(u32::MAX),
        Err(HandoverError::Missing(..))
    ));
    let file = tempfile::tempfile().unwrap();
    let number = u32::try_from(file.into_raw_fd()).unwrap();
    assert!(matches!(
        Handover::take(number),
        Err(HandoverError::Malformed(_))
    ));
}

#[test]
fn a_program_that_cannot_be_executed_leaves_this_one_running() {
    let folder = tempfile::tempdir().unwrap();
    let handover = Handover {
        listeners: Listeners::default(),
        generations: Vec::new(),
        lock: ondol_base::file::lock_exclusive(&folder.path().join("lock")).unwrap(),
        admin: None,
        facts: facts(),
        previous: own_program().unwrap(),
    };
    let error = handover.execute(Path::new("/no/such/program")).unwrap_err();
    assert!(matches!(error, HandoverError::Execute { .. }));
}

#[test]
fn a_trial_is_given_the_facts_that_a_handover_would_bring() {
    let memory = facts().for_trial().unwrap();
    let number = u32::try_from(memory.into_raw_fd()).unwrap();
    assert_eq!(Facts::of_trial(number).unwrap(), facts());
}
