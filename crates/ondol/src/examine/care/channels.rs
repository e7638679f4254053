//! Programs of the owner's that tell somebody: there, and executable.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ondol_model::plan::Channel;

use super::channel_keys;
use super::program;
use crate::examine::Findings;
use crate::examine::Subject;

/// Permission bits for someone to run a file.
const RUN: u32 = 0o111;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for person in &subject.plan.care.people {
        for (channel, key) in person.channels.iter().zip(channel_keys(person)) {
            let Channel::Exec(command) = channel else {
                continue;
            };
            let trouble = command.first().and_then(|program| trouble(program));
            if let Some((problem, help)) = trouble {
                findings.mistake(subject, &key, problem, help);
            }
        }
    }
}

fn trouble(command: &str) -> Option<(String, String)> {
    if !command.contains('/') {
        return program(command).is_none().then(|| {
            let help = "install it, or name it by its whole path".to_owned();
            (format!("there is no program `{command}`"), help)
        });
    }
    match fs::metadata(Path::new(command)) {
        Err(error) => Some((
            format!("{command} cannot be run: {error}"),
            "`exec` takes the path of a program, which reads JSON from its standard input"
                .to_owned(),
        )),
        Ok(metadata) if !metadata.is_file() || metadata.permissions().mode() & RUN == 0 => Some((
            format!("{command} cannot be run: it is not executable"),
            format!("`chmod a+x {command}` makes it so"),
        )),
        Ok(_) => None,
    }
}
