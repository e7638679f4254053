//! A credential that the owner has in a file and the box does not keep.

use std::fs;
use std::path::Path;

use anyhow::Context;
use ondol_admin::api::BackupCredential;

/// Larger files are something else.
const BYTES_MAX: u64 = 16 * 1024;
const ACCEPTED: &str = "it has lines NAME=VALUE: `key` and `secret` for a bucket, `user` and `password` for a REST \
server, or `identity` for ssh";

/// Reads it.
pub(super) fn read(file: &Path) -> anyhow::Result<BackupCredential> {
    let shown = file.display();
    let found = fs::metadata(file).with_context(|| format!("could not read {shown}"))?;
    anyhow::ensure!(
        found.len() <= BYTES_MAX,
        "{shown} is no credential: {ACCEPTED}"
    );
    let text = fs::read_to_string(file).with_context(|| format!("could not read {shown}"))?;
    parse(&text, file).with_context(|| format!("{shown} is no credential: {ACCEPTED}"))
}

fn parse(text: &str, file: &Path) -> Option<BackupCredential> {
    let mut values = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        values.push((name.trim(), quoted.unwrap_or(value).to_owned()));
    }
    values.sort_unstable();
    match values.as_mut_slice() {
        [("key", key), ("secret", secret)] => Some(BackupCredential::Key {
            key: std::mem::take(key),
            secret: std::mem::take(secret),
        }),
        [("password", password), ("user", user)] => Some(BackupCredential::User {
            user: std::mem::take(user),
            password: std::mem::take(password),
        }),
        [("identity", path)] => {
            // One on a stick is often named as it lies beside the file.
            let path = file.parent().unwrap_or(Path::new(".")).join(path.as_str());
            let path = std::path::absolute(path).ok()?;
            let path = path.to_str()?.to_owned();
            Some(BackupCredential::Identity { path })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_one_of_three_kinds_and_nothing_else() {
        let file = Path::new("/media/stick/key.txt");
        let key = BackupCredential::Key {
            key: "AKIA".to_owned(),
            secret: "a=b".to_owned(),
        };
        let user = BackupCredential::User {
            user: "me".to_owned(),
            password: "two words".to_owned(),
        };
        let identity = |path: &str| BackupCredential::Identity {
            path: path.to_owned(),
        };
        let table = [
            ("key=AKIA\nsecret=a=b\n", Some(key.clone())),
            ("# mine\n\n secret = \"a=b\"\nkey = AKIA", Some(key)),
            ("user=me\npassword=two words", Some(user)),
            (
                "identity=id_ed25519",
                Some(identity("/media/stick/id_ed25519")),
            ),
            ("identity=/root/id", Some(identity("/root/id"))),
            ("key=AKIA", None),
            ("key=A\nsecret=b\nuser=c", None),
            ("key A\nsecret b", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, file), expected, "{text:?}");
        }
    }
}
