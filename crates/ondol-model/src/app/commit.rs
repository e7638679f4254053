//! The words for a version in a git repository.

/// Longer is no name of anything.
const BYTES_MAX: usize = 255;
/// Characters that no name of a version has, besides controls; `:` would mean a part of one.
const NEVER: [char; 5] = [' ', ':', '?', '*', '['];

/// Whether a text can name a commit, branch or tag, and nothing else: no option of git's, no part of a version.
pub fn is_version(text: &str) -> bool {
    let is_plain = |character: char| !character.is_control() && !NEVER.contains(&character);
    !text.is_empty()
        && text.len() <= BYTES_MAX
        && !text.starts_with('-')
        && !text.contains("..")
        && text.chars().all(is_plain)
}

/// A commit by its number, as short as people write it.
pub fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_names_and_nothing_else() {
        for good in [
            "main",
            "v1.2.3",
            "HEAD~2",
            "feature/x",
            "main^{commit}",
            "é",
            "@",
        ] {
            assert!(is_version(good), "{good}");
        }
        let long = "a".repeat(BYTES_MAX + 1);
        for bad in [
            "",
            "-o",
            "--remote=x",
            "a b",
            "main:etc",
            "a..b",
            "a\nb",
            "a*",
            &long,
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn commits_are_shortened() {
        assert_eq!(short("0123456789abcdef"), "0123456789ab");
        assert_eq!(short("012"), "012");
    }
}
