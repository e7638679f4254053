//! `ondol apps git APP`: a repository on this machine that is deployed from by `git push`.

use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use ondol_admin::client::Client;
use ondol_base::file;
use ondol_model::app::AppName;
use serde::Serialize;

use crate::folders::Folders;
use crate::output;
use crate::output::Format;

/// What a program's own path ends with while another file has taken its place, as in an upgrade.
const REPLACED: &str = " (deleted)";

/// Where the kernel says what this machine is called.
const HOST: &str = "/proc/sys/kernel/hostname";

/// Where to push to, for programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    app: &'a str,
    repository: &'a Path,
}

/// Makes it, or brings it up to date, and says what to type next.
pub(super) async fn run(
    client: &Client,
    folders: &Folders,
    app: &str,
    format: Format,
) -> anyhow::Result<()> {
    // The agent knows which apps there are.
    let app = client.app(app).await?.app.name;
    let name = AppName::parse(&app);
    let name = name.map_err(|error| anyhow::anyhow!("{app:?} is no name of an app: {error}"))?;
    let keeps_state_here = file::is_locked(&folders.lock()).unwrap_or(false);
    anyhow::ensure!(
        keeps_state_here,
        "the Ondol that answers does not keep its state in {}: give the --state that it was started with",
        folders.state.display()
    );
    let repository = folders.repository(&name);
    ondol_apps::set_up_repository(&repository, &name, &words(folders)?).await?;
    match format {
        Format::Json => {
            let repository = &*repository;
            output::print_json(&Answer {
                app: &app,
                repository,
            })
        }
        Format::Human => {
            let host = std::fs::read_to_string(HOST).unwrap_or_else(|_| "this-machine".to_owned());
            let is_root = rustix::process::geteuid().is_root();
            let advice = advice(&app, &repository, host.trim(), is_root);
            Ok(output::print(&advice)?)
        }
    }
}

/// The program and its arguments, with which it is asked about this box from anywhere.
fn words(folders: &Folders) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe().context("could not find out where this program is")?;
    let Folders {
        config,
        state,
        runtime,
        logs,
    } = folders;
    let flags = [
        ("--config", config),
        ("--state", state),
        ("--runtime", runtime),
        ("--logs", logs),
    ];
    let mut words = vec![text(&program)?.trim_end_matches(REPLACED).to_owned()];
    for (flag, path) in flags {
        words.extend([flag.to_owned(), text(path)?]);
    }
    Ok(words)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().with_context(|| {
        format!(
            "the path {} can't be written into a script, since it is no text",
            path.display()
        )
    })?;
    Ok(text.to_owned())
}

fn advice(app: &str, repository: &Path, host: &str, is_root: bool) -> String {
    let path = repository.display();
    let user = if is_root { "root@" } else { "" };
    let mut text = format!(
        "{app} has a repository. What is pushed to its branch main or master is deployed, and the push shows how that goes:\n\n  \
         git remote add ondol ssh://{user}{host}{path}\n  git push ondol main\n\nOn this machine the path alone will do: {path}\n"
    );
    if is_root {
        let _infallible = write!(
            text,
            "Who may not log in as root leaves out root@, and has sudo take what is pushed:\n\n  \
             git config remote.ondol.receivepack 'sudo git-receive-pack'\n"
        );
    }
    text
}

impl Folders {
    /// The repository of an app.
    fn repository(&self, app: &AppName) -> PathBuf {
        ondol_apps::repository_in(&self.state, app)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_to_type() {
        let path = Path::new("/var/lib/ondol/apps/coffee/repository.git");
        let root = advice("coffee", path, "seocho", true);
        assert!(
            root.contains(
                "git remote add ondol ssh://root@seocho/var/lib/ondol/apps/coffee/repository.git\n"
            ),
            "{root}"
        );
        assert!(root.contains("sudo git-receive-pack"), "{root}");
        let person = advice("coffee", path, "seocho", false);
        assert!(person.contains("ondol ssh://seocho/var/"), "{person}");
        assert!(!person.contains("sudo"), "{person}");
    }
}
