//! What is computed, what is remembered, and who has to wait.

use std::future::Future;
use std::task::Poll;

use ondol_model::password::Argon2Cost;

use super::*;

/// bcrypt of `hunter2` with the least cost, so that tests are quick.
fn hash() -> PasswordHash {
    let salt = *b"sixteen bytes...";
    let hash = slow_hash::bcrypt(b"hunter2", salt, 4).expect("a hash");
    PasswordHash::Bcrypt {
        cost: 4,
        salt,
        hash,
    }
}

fn claim<'a>(name: &'a str, password: &'a str, hash: &'a PasswordHash) -> Claim<'a> {
    Claim {
        client: IpAddr::from([192, 0, 2, 1]),
        name: name.as_bytes(),
        password: password.as_bytes(),
        hash,
        is_known: name == "alice",
    }
}

const WRONG: Verdict = Verdict::Wrong {
    delayed_after: None,
};

#[tokio::test]
async fn the_right_password_of_a_user_alone_is_right() {
    let (passwords, hash) = (Passwords::new().expect("passwords"), hash());
    for (name, password, verdict) in [
        ("alice", "hunter2", Verdict::Right),
        ("alice", "hunter2", Verdict::Right),
        ("alice", "hunter3", WRONG),
        ("bob", "hunter2", WRONG),
        ("alice", "", WRONG),
    ] {
        let found = passwords.check(claim(name, password, &hash)).await;
        assert_eq!(found, verdict, "{name}:{password}");
    }
}

#[tokio::test]
async fn argon2id_is_checked_too() {
    let salt = b"somesalt".to_vec();
    let hash = slow_hash::argon2id(b"hunter2", &salt, (64, 1, 1), 32).expect("a hash");
    let cost = Argon2Cost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };
    let hash = PasswordHash::Argon2id { cost, salt, hash };
    let passwords = Passwords::new().expect("passwords");
    let right = passwords.check(claim("alice", "hunter2", &hash)).await;
    assert_eq!(right, Verdict::Right);
    assert_eq!(passwords.check(claim("alice", "x", &hash)).await, WRONG);
}

#[tokio::test]
async fn what_was_right_is_not_computed_again() {
    let (passwords, hash) = (Passwords::new().expect("passwords"), hash());
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &hash)).await,
        Verdict::Right
    );
    passwords.0.slots.close(); // Nothing can be computed any more.
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &hash)).await,
        Verdict::Right
    );
    assert_eq!(
        passwords.check(claim("alice", "hunter3", &hash)).await,
        Verdict::Busy
    );
}

#[tokio::test]
async fn a_changed_hash_makes_an_old_password_wrong_at_once() {
    let (passwords, old) = (Passwords::new().expect("passwords"), hash());
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &old)).await,
        Verdict::Right
    );
    let salt = *b"other bytes here";
    let hash = slow_hash::bcrypt(b"hunter3", salt, 4).expect("a hash");
    let new = PasswordHash::Bcrypt {
        cost: 4,
        salt,
        hash,
    };
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &new)).await,
        WRONG
    );
}

#[tokio::test]
async fn after_some_wrong_ones_even_the_right_one_has_to_wait() {
    let (passwords, hash) = (Passwords::new().expect("passwords"), hash());
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &hash)).await,
        Verdict::Right
    );
    let mut wrong = 0;
    let last = loop {
        let password = format!("guess {wrong}");
        match passwords.check(claim("alice", &password, &hash)).await {
            WRONG => wrong += 1,
            other => break other,
        }
        assert!(wrong < 100, "guesses are never delayed");
    };
    let delayed_after = Some(wrong + 1);
    assert_eq!(last, Verdict::Wrong { delayed_after });
    let right = passwords.check(claim("alice", "hunter2", &hash)).await;
    assert!(matches!(right, Verdict::Later(_)), "{right:?}");
    let other = Claim {
        client: IpAddr::from([192, 0, 2, 2]),
        ..claim("alice", "hunter2", &hash)
    };
    assert_eq!(passwords.check(other).await, Verdict::Right);
}

#[tokio::test]
async fn the_same_wrong_password_is_one_guess() {
    let (passwords, hash) = (Passwords::new().expect("passwords"), hash());
    for _ in 0..20 {
        assert_eq!(passwords.check(claim("alice", "old", &hash)).await, WRONG);
    }
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &hash)).await,
        Verdict::Right
    );
}

/// Who leaves at once would otherwise have hashes computed for nothing, as often as it likes.
#[tokio::test]
async fn a_guess_counts_even_if_nobody_waits_for_the_answer() {
    let (passwords, hash) = (Passwords::new().expect("passwords"), hash());
    for guess in 0..10 {
        let password = format!("guess {guess}");
        let mut check = Box::pin(passwords.check(claim("alice", &password, &hash)));
        let begun = std::future::poll_fn(|cx| Poll::Ready(check.as_mut().poll(cx))).await;
        drop(check);
        let slots = passwords.0.slots.acquire_many(AT_ONCE as u32).await; // The hash is computed.
        drop(slots.expect("all slots"));
        if matches!(begun, Poll::Ready(Verdict::Later(_))) {
            return;
        }
    }
    panic!("guesses are never delayed");
}

#[tokio::test]
async fn only_so_many_wait_for_a_hash() {
    let (passwords, hash) = (Passwords::new().expect("passwords"), hash());
    let all = passwords
        .0
        .slots
        .clone()
        .acquire_many_owned(2)
        .await
        .expect("all slots");
    passwords.0.waiting.store(WAITING_MAX, Ordering::Relaxed);
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &hash)).await,
        Verdict::Busy
    );
    assert_eq!(passwords.0.waiting.load(Ordering::Relaxed), WAITING_MAX);
    passwords
        .0
        .waiting
        .store(WAITING_MAX - 1, Ordering::Relaxed);
    drop(all);
    assert_eq!(
        passwords.check(claim("alice", "hunter2", &hash)).await,
        Verdict::Right
    );
    assert_eq!(passwords.0.waiting.load(Ordering::Relaxed), WAITING_MAX - 1);
}
