//! Who has the sheet can type what is asked.

use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;
use crate::kit::Kit;

fn kit(password: &str) -> Kit {
    let target = TargetAccess {
        name: "usb".to_owned(),
        storage: StorageAccess::Local {
            path: "/mnt/usb".into(),
            file_system: None,
        },
        append_only: false,
    };
    Kit::new(target, Hidden(password.to_owned()), "seocho")
}

#[test]
fn a_line_counts_with_and_without_what_stands_around_it() {
    for password in [
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "hunter2 and a half",
    ] {
        let kit = kit(password);
        let challenge = kit.challenge();
        let question = challenge.question();
        let number = challenge.line();
        assert!(question.contains(&number.to_string()), "{question}");
        let sheet = kit.sheet();
        let start = format!("{number:>2}:");
        let line = sheet.lines().find(|line| line.starts_with(&start)).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let value = words[2..words.len() - 1].join(" ");
        for typed in [
            line.to_owned(),
            value.clone(),
            value.replace(' ', ""),
            format!("  {} ", value.to_uppercase()),
            words[1..].join(" "),
            words[2..].join(" "),
        ] {
            assert!(challenge.is_met(&typed), "{typed}");
        }
        let other = sheet.lines().find(|line| line.contains("box  ")).unwrap();
        for typed in ["", "words", "legal", other, words[words.len() - 1]] {
            assert!(!challenge.is_met(typed), "{typed}");
        }
        assert!(!format!("{challenge:?}").contains("legal"));
    }
}
