//! Deno: a task `start`.

use super::Found;
use super::Listing;
use super::json;
use crate::plan::AppListen;

pub(super) fn find(listing: &Listing) -> Option<Found> {
    let file = listing.first(&["deno.json", "deno.jsonc"])?;
    json::find(listing.text(file)?, &["tasks", "start"])?;
    Some(Found {
        why: format!("the task `start` of {file}"),
        build: None,
        commands: vec![(AppListen::Port, "deno task start".to_owned())],
    })
}
