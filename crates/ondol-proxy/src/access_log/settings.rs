//! What the plan says of logs, prepared for those who write and keep them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::plan::AccessLog;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::LogName;
use ondol_model::plan::LogTo;
use ondol_model::plan::Rotation;
use ondol_model::plan::Share;

use super::redact::Redaction;

/// Replaced as a whole when another plan is served.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) format: AccessLogFormat,
    pub(super) rotation: Option<Rotation>,
    pub(super) redaction: Redaction,
    pub(super) sample: Share,
    /// The files of sites, beside the box's own.
    pub(super) names: Vec<Name>,
}

/// The name of a log file; `None` is the box's own.
pub(super) type Name = Option<Arc<str>>;

impl Settings {
    /// What a plan asks for.
    pub(crate) fn of(plan: &Plan) -> Self {
        let AccessLog {
            format,
            rotation,
            redact,
            sample,
        } = &plan.access_log;
        let sites = plan.sites.iter();
        let rules = sites.flat_map(|site| {
            let routes = site.routes.iter().map(|route| &route.rules);
            routes.chain([&site.rules])
        });
        let names: BTreeSet<&LogName> = rules
            .filter_map(|rules| match &rules.log.to {
                LogTo::File(name) => Some(name),
                LogTo::Box | LogTo::Nowhere => None,
            })
            .collect();
        Self {
            format: *format,
            rotation: *rotation,
            redaction: Redaction::of(redact),
            sample: *sample,
            names: names
                .into_iter()
                .map(|name| Some(name.as_str().into()))
                .collect(),
        }
    }
}
