//! `Procfile`: what an app runs, as Heroku has it: `web: bundle exec puma`.

use crate::app::ProcessName;

/// The line of a Procfile that is no process: it is run once between build and start.
pub const RELEASE: &str = "release";

/// The processes of a Procfile with their commands, in its order, the line `release` among them; of two lines with
/// one name the later counts. A line that is none is left out.
pub fn parse(text: &str) -> Vec<(ProcessName, String)> {
    let mut processes: Vec<(ProcessName, String)> = Vec::new();
    for (name, command) in text.lines().filter_map(line) {
        processes.retain(|(other, _)| *other != name);
        processes.push((name, command));
    }
    processes
}

/// Names are told from each other by letters and digits alone here, so `Mail_Queue` is `mail-queue`.
fn line(line: &str) -> Option<(ProcessName, String)> {
    let (name, command) = line.split_once(':')?;
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    let command = command.trim();
    let name = ProcessName::parse(&name).ok()?;
    (!command.is_empty()).then(|| (name, command.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_procfile_names_commands() {
        let text = "# what runs\n\nweb: bundle exec puma -p $PORT -b tcp://[::]:$PORT\r\n\
                    release:  bin/rails db:migrate\nMail_Queue: a\nmail-queue: b\nempty:\n9: c\nno command\n";
        let found: Vec<_> = parse(text)
            .into_iter()
            .map(|(name, command)| format!("{name}={command}"))
            .collect();
        assert_eq!(
            found,
            [
                "web=bundle exec puma -p $PORT -b tcp://[::]:$PORT",
                "release=bin/rails db:migrate",
                "mail-queue=b",
            ]
        );
    }
}
