//! What can be the cause of what: power → link → router → internet → DNS, and data plane, disk and app → site.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Subject;
use crate::plan::Plan;

/// What can be the cause of what, one step at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The apps that answer for each site.
    apps: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    /// Of the sites and apps of a plan.
    pub fn of(plan: &Plan) -> Self {
        let apps = plan.sites.iter().map(|site| {
            let targets = site.routes.iter().filter_map(|route| route.target.app());
            let apps = targets.map(ToString::to_string).collect();
            (site.name.to_string(), apps)
        });
        Self {
            apps: apps.collect(),
        }
    }

    /// Whether `cause`, when it is not well, explains that `subject` is not.
    pub fn is_cause(&self, cause: &Subject, subject: &Subject) -> bool {
        use Subject as S;
        match (cause, subject) {
            (S::Power, S::Link | S::Router | S::Internet)
            | (S::Link, S::Router | S::Internet)
            | (S::Router, S::Internet)
            | (S::Internet, S::Dns)
            | (
                S::Internet | S::Dns,
                S::Domain(_) | S::Backup(_) | S::Heartbeat(_) | S::Channel(_) | S::Clock,
            )
            | (S::DataPlane, S::Site(_))
            | (S::Disk(_), S::Store | S::App(_) | S::Site(_) | S::Backup(_) | S::DataPlane)
            | (S::Drive(_), S::Disk(_))
            | (S::Memory, S::App(_)) => true,
            (S::App(app), S::Site(site)) => {
                self.apps.get(site).is_some_and(|apps| apps.contains(app))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_explains_its_own_sites_alone() {
        let apps = BTreeMap::from([("a.test".to_owned(), BTreeSet::from(["coffee".to_owned()]))]);
        let tree = Tree { apps };
        let subject = |text| Subject::parse(text).unwrap();
        for (cause, of, is_cause) in [
            ("app:coffee", "site:a.test", true),
            ("app:coffee", "site:b.test", false),
            ("site:a.test", "app:coffee", false),
            ("router", "internet", true),
            ("internet", "router", false),
            ("internet", "site:a.test", false),
            ("data-plane", "site:b.test", true),
            ("disk:/", "app:tea", true),
        ] {
            assert_eq!(
                tree.is_cause(&subject(cause), &subject(of)),
                is_cause,
                "{cause} of {of}"
            );
        }
    }
}
