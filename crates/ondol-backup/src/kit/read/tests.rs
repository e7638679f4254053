//! What a person types is read.

use std::path::PathBuf;

use super::*;
use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;

fn kit_of(storage: StorageAccess, password: &str) -> Kit {
    let target = TargetAccess {
        name: "offsite".to_owned(),
        storage,
        append_only: false,
    };
    let mut kit = Kit::new(target, Hidden(password.to_owned()), "seocho");
    kit.made_at = 1_795_284_000;
    kit
}

const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

fn bucket() -> Kit {
    let storage = StorageAccess::S3 {
        endpoint: "https://s3.eu-central-003.backblazeb2.com".to_owned(),
        region: "eu-central-003".to_owned(),
        bucket: "ondol".to_owned(),
        prefix: "boxes/seocho".to_owned(),
        key: "003f0O1lI5S2Z8B0000000001".to_owned(),
        secret: Hidden("K003ujV+8Dd/0O1lI5S2Z8Bxyzabc12".to_owned()),
    };
    kit_of(storage, WORDS)
}

fn all_kinds() -> Vec<Kit> {
    let local = StorageAccess::Local {
        path: PathBuf::from("/mnt/백업 disk/100%/ondol"),
        file_system: None,
    };
    let rest = |user: Option<&str>, password: Option<&str>| StorageAccess::Rest {
        url: "https://[2001:db8::1]:8000/a/very/long/path/that/is/longer/than/one/line/".to_owned(),
        user: user.map(str::to_owned),
        password: password.map(|it| Hidden(it.to_owned())),
    };
    let sftp = |user: Option<&str>, port| StorageAccess::Sftp {
        user: user.map(str::to_owned),
        host: "parents.example.com".to_owned(),
        port,
        path: "srv/ondol".to_owned(),
        identity: None,
    };
    let mut append_only = kit_of(rest(Some("me"), Some("1: box end 온돌")), WORDS);
    append_only.target.append_only = true;
    vec![
        bucket(),
        append_only,
        kit_of(local, "my own, with spaces  and \n a line"),
        kit_of(rest(None, None), "x"),
        kit_of(sftp(Some("backup"), Some(2222)), WORDS),
        kit_of(sftp(None, None), "legal winner thank year"),
    ]
}

#[test]
fn sheet_and_lines_are_read_as_they_were_printed() {
    for kit in all_kinds() {
        assert_eq!(Kit::parse(&kit.sheet()), Ok(kit.clone()), "{}", kit.sheet());
        assert_eq!(Kit::parse(&kit.block()), Ok(kit.clone()), "{}", kit.block());
    }
}

#[test]
fn what_means_something_on_that_machine_alone_is_left_out() {
    let sftp = StorageAccess::Sftp {
        user: None,
        host: "h".to_owned(),
        port: None,
        path: "/p".to_owned(),
        identity: Some(PathBuf::from("/root/.ssh/id")),
    };
    let StorageAccess::Sftp { identity, .. } = kit_of(sftp, "x").target.storage else {
        panic!("it is another kind of target");
    };
    assert_eq!(identity, None);
}

