//! What is wished for again, and when.

use super::*;

#[test]
fn renewed_certificates_that_were_refused_are_tried_again_after_a_pause() {
    let now = clock::now();
    let mut wishes = Wishes::default();
    wishes.try_again(now);
    assert!(!wishes.renew, "nothing was refused");
    wishes.renew_again = Some(now + RENEWAL_PAUSE);
    wishes.try_again(now);
    assert!(!wishes.renew, "not yet");
    wishes.try_again(now + RENEWAL_PAUSE);
    assert!(wishes.renew);
    wishes.renew = false;
    wishes.try_again(now + RENEWAL_PAUSE);
    assert!(!wishes.renew, "once for each refusal");
}
