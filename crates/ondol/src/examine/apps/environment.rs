//! The environment of apps: files that are there and are nobody else's, secrets that can be read.

use std::fs;
use std::os::unix::fs::MetadataExt;

use ondol_apps::preview;
use ondol_model::plan::EnvValue;
use ondol_model::plan::Secret;

use super::Look;
use crate::examine::Findings;

/// What others may do with a file: a bit of its mode.
const OTHERS_READ: u32 = 0o004;
/// Parts of names of variables that are secrets.
const SECRETS: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "PRIVATE_KEY",
    "API_KEY",
];

pub(super) fn examine(look: &Look<'_>, findings: &mut Findings) {
    let name = &look.app.name;
    for (index, path) in look.app.env_files.iter().enumerate() {
        if let Err(problem) = preview::env_file(path) {
            let help = format!(
                "`env_files` takes files with NAME=value lines that only Ondol's user can read (`chmod 600 {}`)",
                path.display()
            );
            let problem = format!("{problem} (app `{name}`)");
            findings.mistake(
                look.subject,
                &look.key("env_files").index(index),
                problem,
                help,
            );
        }
    }
    for (variable, value) in &look.app.env {
        match value {
            EnvValue::Text(_) => in_plain_sight(look, variable, findings),
            EnvValue::Secret(secret) => of_secret(look, variable, secret, findings),
        }
    }
}

fn of_secret(look: &Look<'_>, variable: &str, secret: &Secret, findings: &mut Findings) {
    let Err(problem) = preview::secret(secret) else {
        return;
    };
    let key = look.key("env").key(variable);
    let name = &look.app.name;
    let problem = format!("{problem} (the variable {variable} of the app `{name}`)");
    match secret {
        // `ondol check` has the environment of whoever runs it, not the agent's.
        Secret::Environment(_) => {
            let help = "`ondol run` must have it when the app starts: the service has those of /etc/ondol/environment (NAME=value), since its start; { file = \"…\" } does without";
            findings.warn(look.subject, &key.key("env"), problem, help);
        }
        Secret::File(path) => {
            let help = format!(
                "put the secret there, alone, for the eyes of Ondol's user (`chmod 600 {}`)",
                path.display()
            );
            findings.mistake(look.subject, &key.key("file"), problem, help);
        }
    }
}

/// A secret that stands in the configuration itself, which everyone can read.
fn in_plain_sight(look: &Look<'_>, variable: &str, findings: &mut Findings) {
    let upper = variable.to_ascii_uppercase();
    if !SECRETS.iter().any(|secret| upper.contains(secret)) {
        return;
    }
    let key = look.key("env").key(variable);
    let place = look.subject.origins.mistake(&key, String::new(), None);
    let file = place.file();
    if fs::metadata(file).is_ok_and(|metadata| metadata.mode() & OTHERS_READ != 0) {
        let shown = file.display();
        findings.warn(
            look.subject,
            &key,
            format!("everyone on this machine can read {variable} in {shown}"),
            format!("say where it is kept instead, {{ file = \"path\" }}, or end that with `chmod o-r {shown}`"),
        );
    }
}