#[test]
fn case_spaces_and_line_breaks_do_not_matter_where_they_cannot() {
    let kit = bucket();
    let words_lower = kit.block();
    let upper: Vec<String> = words_lower
        .lines()
        .map(|line| {
            let is_secret = line.contains("access") || line.contains("secret");
            let is_place =
                line.contains("s3 ") || line.contains("bucket") || line.contains("prefix");
            let is_name =
                line.contains("box") || line.contains("target") || line.contains("region");
            let is_kept = is_secret || is_place || is_name || line.contains("made");
            if is_kept {
                line.to_owned()
            } else {
                line.to_uppercase()
            }
        })
        .collect();
    let spaced = words_lower.replace(": ", "  ").replace('\n', "\r\n\r\n");
    let quoted: String = words_lower
        .lines()
        .map(|line| format!("> {line}\n"))
        .collect();
    let broken: String = words_lower
        .split_inclusive(' ')
        .map(|word| match word.trim().len() {
            4 => format!("{word}\n"), // After each group, as a narrow column does.
            _ => word.to_owned(),
        })
        .collect();
    let ungrouped: String = words_lower
        .lines()
        .map(|line| match line.contains("secret") {
            true => {
                let words: Vec<_> = line.split_whitespace().collect();
                let (last, middle) = words[2..].split_last().unwrap();
                format!("{} {} {} {last}\n", words[0], words[1], middle.concat())
            }
            false => format!("{line}\n"),
        })
        .collect();
    let short = words_lower
        .replace("sausage", "saus")
        .replace("yellow", "Yell");
    let look_alikes = words_lower.replace("boxes", "b0xes");
    let backwards: Vec<_> = words_lower.lines().rev().collect();
    for (name, typed) in [
        ("upper", upper.join("\n")),
        ("spaced", spaced),
        ("quoted", quoted),
        ("broken", broken),
        ("ungrouped", ungrouped),
        ("short words", short),
        ("look-alikes", look_alikes),
        ("backwards", backwards.join("\n")),
    ] {
        assert_ne!(typed, words_lower, "{name}");
        assert_eq!(Kit::parse(&typed), Ok(kit.clone()), "{name}:\n{typed}");
    }
}

fn without(text: &str, number: usize) -> String {
    let start = format!("{number:>2}:");
    let kept = text.lines().filter(|line| !line.starts_with(&start));
    kept.map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_is_wrong_is_named_by_its_line_and_never_repeated() {
    let kit = bucket();
    let text = kit.block();
    let last = text.lines().count();
    let other = kit_of(
        StorageAccess::Local {
            path: "/mnt".into(),
            file_system: None,
        },
        WORDS,
    );
    let swapped = without(&text, 1)
        + " 1: box      seoul                                    "
        + &check::of_line(1, "box", "seoul")
        + "\n";
    for (name, typed, error) in [
        ("empty", String::new(), KitError::None),
        (
            "prose",
            other.sheet().lines().take(12).collect(),
            KitError::None,
        ),
        (
            "a word",
            text.replace("useful", "usual"),
            KitError::Mistyped(vec![14]),
        ),
        (
            "no word",
            text.replace("useful", "usefull"),
            KitError::NoEnd,
        ),
        (
            "a case",
            text.replace("K003", "k003"),
            KitError::Mistyped(vec![11]),
        ),
        (
            "missing",
            without(&without(&text, 3), 7),
            KitError::Missing(vec![3, 7]),
        ),
        ("cut", without(&text, last), KitError::NoEnd),
        ("mixed", swapped, KitError::Mixed),
    ] {
        let found = Kit::parse(&typed);
        if name == "no word" {
            // Four letters are enough, and a letter too many does no harm.
            assert_eq!(found, Ok(kit.clone()));
            continue;
        }
        let found = found.unwrap_err();
        assert_eq!(found, error, "{name}:\n{typed}");
        assert!(!found.to_string().contains("K003"), "{found}");
    }
}

#[test]
fn no_single_slip_in_a_secret_goes_unseen() {
    let kit = bucket();
    let text = kit.block();
    for (at, typed) in text.char_indices() {
        let others = "0l온".chars().filter(|other| *other != typed);
        for other in others {
            let slip = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            if let Ok(read) = Kit::parse(&slip) {
                assert_eq!(read, kit, "at {at}: {typed:?} as {other:?}");
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,400}") {
        let _ = Kit::parse(&text);
    }

    #[test]
    fn any_value_survives_the_paper(secret in "[ -~\u{ac00}-\u{ac10}]{1,80}", password in "\\PC{1,60}") {
        let storage = StorageAccess::S3 {
            endpoint: "http://127.0.0.1:9000".to_owned(),
            region: "r".to_owned(),
            bucket: "b".to_owned(),
            prefix: String::new(),
            key: "k".to_owned(),
            secret: Hidden(secret),
        };
        let kit = kit_of(storage, &password);
        proptest::prop_assert_eq!(Kit::parse(&kit.sheet()), Ok(kit));
    }
}
