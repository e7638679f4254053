//! Symbolic links that are followed or not, as the owner wants.

use ondol_model::plan::Symlinks;

use super::*;

#[tokio::test]
async fn an_owner_says_which_symlinks_are_followed() {
    let outside = Site::new(&[("a.txt", "outside")]);
    for (symlinks, inside, beyond) in [
        (Symlinks::Beneath, 200, 404),
        (Symlinks::None, 404, 404),
        (Symlinks::All, 200, 200),
    ] {
        let site = Site::with(&[("real/a.txt", "inside")], |files| {
            files.symlinks = symlinks
        });
        let at = |name: &str| site.folder.path().join(name);
        symlink("real", at("folder")).unwrap();
        symlink("real/a.txt", at("file.txt")).unwrap();
        symlink(outside.folder.path(), at("away")).unwrap();
        symlink("/proc/self/root", at("magic")).unwrap();
        assert_eq!(site.get("/real/a.txt").await.status, 200);
        assert_eq!(
            site.get("/folder/a.txt").await.status,
            inside,
            "{symlinks:?}"
        );
        assert_eq!(site.get("/file.txt").await.status, inside, "{symlinks:?}");
        assert_eq!(site.get("/away/a.txt").await.status, beyond, "{symlinks:?}");
        assert_eq!(
            site.get("/magic/etc/passwd").await.status,
            404,
            "{symlinks:?}"
        );
    }
}
