//! The secrets of backups: there, and for few eyes.

use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_base::secret::SecretError;
use ondol_config::KeyPath;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Secret;
use ondol_model::plan::Storage;

use super::section;
use crate::examine::Findings;
use crate::examine::Subject;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for (secret, key) in all(subject) {
        let read = match secret {
            Secret::Environment(name) => secret::from_environment(name),
            Secret::File(path) => secret::from_file(path),
        };
        if let Err(error) = read {
            tell(subject, secret, key, &error, findings);
        }
    }
}

/// The secrets, and where they stand.
fn all(subject: Subject<'_>) -> Vec<(&Secret, KeyPath)> {
    let backup = &subject.plan.backup;
    let own = backup.password.iter();
    let mut all: Vec<_> = own
        .map(|secret| (secret, section().key("password")))
        .collect();
    for (index, target) in backup.to.iter().enumerate() {
        let key = section().key("to").index(index);
        match &target.storage {
            Storage::S3(s3) => {
                let key = key.key("s3");
                all.push((&s3.key, key.clone().key("key")));
                all.push((&s3.secret, key.clone().key("secret")));
                if let Some(read_only) = &s3.read_only {
                    let key = key.key("read_only");
                    all.push((&read_only.key, key.clone().key("key")));
                    all.push((&read_only.secret, key.key("secret")));
                }
            }
            Storage::Rest(rest) => {
                let key = key.key("rest").key("password");
                all.extend(rest.password.iter().map(|secret| (secret, key.clone())));
            }
            Storage::Local(_) | Storage::Sftp(_) => {}
        }
    }
    for (index, database) in backup.databases.iter().enumerate() {
        let key = section().key("databases").index(index).key("password");
        match &database.source {
            DatabaseSource::Postgres { password, .. } | DatabaseSource::Mysql { password, .. } => {
                all.extend(password.iter().map(|secret| (secret, key.clone())));
            }
            DatabaseSource::Sqlite(_) => {}
        }
    }
    all
}

fn tell(
    subject: Subject<'_>,
    secret: &Secret,
    key: KeyPath,
    error: &SecretError,
    findings: &mut Findings,
) {
    let problem = Chain(error).to_string();
    match secret {
        // `ondol check` has the environment of whoever runs it, not the agent's.
        Secret::Environment(_) => {
            let help = "`ondol run` must have it when a backup is taken: the service has those of /etc/ondol/environment (NAME=value), since its start; { file = \"…\" } does without";
            findings.warn(subject, &key.key("env"), problem, help);
        }
        Secret::File(path) => {
            let shown = path.display();
            let help = match error {
                SecretError::Exposed { .. } => {
                    format!("then change the secret: who could read {shown} may have it")
                }
                SecretError::NoVariable { .. }
                | SecretError::Read { .. }
                | SecretError::TooLarge { .. }
                | SecretError::Empty { .. }
                | SecretError::NoText { .. } => format!(
                    "put the secret there, alone, for the eyes of Ondol's user (`chmod 600 {shown}`)"
                ),
            };
            findings.mistake(subject, &key.key("file"), problem, help);
        }
    }
}
