//! A target in one text: a path, or as restic writes it.

use std::path::Path;

use ondol_model::plan::Storage;

use super::local_folder;
use super::rest;
use super::sftp;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Word;

const ACCEPTED: &str = "accepted: \"/mnt/usb/ondol\", \"rest:https://host:port/path\", \"sftp:user@host:/folder\", or a table with one of local, s3, rest and sftp";
const S3: &str = "{ s3 = { endpoint = \"https://…\", bucket = \"…\", key = { file = \"path\" }, secret = { file = \"path\" } } }";

/// Kinds of restic's that are reached in another way here.
const ELSEWHERE: [(&str, &str); 5] = [
    ("b2:", "Backblaze B2 speaks S3: write"),
    (
        "gs:",
        "Google's storage speaks S3, with a key for interoperability: write",
    ),
    ("azure:", RCLONE),
    ("swift:", RCLONE),
    ("rclone:", RCLONE),
];
const RCLONE: &str = "let rclone serve it (`rclone serve restic REMOTE:PATH`), and write \"rest:http://127.0.0.1:8080/\"; or, where it speaks S3,";

pub(super) fn storage(word: Word<'_>, report: &mut Report) -> Option<Storage> {
    let text = word.text;
    let path = text.strip_prefix("local:").unwrap_or(text);
    if path.starts_with('/') {
        return local_folder(word, path, Path::new("/"), report);
    }
    if text.starts_with("rest:") {
        return rest::short(word, report).map(Storage::Rest);
    }
    let is_remote = |text: &str| {
        let host = text.split_once(':').map(|(host, _)| host);
        host.is_some_and(|host| host.contains('@')) && !text.contains("://")
    };
    if text.starts_with("sftp:") || is_remote(text) {
        return sftp::short(word, report).map(Storage::Sftp);
    }
    let note = match text.contains('@') {
        // It may be a password's.
        true => report.add(word.at, "this is not a target").hide_line(),
        false => report.add(word.at, format!("\"{}\" is not a target", repeated(text))),
    };
    note.help(advice(text));
    None
}

fn advice(text: &str) -> String {
    if let Some((_, advice)) = ELSEWHERE.iter().find(|(kind, _)| text.starts_with(kind)) {
        return format!("{advice} {S3}");
    }
    if let Some(place) = text
        .strip_prefix("s3:")
        .filter(|place| !place.contains('@'))
    {
        return of_bucket(place);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return format!("write \"rest:https://…\" for a restic REST server, or for a bucket {S3}");
    }
    ACCEPTED.to_owned()
}

/// A bucket needs a key, which no text can have.
fn of_bucket(place: &str) -> String {
    let bare = place.strip_prefix("https://").unwrap_or(place);
    let parts = bare.split_once('/').filter(|_| !bare.contains("://"));
    let Some((host, rest)) = parts else {
        return format!("a bucket needs a key: write {S3}");
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("prefix = \"{}\", ", repeated(prefix)),
    };
    let (host, bucket) = (repeated(host), repeated(bucket));
    format!(
        "a bucket needs a key: write {{ s3 = {{ endpoint = \"https://{host}\", bucket = \"{bucket}\", {prefix}key = {{ file = \"path\" }}, secret = {{ file = \"path\" }} }} }}"
    )
}
