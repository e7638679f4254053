//! `health`: a path at which a site says whether the box is well.

use ondol_model::path::RoutePath;

use super::route;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::text::Place;

pub(super) const HEALTH: Key = Key {
    name: "health",
    doc: "A path at which the site says, to anybody, whether the box is well, in one word: `{\"status\":\"pass\"}` with 200, or `fail` with 503. For a watcher outside of the house. Without it, it says nothing.",
    shape: Shape::Text(Form {
        what: "a path",
        example: "/health",
    }),
    absent: Absent::Means,
};

/// The path; `routes` are those of the site, with their places.
pub(super) fn health(
    section: Section<'_>,
    routes: &[(RoutePath, Place)],
    report: &mut Report,
) -> Option<RoutePath> {
    let word = section.text(HEALTH.name)?;
    let path = route::path(word, report)?;
    if let Some((_, at)) = routes.iter().find(|(route, _)| *route == path) {
        report
            .add(
                word.at,
                format!("`{path}` is the path of a route, which would never be asked"),
            )
            .help("give `health` a path of its own, such as \"/ondol-health\"")
            .related(*at, "this answers there");
        return None;
    }
    Some(path)
}
