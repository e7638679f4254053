//! Python: ASGI applications under uvicorn, WSGI applications under gunicorn, where they ask for these.

mod module;

use super::Found;
use super::Listing;
use crate::plan::AppListen;

use module::Interface;
use module::Module;

const NEEDS: &[&str] = &["requirements.txt", "pyproject.toml"];
const PYTHONS: &[&str] = &[".venv/bin/python", "venv/bin/python"];

pub(super) fn find(listing: &Listing) -> Option<Found> {
    let module = module::find(listing)?;
    let Module {
        interface,
        file,
        folder,
        name,
    } = &module;
    let server = match interface {
        Interface::Asgi { .. } if asks_for(listing, "uvicorn") => "uvicorn",
        Interface::Wsgi if asks_for(listing, "gunicorn") => "gunicorn",
        // A new project of Django speaks both.
        Interface::Wsgi if *file == "manage.py" && asks_for(listing, "uvicorn") => "uvicorn",
        Interface::Asgi { .. } | Interface::Wsgi => return None,
    };
    // Programs of a virtual environment name the folder in which it was made; as modules they run in any.
    let program = match listing.first(PYTHONS) {
        Some(python) => format!("{python} -m {server}"),
        None => server.to_owned(),
    };
    let name = match server {
        "uvicorn" => name.replace(".wsgi:", ".asgi:"),
        _ => name.clone(),
    };
    let commands = match server {
        "uvicorn" => {
            let factory = match interface {
                Interface::Asgi { is_factory: true } => " --factory",
                Interface::Asgi { is_factory: false } | Interface::Wsgi => "",
            };
            let app_dir = folder.map_or(String::new(), |folder| format!(" --app-dir {folder}"));
            uvicorn(&format!("{program} {name}{factory}{app_dir}"))
        }
        _ => {
            let chdir = folder.map_or(String::new(), |folder| format!(" --chdir {folder}"));
            gunicorn(&format!("{program} {name}{chdir}"))
        }
    };
    Some(Found {
        why: format!("{server} and {file}"),
        build: build(listing),
        commands,
    })
}

/// On a Unix socket only Ondol asks, so it is believed about the visitor.
fn uvicorn(command: &str) -> Vec<(AppListen, String)> {
    let believed = "--forwarded-allow-ips '*'";
    vec![
        (
            AppListen::Port,
            format!("{command} --host 127.0.0.1 --port $PORT"),
        ),
        (
            AppListen::Unix,
            format!("{command} --uds $ONDOL_SOCKET {believed}"),
        ),
        (AppListen::Fd, format!("{command} --fd 3 {believed}")),
    ]
}

/// By `fd`, it finds the socket by itself (`LISTEN_FDS`).
fn gunicorn(command: &str) -> Vec<(AppListen, String)> {
    vec![
        (AppListen::Port, format!("{command} -b 127.0.0.1:$PORT")),
        (AppListen::Unix, format!("{command} -b unix:$ONDOL_SOCKET")),
        (AppListen::Fd, command.to_owned()),
    ]
}

/// `fastapi[standard]` brings uvicorn.
fn asks_for(listing: &Listing, server: &str) -> bool {
    let is_brought = server == "uvicorn" && listing.says(NEEDS, "fastapi[standard]");
    let is_there = |folder| listing.has(&format!("{folder}/bin/{server}"));
    is_brought || listing.says(NEEDS, server) || is_there(".venv") || is_there("venv")
}

/// Packages are installed into the release.
pub(super) fn build(listing: &Listing) -> Option<String> {
    let install = "python3 -m venv .venv && .venv/bin/python -m pip install";
    if listing.has("uv.lock") {
        Some("uv sync --frozen --no-dev".to_owned())
    } else if listing.has("requirements.txt") {
        Some(format!("{install} -r requirements.txt"))
    } else if listing.has("pyproject.toml") {
        Some(format!("{install} ."))
    } else {
        None
    }
}

pub(super) fn hint(listing: &Listing) -> Option<String> {
    let Module {
        interface, file, ..
    } = module::find(listing)?;
    let (kind, server) = match interface {
        Interface::Asgi { .. } => ("ASGI", "uvicorn"),
        Interface::Wsgi => ("WSGI", "gunicorn"),
    };
    Some(format!(
        "{file} has an application ({kind}), but nothing asks for a server to run it: add `{server}` to requirements.txt or pyproject.toml"
    ))
}
