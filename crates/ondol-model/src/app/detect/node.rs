//! Node.js and Bun: the script `start`, or a file that is called as a server is.

use super::Found;
use super::Listing;
use super::json;
use crate::plan::AppListen;

const PACKAGE: &str = "package.json";
/// What `npm start` runs where there is no script.
const SERVER: &str = "server.js";

/// Who installs packages and runs scripts.
struct Manager {
    /// The file that it is known by.
    lock: &'static str,
    name: &'static str,
    /// Installs all packages, as the file says.
    install: &'static str,
    /// Installs what is needed to run.
    install_to_run: &'static str,
}

const MANAGERS: &[Manager] = &[
    Manager {
        lock: "pnpm-lock.yaml",
        name: "pnpm",
        install: "pnpm install --frozen-lockfile",
        install_to_run: "pnpm install --frozen-lockfile --prod",
    },
    Manager {
        lock: "yarn.lock",
        name: "yarn",
        install: "yarn install --frozen-lockfile",
        install_to_run: "yarn install --frozen-lockfile --production",
    },
    Manager {
        lock: "bun.lock",
        name: "bun",
        install: "bun install --frozen-lockfile",
        install_to_run: "bun install --frozen-lockfile --production",
    },
    Manager {
        lock: "bun.lockb",
        name: "bun",
        install: "bun install --frozen-lockfile",
        install_to_run: "bun install --frozen-lockfile --production",
    },
    Manager {
        lock: "package-lock.json",
        name: "npm",
        install: "npm ci",
        install_to_run: "npm ci --omit=dev",
    },
];

const WITHOUT_LOCK: Manager = Manager {
    lock: PACKAGE,
    name: "npm",
    install: "npm install",
    install_to_run: "npm install --omit=dev",
};

pub(super) fn find(listing: &Listing) -> Option<Found> {
    let package = listing.text(PACKAGE)?;
    let (why, run) = match json::text(package, &["scripts", "start"]) {
        Some(script) => {
            let why = format!("the script `start` of {PACKAGE}");
            (why, start(&script, manager(listing).name))
        }
        None => {
            listing.first(&[SERVER])?;
            (format!("{PACKAGE} and {SERVER}"), format!("node {SERVER}"))
        }
    };
    let run = format!("env NODE_ENV=${{NODE_ENV:-production}} {run}");
    Some(Found {
        why,
        build: build(listing),
        commands: vec![(AppListen::Port, run)],
    })
}

/// A plain call of node is made without npm in between, which costs memory and keeps signals from the app.
fn start(script: &str, manager: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ./_-=:@".contains(c);
    let is_node = script.starts_with("node ") && script.chars().all(is_plain);
    match is_node {
        true => script.to_owned(),
        false if manager == "bun" => "bun run start".to_owned(),
        false => format!("{manager} start"),
    }
}

pub(super) fn build(listing: &Listing) -> Option<String> {
    let package = listing.text(PACKAGE)?;
    let manager = manager(listing);
    let has = |path: &[&str]| json::find(package, path).is_some();
    let has_packages = has(&["dependencies"]) || has(&["devDependencies"]);
    let script = has(&["scripts", "build"]).then(|| format!("{} run build", manager.name));
    match (has_packages, script) {
        (true, Some(script)) => Some(format!("{} && {script}", manager.install)),
        (true, None) => Some(manager.install_to_run.to_owned()),
        (false, script) => script,
    }
}

pub(super) fn hint(listing: &Listing) -> Option<String> {
    listing
        .has(PACKAGE)
        .then(|| format!("{PACKAGE} has no script `start`, which would say how it is run"))
}

fn manager(listing: &Listing) -> &'static Manager {
    let mut managers = MANAGERS.iter();
    managers
        .find(|manager| listing.has(manager.lock))
        .unwrap_or(&WITHOUT_LOCK)
}
