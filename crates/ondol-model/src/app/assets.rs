//! Which files of a release stay readable after another release has taken its place.
//!
//! A page that was loaded before a deploy asks for the scripts and styles of its own release afterwards. Their names
//! have fingerprints, so those of several releases lie beside one another without harm.

/// How long after its release was replaced a file stays.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// Where common tools put files with fingerprints in their names, from the release's folder. What lies elsewhere is
/// gone with its release.
pub const FOLDERS: [&str; 17] = [
    ".next/static",
    ".nuxt/dist/client",
    ".output/public/_nuxt",
    ".svelte-kit/output/client/_app/immutable",
    "build/_app/immutable",
    "build/assets",
    "build/client/assets",
    "build/static",
    "dist/_astro",
    "dist/assets",
    "dist/client/assets",
    "priv/static/assets",
    "public/assets",
    "public/build",
    "public/packs",
    "public/vite",
    "staticfiles",
];

/// Whether a file still has to be readable: one of a release that was replaced at `until`.
pub fn is_kept(until: i64, now: i64) -> bool {
    // A clock that was set back keeps it; what lies in the future for long is a mistake of the clock too.
    now.abs_diff(until) < KEPT_SECONDS.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_for_a_day() {
        for (until, now, kept) in [
            (100, 100, true),
            (100, 99 + KEPT_SECONDS, true),
            (100, 100 + KEPT_SECONDS, false),
            (100, 0, true),
            (i64::MAX, 0, false),
            (i64::MIN, i64::MAX, false),
        ] {
            assert_eq!(is_kept(until, now), kept, "{until} {now}");
        }
    }

    #[test]
    fn folders_are_in_order_and_stay_in_the_release() {
        assert!(FOLDERS.is_sorted());
        for folder in FOLDERS {
            assert!(!folder.starts_with('/') && !folder.split('/').any(|part| part == ".."));
        }
    }
}
