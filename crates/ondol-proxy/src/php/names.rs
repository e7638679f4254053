//! Which names are those of scripts.

/// How often a path is split: no link that means something goes through more names that end with `.php`.
const SPLITS_MAX: usize = 8;

/// What ends the names of files that are run, or that are parts of what is run; and of their copies.
const SOURCES: [&str; 5] = ["phtml", "phar", "phps", "inc", "pht"];

/// What is no source whatever comes before: pages and parts of them (`plugin.inc.js`, `Class.php.html`).
const PARTS_OF_PAGES: [&str; 16] = [
    "avif", "css", "gif", "htm", "html", "ico", "jpeg", "jpg", "js", "map", "mjs", "png", "svg",
    "webp", "woff", "woff2",
];

/// Whether a file of this name is run.
pub(super) fn is_script(name: &str) -> bool {
    name.ends_with(".php") && !name.ends_with("/.php") && name != ".php"
}

/// Whether a file of this name may hold the source of a script, as copies of editors do (`config.php~`,
/// `config.php.bak`, `.config.php.swp`): such a file is never sent.
pub(super) fn is_source(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    if let Some((_, last)) = name.rsplit_once('.')
        && PARTS_OF_PAGES.contains(&last)
    {
        return false;
    }
    let parts = name.split('.').skip(1);
    let mut endings = parts.map(|part| {
        let end = part.find(|sign: char| !sign.is_ascii_alphanumeric());
        part.split_at(end.unwrap_or(part.len())).0
    });
    let is_php = |ending: &str| {
        let version = ending.strip_prefix("php");
        version.is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()))
    };
    endings.any(|ending| is_php(ending) || SOURCES.contains(&ending))
}

/// The places where the name of a script may end inside of a path: its name, and what comes after it.
pub(super) fn splits(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let ends = path.match_indices(".php/").take(SPLITS_MAX);
    ends.filter_map(|(at, _)| {
        let (name, path_info) = path.split_at(at + ".php".len());
        let name = name.trim_start_matches('/');
        is_script(name).then_some((name, path_info))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_end_with_php_are_run() {
        for name in ["index.php", "a/b.c.php", ".hidden.php"] {
            assert!(is_script(name) && is_source(name), "{name}");
        }
        for name in [
            ".php", "a/.php", "a.php5", "a.PHP", "a.php~", "aphp", "a.php/",
        ] {
            assert!(!is_script(name), "{name}");
        }
    }

    #[test]
    fn copies_of_scripts_are_sources_and_pictures_are_none() {
        for name in [
            "a.PHP",
            "a.php5",
            "a.phtml",
            "a.phar",
            "db.inc",
            "db.inc.bak",
            "wp-config.php~",
            "wp-config.php.bak",
            "x/wp-config.php-old",
            "wp-config.php_2024",
            "#index.php#",
            ".index.php.swp",
            "Copy of a.php.txt",
            "site.php.zip",
        ] {
            assert!(is_source(name), "{name}");
        }
        for name in [
            "a.png",
            "php.png",
            "logo-php.svg",
            "my.phpstorm.png",
            "a.php/b.png",
            "incoming.html",
            "x.include.js",
            "plugin.inc.js",
            "Class.php.html",
        ] {
            assert!(!is_source(name), "{name}");
        }
    }

    #[test]
    fn a_path_is_split_after_each_name_of_a_script() {
        let found = |path| splits(path).collect::<Vec<_>>();
        assert_eq!(found("/a.php/b"), [("a.php", "/b")]);
        assert_eq!(
            found("/a.php/b.php/"),
            [("a.php", "/b.php/"), ("a.php/b.php", "/")]
        );
        for path in ["/a.php", "/", "/a.phpx/b", "/.php/b", "/a/.php/b"] {
            assert_eq!(found(path), [], "{path}");
        }
        assert_eq!(found(&"/a.php".repeat(100)).len(), SPLITS_MAX);
    }
}
