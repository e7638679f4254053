//! Moved paths of a site that lead to each other, or to themselves, for ever.

use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::path::normalize;
use ondol_model::plan::Moved;
use ondol_model::route::Routing;
use ondol_model::route::SiteIndex;

use super::Address;
use super::is_same_site;
use crate::nearest::repeated;
use crate::report::Report;
use crate::text::Place;

/// Browsers give up after this many; no honest move takes a third of it.
const HOPS_MAX: usize = 20;
/// What a star stands for on the way that is tried.
const STAR: &str = "x";

/// `places` are those of the moved paths of each site.
pub(super) fn check(plan: &Plan, routing: &Routing, places: &[Vec<Place>], report: &mut Report) {
    for (index, (site, places)) in plan.sites.iter().zip(places).enumerate() {
        let moved = Moved::new(&site.redirects);
        let leads_back = |to: &Address<'_>| is_same_site(plan, routing, SiteIndex(index), to);
        for (from, at) in site.redirects.iter().zip(places) {
            let start = from.from.sample(STAR);
            if is_endless(site, &moved, &start, leads_back) {
                let start = repeated(&start);
                report
                    .add(*at, "this redirect never ends".to_owned())
                    .help(format!(
                        "follow `{start}`: it leads to a path that has moved too, and so on"
                    ));
            }
        }
    }
}

fn is_endless(
    site: &Site,
    moved: &Moved,
    start: &str,
    leads_back: impl Fn(&Address<'_>) -> bool,
) -> bool {
    let mut path = start.to_owned();
    for _ in 0..HOPS_MAX {
        let found = moved.find(&site.redirects, &path);
        let Some(address) = found.and_then(|found| found.address(&path, None)) else {
            return false;
        };
        let address = Address::new(&address);
        if !leads_back(&address) {
            return false;
        }
        let next = if address.path.is_empty() {
            "/"
        } else {
            address.path
        };
        let Some(next) = normalize(next) else {
            return false;
        };
        path = next.into_owned();
    }
    true
}
