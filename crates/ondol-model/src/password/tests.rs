//! Hashes as other programs write them.

use proptest::prelude::*;

use super::*;

const ARGON2ID: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
const BCRYPT: &str = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";

#[test]
fn hashes_are_written_as_they_were_read() {
    for text in [ARGON2ID, BCRYPT] {
        let hash = PasswordHash::parse(text).expect(text);
        assert_eq!(hash.to_string(), text);
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }
    let other = BCRYPT.replace("$2y$", "$2b$");
    assert_eq!(PasswordHash::parse(&other), PasswordHash::parse(BCRYPT));
}

#[test]
fn others_are_refused_with_a_reason() {
    let cost = |from: &str, to: &str| ARGON2ID.replace(from, to);
    for (text, error) in [
        ("$apr1$abc$def".to_owned(), HashError::Weak("MD5")),
        ("$1$abc$def".to_owned(), HashError::Weak("MD5")),
        ("$6$abc$def".to_owned(), HashError::Unknown("SHA-crypt")),
        (
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=".to_owned(),
            HashError::Weak("SHA-1"),
        ),
        ("rqXexS6ZhobKA".to_owned(), HashError::Weak("crypt")),
        ("$y$j9T$x$y".to_owned(), HashError::Unknown("yescrypt")),
        (
            cost("argon2id", "argon2i"),
            HashError::Unknown("argon2i or argon2d"),
        ),
        (cost("v=19", "v=16"), HashError::Broken("argon2id")),
        (cost("t=2", "t=+2"), HashError::Broken("argon2id")),
        (cost("p=1", "p=1,x=1"), HashError::Broken("argon2id")),
        (format!("{ARGON2ID}$"), HashError::Broken("argon2id")),
        (
            ARGON2ID[..ARGON2ID.len() - 1].to_owned(),
            HashError::Broken("argon2id"),
        ),
        (
            cost("m=19456", "m=64"),
            HashError::Cost("its memory (m) is less than 7168 KiB"),
        ),
        (
            cost("m=19456", "m=4194304"),
            HashError::Cost("its memory (m) is more than 131072 KiB"),
        ),
        (
            cost("t=2", "t=0"),
            HashError::Cost("its passes (t) are not from 1 to 16"),
        ),
        (
            cost("p=1", "p=99"),
            HashError::Cost("its lanes (p) are not from 1 to 16"),
        ),
        (BCRYPT[..59].to_owned(), HashError::Broken("bcrypt")),
        (
            BCRYPT.replace("$05$", "$31$"),
            HashError::Cost("its cost is not from 04 to 14"),
        ),
        ("hunter2".to_owned(), HashError::None),
        (String::new(), HashError::None),
        ("argon2id$v=19".to_owned(), HashError::None),
    ] {
        assert_eq!(PasswordHash::parse(&text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn bytes_survive_both_alphabets(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
        prop_assert_eq!(base64::decode(&base64::encode(&bytes)), Some(bytes.clone()));
        prop_assert_eq!(base64::decode_bcrypt(&base64::encode_bcrypt(&bytes)), Some(bytes));
    }

    #[test]
    fn no_text_is_too_odd(text in "\\$?(argon2id|2y)?\\$?.{0,80}") {
        if let Ok(hash) = PasswordHash::parse(&text) {
            prop_assert_eq!(PasswordHash::parse(&hash.to_string()), Ok(hash));
        }
    }
}
