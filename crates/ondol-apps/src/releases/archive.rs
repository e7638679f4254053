//! A release from a tar archive. The system's tar unpacks it as the app's user, who can do no more than that; the
//! archive itself it gets as an open file, so that nobody but the owner need be able to read that.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ondol_model::app::AppName;
use ondol_model::app::room::Files;
use rustix::fs::OFlags;

use super::error::MakeError;
use super::error::disk;
use super::inside;
use crate::spec::Run;

/// The beginnings of compressed files, and what tar is told about them. By itself it finds out only for files that it
/// opens.
const COMPRESSIONS: [(&[u8], &str); 6] = [
    (b"\x1f\x8b", "--gzip"),
    (b"\x28\xb5\x2f\xfd", "--zstd"),
    (b"\xfd7zXZ\0", "--xz"),
    (b"BZh", "--bzip2"),
    (b"LZIP", "--lzip"),
    (b"\x1f\x9d", "--uncompress"),
];
const MAGIC_BYTES: usize = 6;

/// An archive that is open at its beginning.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) file: File,
    compression: Option<&'static str>,
    bytes: u64,
}

impl Archive {
    /// Opens it. It reads a file.
    pub(super) fn open(path: &Path) -> Result<Self, MakeError> {
        let mut options = std::fs::OpenOptions::new();
        // Were it a pipe, opening it would wait.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = options.read(true).custom_flags(flags).open(path);
        let mut file = file.map_err(disk("read", path))?;
        let found = file.metadata().map_err(disk("read", path))?;
        if !found.is_file() {
            let path = path.to_owned();
            let is = if found.is_dir() {
                "a folder"
            } else {
                "no file"
            };
            return Err(MakeError::Kind { path, is });
        }
        let mut magic = Vec::new();
        let read = (&mut file).take(MAGIC_BYTES as u64).read_to_end(&mut magic);
        read.and_then(|_| file.rewind())
            .map_err(disk("read", path))?;
        let known = COMPRESSIONS
            .iter()
            .find(|(start, _)| magic.starts_with(start));
        Ok(Self {
            file,
            compression: known.map(|(_, option)| *option),
            bytes: found.len(),
        })
    }

    /// How much there is to unpack.
    pub(super) fn files(&self) -> Files {
        match self.compression {
            None => Files::Plain(self.bytes),
            Some(_) => Files::Compressed(self.bytes),
        }
    }

    /// What unpacks it, from descriptor 3, in the folder that it is started in.
    pub(super) fn command(&self) -> Run {
        let compression = self.compression.unwrap_or_default();
        let script = format!(
            "exec tar --extract --file=- --no-same-owner --no-same-permissions {compression} <&3"
        );
        Run::Program(vec!["sh".to_owned(), "-c".to_owned(), script])
    }
}

/// Where all of an archive is in one folder named after the version, as `coffee-1.2/` (GitHub's archives are), takes
/// what is in it for the release. Returns the folder's name then.
pub(super) fn unwrap(folder: &Path, app: &AppName) -> io::Result<Option<String>> {
    let top = inside::open_folder(rustix::fs::CWD, folder, OFlags::NOFOLLOW)?;
    let entries = inside::entries(top.as_fd())?;
    let [only] = &*entries else {
        return Ok(None);
    };
    let Some(name) = only.name.to_str() else {
        return Ok(None);
    };
    if !only.kind.is_dir() || !(name == app.as_str() || name.contains('-')) {
        return Ok(None);
    }
    // A name that nothing in it has.
    let aside = format!(".{app}.unwrapped");
    rustix::fs::renameat(&top, name, &top, &aside)?;
    let inner = inside::open_folder(&top, &aside, OFlags::NOFOLLOW)?;
    for entry in inside::entries(inner.as_fd())? {
        rustix::fs::renameat(&inner, &entry.name, &top, &entry.name)?;
    }
    rustix::fs::unlinkat(&top, &aside, rustix::fs::AtFlags::REMOVEDIR)?;
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        ondol_base::file::replace(file.path(), bytes, 0o600).unwrap();
        file
    }

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        for (bytes, option) in [
            (&b"\x1f\x8b\x08...."[..], "--gzip"),
            (b"\x28\xb5\x2f\xfdxx", "--zstd"),
            (b"\xfd7zXZ\0x", "--xz"),
            (b"BZh91AY", "--bzip2"),
        ] {
            let archive = Archive::open(file(bytes).path()).unwrap();
            assert_eq!(archive.compression, Some(option));
            assert_eq!(archive.files(), Files::Compressed(bytes.len() as u64));
        }
        for plain in [&b""[..], b"a", b"name of a file\0\0\0"] {
            let archive = Archive::open(file(plain).path()).unwrap();
            assert_eq!(archive.files(), Files::Plain(plain.len() as u64));
        }
    }

    #[test]
    fn only_files_are_archives() {
        let folder = tempfile::tempdir().unwrap();
        let error = Archive::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("is a folder"), "{error}");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let error = Archive::open(&pipe).unwrap_err();
        assert!(error.to_string().contains("is no file"), "{error}");
    }

    #[test]
    fn one_folder_with_a_version_is_unwrapped() {
        let app = AppName::parse("coffee").unwrap();
        // (files, the name that is taken away, files after it)
        for (files, unwrapped, after) in [
            (
                vec!["coffee-1.2/Gemfile", "coffee-1.2/bin/rails"],
                Some("coffee-1.2"),
                vec!["Gemfile", "bin/rails"],
            ),
            (vec!["coffee/coffee/x"], Some("coffee"), vec!["coffee/x"]),
            (vec!["bin/server"], None, vec!["bin/server"]),
            (vec!["a-b/x", "c"], None, vec!["a-b/x", "c"]),
            (vec!["a-b"], None, vec!["a-b"]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for path in files {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                ondol_base::file::replace(&path, b"", 0o600).unwrap();
            }
            let name = unwrap(folder.path(), &app).unwrap();
            assert_eq!(name.as_deref(), unwrapped);
            for path in after {
                assert!(folder.path().join(path).is_file(), "{path}");
            }
        }
    }
}
