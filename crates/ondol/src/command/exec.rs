//! `ondol exec`: this process becomes an app, or a command in the place of one.

use std::process::ExitCode;

use anyhow::Context;
use ondol_admin::api;
use ondol_apps::Output;
use ondol_apps::Spec;
use ondol_apps::shim;
use ondol_apps::shim::ShimError;

use crate::cli::ExecFlags;
use crate::command::ask;
use crate::folders::Folders;

/// Becomes what the agent says: as its shim, or for the owner.
pub(crate) fn run(
    flags: &ExecFlags,
    places: impl FnOnce() -> anyhow::Result<Folders>,
    terminal: &[(&'static str, String)],
) -> anyhow::Result<ExitCode> {
    let ExecFlags { shim, app, command } = flags;
    if *shim {
        return match shim::run() {
            Ok(never) => match never {},
            // There is nobody to tell either.
            Err(ShimError::Nobody) => Ok(ExitCode::FAILURE),
            Err(error) => Err(error.into()),
        };
    }
    let app = app.as_deref().unwrap_or_default();
    let question = api::ExecQuestion {
        command: command.clone(),
        pid: std::process::id(),
    };
    // Nothing of what asks is left when this process becomes another.
    let answer = ask(&places()?, async |client| {
        Ok(client.exec(app, &question).await?)
    })?;
    let Some(spec) = answer.spec.filter(|_| answer.accepted) else {
        anyhow::bail!(answer.message);
    };
    let spec = serde_json::from_value(spec)
        .context("the agent is another version of Ondol than this program")?;
    match shim::become_app(of_owner(spec, terminal))? {}
}

/// What the owner runs keeps the terminal, and is no process of the app's that the agent looks after.
fn of_owner(spec: Spec, terminal: &[(&'static str, String)]) -> Spec {
    let mut spec = Spec {
        output: Output::Inherited,
        record: None,
        stand_ins: Vec::new(),
        sockets: Vec::new(),
        ..spec
    };
    for (name, value) in terminal {
        let name = (*name).to_owned();
        spec.env.entry(name).or_insert_with(|| value.clone());
    }
    spec
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ondol_apps::Limits;
    use ondol_apps::Run;

    use super::*;

    #[test]
    fn a_command_of_the_owners_has_the_terminal_and_no_record() {
        let spec = Spec {
            app: "coffee".to_owned(),
            what: "exec".to_owned(),
            run: Run::Program(vec!["bash".to_owned()]),
            folder: "/srv/coffee".into(),
            env: BTreeMap::from([("TERM".to_owned(), "dumb".to_owned())]),
            identity: None,
            reach: None,
            stand_ins: Vec::new(),
            limits: Limits::default(),
            output: Output::Pipe("/run/pipe".into()),
            record: Some(("/run/record".into(), serde_json::Value::Null)),
            sockets: vec!["web".to_owned()],
        };
        let terminal = [
            ("TERM", "xterm".to_owned()),
            ("COLORTERM", "truecolor".to_owned()),
        ];
        let shown = of_owner(spec, &terminal);
        assert_eq!(shown.output, Output::Inherited);
        assert!(shown.record.is_none() && shown.sockets.is_empty());
        assert_eq!(
            (shown.env["TERM"].as_str(), shown.env["COLORTERM"].as_str()),
            ("dumb", "truecolor")
        );
    }
}
