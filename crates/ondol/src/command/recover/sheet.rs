//! The kit as it is given: a file, or typed; and where its backups are now.

use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use ondol_backup::StorageAccess;
use ondol_backup::TargetAccess;
use ondol_backup::kit::Kit;

use crate::output;

/// More than any kit has, and less than what is no kit.
const BYTES_MAX: u64 = 1024 * 1024;

pub(super) fn read(path: &Path) -> anyhow::Result<Kit> {
    let text = match path.to_str() {
        Some("-") => typed()?,
        _ => {
            let file = std::fs::File::open(path);
            let mut text = Vec::new();
            let read = file.and_then(|file| file.take(BYTES_MAX).read_to_end(&mut text));
            read.with_context(|| format!("could not read the kit in {}", path.display()))?;
            String::from_utf8_lossy(&text).into_owned()
        }
    };
    Ok(Kit::parse(&text)?)
}

fn typed() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        output::tell(
            "Type the numbered lines of the sheet, or paste them. An empty line and Ctrl-D end it.",
        )?;
    }
    let mut text = String::new();
    let mut input = io::stdin().lock().take(BYTES_MAX);
    input
        .read_to_string(&mut text)
        .context("could not read the kit")?;
    Ok(text)
}

/// The target of a kit, where it is now.
pub(super) fn elsewhere(
    kit: &Kit,
    place: Option<&str>,
    key: Option<&Path>,
) -> anyhow::Result<TargetAccess> {
    let mut target = kit.target.clone();
    if let Some(place) = place {
        let is_folder = place.starts_with('/');
        let is_url = place.starts_with("https://") || place.starts_with("http://");
        match &mut target.storage {
            StorageAccess::S3 { endpoint, .. } if is_url => place.clone_into(endpoint),
            StorageAccess::Rest { url, .. } if is_url => place.clone_into(url),
            StorageAccess::Sftp { host, path, .. } if !is_folder && !is_url => {
                let (machine, folder) = place
                    .rsplit_once(':')
                    .with_context(|| format!("{place} is no place: `machine:folder` is one"))?;
                machine.clone_into(host);
                folder.clone_into(path);
            }
            // Copied to a disk that is at hand: a repository is the same wherever it lies.
            storage if is_folder => {
                *storage = StorageAccess::Local {
                    path: PathBuf::from(place),
                    file_system: None,
                }
            }
            StorageAccess::Local { .. }
            | StorageAccess::S3 { .. }
            | StorageAccess::Rest { .. }
            | StorageAccess::Sftp { .. } => anyhow::bail!(
                "{place} is no place for these backups: give the folder that they are in, or the URL of the server"
            ),
        }
    }
    if let (StorageAccess::Sftp { identity, .. }, Some(key)) = (&mut target.storage, key) {
        *identity = Some(std::path::absolute(key)?);
    }
    Ok(target)
}
