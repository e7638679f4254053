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

#[test]
fn changes_are_told_in_a_few_words() {
    use ondol_model::AppName;
    use ondol_model::HostPattern;
    use ondol_model::diff::AppChanges;
    use ondol_model::diff::Changes;

    let site = |name| HostPattern::parse(name).unwrap();
    let app = |name| AppName::parse(name).unwrap();
    let mut changes = Changes::default();
    assert_eq!(told(&changes), "no site changed");
    changes.apps = AppChanges {
        added: vec![app("coffee"), app("tea")],
        removed: vec![app("milk")],
        changed: vec![app("cake")],
    };
    assert_eq!(told(&changes), "2 apps added, 1 app removed, 1 app changed");
    changes.added = vec![site("a.test")];
    changes.backup = true;
    changes.settings = true;
    assert_eq!(
        told(&changes),
        "1 site added, 2 apps added, 1 app removed, 1 app changed, backups changed, settings changed"
    );
}
