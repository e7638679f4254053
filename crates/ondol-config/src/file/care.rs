//! How the box watches itself and who is told: the sections that belong together.

use std::path::Path;

use ondol_model::plan::Power;
use ondol_model::plan::Watch;

use crate::file::alarms;
use crate::file::health;
use crate::file::heartbeats;
use crate::file::people;
use crate::file::power;
use crate::file::watch;
use crate::report::Report;
use crate::section::Section;

/// What the sections say, before they are held against each other and the sites.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) health: health::Placed,
    pub(super) watch: Watch,
    pub(super) people: Vec<people::Placed>,
    /// Whether the file has a section of people.
    pub(super) has_people: bool,
    pub(super) alarms: alarms::Placed,
    pub(super) heartbeats: Vec<heartbeats::Placed>,
    pub(super) power: Power,
}

/// `email` is that of the box.
pub(super) fn care(
    main: Option<Section<'_>>,
    email: Option<&str>,
    folder: &Path,
    report: &mut Report,
) -> Placed {
    let section = |key| main.and_then(|main| main.table(key));
    Placed {
        health: health::health(section("health"), folder, report),
        watch: watch::watch(section("watch"), report),
        people: people::people(main, folder, report),
        has_people: main.is_some_and(|main| main.has(people::PEOPLE.name)),
        alarms: alarms::alarms(section("alarms"), email, folder, report),
        heartbeats: heartbeats::heartbeats(main, folder, report),
        power: power::power(section("power"), report),
    }
}
