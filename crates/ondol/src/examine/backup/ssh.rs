//! What a target at another machine needs here: `ssh`, and its key.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use ondol_config::KeyPath;
use ondol_model::plan::Sftp;

use crate::examine::Findings;
use crate::examine::Subject;

/// What `ssh` wants nobody else to be allowed with a key.
const OTHERS: u32 = 0o077;

pub(super) fn examine(subject: Subject<'_>, sftp: &Sftp, key: &KeyPath, findings: &mut Findings) {
    if !has_ssh() {
        findings.mistake(
            subject,
            key,
            "`ssh` is not on this machine".to_owned(),
            "install it (on Debian: `apt install openssh-client`)",
        );
    }
    if let Some(path) = &sftp.identity {
        identity(subject, path, &key.clone().key("identity"), findings);
    }
    let Sftp {
        user, host, path, ..
    } = sftp;
    if !path.starts_with('/') {
        let whose = match user {
            Some(user) => format!("{user}'s own folder"),
            None => "the user's own folder".to_owned(),
        };
        findings.notes.push(format!(
            "Backups at {host} go to {path} in {whose}: an absolute path begins with a slash (`{host}:/{path}`), after a URL's host with two."
        ));
    }
}

fn has_ssh() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain([PathBuf::from("/usr/bin")]);
    folders.any(|folder| folder.join("ssh").is_file())
}

fn identity(subject: Subject<'_>, path: &Path, key: &KeyPath, findings: &mut Findings) {
    let shown = path.display();
    let (problem, help) = match fs::metadata(path) {
        Err(error) => (
            format!("cannot read the key {shown}: {error}"),
            format!(
                "make one without a passphrase (`ssh-keygen -t ed25519 -N '' -f {shown}`), and let it in there (`ssh-copy-id -i {shown} USER@HOST`)"
            ),
        ),
        Ok(metadata) if !metadata.is_file() => (
            format!("{shown} is not the file of a key"),
            "`identity` takes the private key".to_owned(),
        ),
        Ok(metadata) if metadata.mode() & OTHERS != 0 => (
            format!("ssh takes no key that others may read, as they may {shown}"),
            format!("`chmod go= {shown}` ends that"),
        ),
        Ok(_) => return,
    };
    findings.mistake(subject, key, problem, help);
}
