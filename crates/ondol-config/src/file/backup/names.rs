//! What targets and databases are called that have no name in the file.

use std::collections::HashSet;

/// Names are columns of tables; this leaves room for a number.
const BYTES_MAX: usize = 40;

/// The first of these names that is free, else one of them with a number; it is taken then.
pub(in crate::file) fn free(taken: &mut HashSet<String>, wanted: &[String]) -> String {
    let name = wanted.iter().find(|name| !taken.contains(*name)).cloned();
    let name = name.unwrap_or_else(|| {
        let base = wanted.first().map_or("", String::as_str);
        let numbered = (2..).map(|number: u32| format!("{base}-{number}"));
        // Each takes one name, so that a number is free before they are all counted.
        let mut free = numbered.filter(|name| !taken.contains(name));
        free.next().unwrap_or_default()
    });
    taken.insert(name.clone());
    name
}

/// A text as a name: what names can't have becomes `-`. `otherwise` when nothing of it is left.
pub(in crate::file) fn usable(text: &str, otherwise: &str) -> String {
    let usable = |c: char| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
        _ => '-',
    };
    let name: String = text.chars().map(usable).take(BYTES_MAX).collect();
    match name.trim_matches(['-', '.', '_']) {
        "" => otherwise.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::backup::TargetName;

    use super::*;

    #[test]
    fn names_are_made_of_anything() {
        for (text, expected) in [
            ("photos", "photos"),
            ("My Disk", "My-Disk"),
            ("[fd00::1]", "fd00--1"),
            ("사진", "disk"),
            ("", "disk"),
            ("_x_", "x"),
            (&"long".repeat(20), &"long".repeat(10)),
        ] {
            let name = usable(text, "disk");
            assert_eq!(name, expected);
            assert!(TargetName::parse(&name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_is_given_once() {
        let mut taken = HashSet::from(["disk-2".to_owned()]);
        let names = ["disk", "disk", "disk"].map(|name| free(&mut taken, &[name.to_owned()]));
        assert_eq!(names, ["disk", "disk-3", "disk-4"]);
        let wanted = ["disk".to_owned(), "photos".to_owned()];
        assert_eq!(free(&mut taken, &wanted), "photos");
        assert_eq!(free(&mut taken, &wanted), "disk-5");
    }
}
