//! Folders of releases that files are served from: `current` leads from one to the next, and each must be readable for a
//! data plane that was started before it was made.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::plan::App;

/// What a data plane must be able to read for a root below the link `current` of one of the apps; `None` for other
/// roots. The folder for releases is made where it is missing, with a way to it for the data plane's user, since only
/// what it can reach when it starts can be allowed; nothing else of the app's folder is, so its data stays its own.
pub(super) fn of(apps: &[App], state: &Path, root: &Path) -> Option<Vec<PathBuf>> {
    let below = root.strip_prefix(state.join("apps")).ok()?;
    let mut parts = below.components();
    let name = parts.next()?.as_os_str().to_str()?;
    let app = apps.iter().find(|app| app.name.as_str() == name)?;
    if parts.next()?.as_os_str() != "current" {
        return None;
    }
    let folder = state.join("apps").join(name);
    let releases = folder.join("releases");
    if let Err(error) = ondol_apps::way_to_releases(state, &app.name) {
        let folder = releases.display();
        tracing::warn!(%folder, %error, "the folder for releases was not made, so their files can't be served yet");
    }
    // Until the first deploy it leads to the app's own folder.
    let own = app.dir.as_ref().map(|dir| dir.join(parts.as_path()));
    let all = [Some(releases), own].into_iter().flatten();
    Some(all.filter_map(|path| path.canonicalize().ok()).collect())
}

#[cfg(test)]
mod tests {
    use ondol_model::app::AppName;

    use super::*;

    #[test]
    fn releases_are_readable_before_there_is_one_and_data_is_not() {
        let temporary = tempfile::tempdir().unwrap();
        let base = temporary.path().canonicalize().unwrap();
        let mut app = App::named(AppName::parse("coffee").unwrap());
        app.dir = Some(base.join("srv"));
        std::fs::create_dir_all(base.join("srv/public")).unwrap();
        let apps = [app];
        let root = base.join("state/apps/coffee/current/public");
        let state = base.join("state");
        std::fs::create_dir(&state).unwrap();
        let expected = ["state/apps/coffee/releases", "srv/public"].map(|path| base.join(path));
        assert_eq!(of(&apps, &state, &root), Some(expected.to_vec()));
        for other in [
            "state/apps/tea/current",
            "state/apps/coffee/data",
            "srv/current",
        ] {
            assert_eq!(of(&apps, &state, &base.join(other)), None, "{other}");
        }
    }
}
