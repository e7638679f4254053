//! What is in the folder of an app, for the guess what it runs.

use std::fs::File;
use std::io;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ondol_model::app::detect::FOLDERS;
use ondol_model::app::detect::Listed;
use ondol_model::app::detect::Listing;
use ondol_model::app::detect::READ;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;

/// What is looked at of one folder: more is no program's own folder.
const FILES_MAX: usize = 10_000;
/// The most that is read of a file; what says what runs is shorter.
const TEXT_BYTES_MAX: u64 = 256 * 1024;

/// Lists a folder. It reads files, so it is not for a thread that others wait for.
///
/// # Errors
///
/// The folder can't be read. What can't be read in it is as if it were not there.
pub fn read(folder: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    add(&mut listing, folder, "")?;
    for inner in FOLDERS {
        drop(add(&mut listing, &folder.join(inner), inner)); // Most are not there.
    }
    let root = rustix::fs::open(folder, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    for path in READ {
        if let Some(file) = listing.files.get_mut(*path) {
            file.text = text(&root, path);
        }
    }
    Ok(listing)
}

fn add(listing: &mut Listing, folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in folder.read_dir()?.flatten().take(FILES_MAX) {
        let name = entry.file_name();
        let metadata = entry.path().metadata().ok();
        let (Some(name), Some(metadata)) = (name.to_str(), metadata) else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        let path = match prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        let file = Listed {
            is_executable: metadata.permissions().mode() & 0o111 != 0,
            text: None,
        };
        listing.files.insert(path, file);
    }
    Ok(())
}

/// What a file of the folder says. The app may have written it, and this may be root: a link out of the folder is not
/// followed, and a pipe not waited for.
fn text(root: &OwnedFd, path: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = rustix::fs::openat2(root, path, flags, Mode::empty(), beneath).ok()?;
    let file = File::from(file);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(TEXT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .ok()?;
    (text.len() as u64 <= TEXT_BYTES_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_listed_with_what_a_few_files_say() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("app");
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        std::fs::create_dir_all(folder.join("deep/er")).unwrap();
        let write = |path: &str, text: &str| {
            ondol_base::file::replace(&place.path().join(path), text.as_bytes(), 0o644).unwrap();
        };
        write("app/package.json", "{}");
        write("app/other.json", "{}");
        write("app/deep/er/main.py", "");
        write("app/bin/server", "");
        write("secret", "root:x");
        write("app/Gemfile", &"#".repeat(TEXT_BYTES_MAX as usize + 1));
        write("app/real", "web: inside");
        std::fs::set_permissions(folder.join("bin/server"), Permissions::from_mode(0o755)).unwrap();
        symlink("../secret", folder.join("Procfile")).unwrap();
        symlink("real", folder.join("requirements.txt")).unwrap();
        symlink("nowhere", folder.join("main.py")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("app.py"), Mode::RUSR).unwrap();
        let listing = read(&folder).unwrap();
        let files: Vec<_> = listing
            .files
            .iter()
            .map(|(path, file)| (path.as_str(), file.is_executable, file.text.as_deref()))
            .collect();
        assert_eq!(
            files,
            [
                ("Gemfile", false, None),
                ("Procfile", false, None),
                ("bin/server", true, None),
                ("other.json", false, None),
                ("package.json", false, Some("{}")),
                ("real", false, None),
                ("requirements.txt", false, Some("web: inside")),
            ]
        );
        assert!(read(&folder.join("missing")).is_err());
    }
}
