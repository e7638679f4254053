//! Whose a file is.

use std::path::Path;

use crate::app::AppName;
use crate::plan::App;

/// The app in whose folders a file is; of several, the one whose folder is nearest to it. `state` is where Ondol
/// keeps its things, which each app has a folder in, where that is known.
pub fn owner<'a>(file: &Path, apps: &'a [App], state: Option<&Path>) -> Option<&'a AppName> {
    let folders = apps.iter().flat_map(|app| {
        let own = state.map(|state| state.join("apps").join(app.name.as_str()));
        let named = app.dir.iter().chain(&app.write).chain(&app.data);
        let folders = named.cloned().chain(own);
        folders.map(move |folder| (folder, &app.name))
    });
    let around = folders.filter(|(folder, _)| file.starts_with(folder));
    let nearest = around.max_by_key(|(folder, name)| {
        // Of two apps with one folder the first has it, whatever their order.
        (folder.components().count(), std::cmp::Reverse(*name))
    });
    nearest.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, dir: &str, write: &[&str]) -> App {
        App {
            dir: Some(dir.into()),
            write: write.iter().map(Into::into).collect(),
            ..App::named(AppName::parse(name).unwrap())
        }
    }

    #[test]
    fn a_file_is_the_apps_whose_folder_is_nearest() {
        let apps = [
            app("all", "/srv", &[]),
            app("coffee", "/srv/coffee", &["/var/coffee", "/srv/tea/shared"]),
            app("tea", "/srv/tea", &[]),
            app("twin", "/srv/tea", &[]),
        ];
        for (file, expected) in [
            ("/srv/coffee/storage/a.sqlite3", Some("coffee")),
            ("/srv/coffeehouse/a.sqlite3", Some("all")),
            ("/var/coffee/a.sqlite3", Some("coffee")),
            ("/srv/tea/shared/a.sqlite3", Some("coffee")),
            ("/srv/tea/a.sqlite3", Some("tea")),
            ("/state/apps/tea/data/a.sqlite3", Some("tea")),
            ("/state/apps/milk/data/a.sqlite3", None),
            ("/home/a.sqlite3", None),
        ] {
            let found = owner(Path::new(file), &apps, Some(Path::new("/state")));
            assert_eq!(found.map(AppName::as_str), expected, "{file}");
        }
        let unknown = owner(Path::new("/state/apps/tea/data/a.sqlite3"), &apps, None);
        assert_eq!(unknown, None);
    }
}
