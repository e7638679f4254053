//! Programs that were compiled: of Go, of Rust, or any that is called `bin/server`.

use super::Found;
use super::Listing;
use crate::plan::AppListen;

const PROGRAM: &str = "bin/server";

/// Programs of Go and Rust, which are built where they are not there yet.
pub(super) fn find(listing: &Listing) -> Option<Found> {
    let (why, program) = if listing.has("go.mod") {
        ("go.mod", go(listing)?)
    } else {
        ("Cargo.toml", rust(listing)?)
    };
    Some(found(why, &program, build(listing)))
}

/// A program that is there, wherever it is from.
pub(super) fn find_program(listing: &Listing) -> Option<Found> {
    listing
        .has_program(PROGRAM)
        .then(|| found(PROGRAM, PROGRAM, None))
}

pub(super) fn build(listing: &Listing) -> Option<String> {
    if listing.has("go.mod") && listing.has("main.go") {
        return Some(format!("go build -o {PROGRAM} ."));
    }
    let is_rust = rust(listing).is_some() && listing.has("src/main.rs");
    is_rust.then(|| match listing.has("Cargo.lock") {
        true => "cargo build --release --locked".to_owned(),
        false => "cargo build --release".to_owned(),
    })
}

fn found(why: &str, program: &str, build: Option<String>) -> Found {
    Found {
        why: why.to_owned(),
        build,
        commands: vec![(AppListen::Port, format!("./{program}"))],
    }
}

/// What is built, or what lies there by the name of its module.
fn go(listing: &Listing) -> Option<String> {
    if listing.has("main.go") || listing.has_program(PROGRAM) {
        return Some(PROGRAM.to_owned());
    }
    let mut lines = listing.text("go.mod")?.lines();
    let module = lines.find_map(|line| line.strip_prefix("module "))?.trim();
    let name = module.trim_matches('"').rsplit('/').next()?;
    (is_plain(name) && listing.has_program(name)).then(|| name.to_owned())
}

/// What is built: the program of the package, by its name.
fn rust(listing: &Listing) -> Option<String> {
    let name = package(listing.text("Cargo.toml")?)?;
    let program = format!("target/release/{name}");
    let is_there = listing.has("src/main.rs") || listing.has_program(&program);
    (is_plain(name) && is_there).then_some(program)
}

/// The name in the section `[package]`.
fn package(manifest: &str) -> Option<&str> {
    let lines = manifest.lines().map(str::trim);
    let lines = lines.skip_while(|line| *line != "[package]").skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    let value = lines.find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim())
    })?;
    let value = value.strip_prefix('"')?;
    value.split_once('"').map(|(name, _)| name)
}

/// A name that `sh` takes as it is.
fn is_plain(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_fine)
}
