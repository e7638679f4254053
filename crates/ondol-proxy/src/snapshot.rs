//! All that a data plane needs to serve, as one immutable value.

use std::sync::Arc;

use ondol_model::Plan;
use ondol_model::route::Routing;

use crate::certificates::Certificates;
use crate::client_auth::Guards;
use crate::upstream::UpstreamTls;

/// What is served from now on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(crate) plan: Arc<Plan>,
    pub(crate) routing: Arc<Routing>,
    pub(crate) certificates: Arc<Certificates>,
    /// Made of the two by the data plane that serves them.
    pub(crate) guards: Arc<Guards>,
    pub(crate) upstream_tls: Arc<UpstreamTls>,
}

impl Snapshot {
    /// With what its sites ask of visitors' certificates.
    pub(crate) fn guarded_by(self, guards: &Arc<Guards>) -> Self {
        let guards = Arc::clone(guards);
        Self { guards, ..self }
    }

    /// Joins what is wanted with what it is to be served with.
    pub fn new(plan: Arc<Plan>, certificates: Arc<Certificates>) -> Self {
        let routing = Arc::new(Routing::new(&plan));
        Self {
            plan,
            routing,
            certificates,
            guards: Arc::default(),
            upstream_tls: Arc::default(),
        }
    }

    /// With TLS towards its upstreams; without this, none of them is reached by it.
    #[must_use]
    pub fn with_upstream_tls(self, upstream_tls: Arc<UpstreamTls>) -> Self {
        Self {
            upstream_tls,
            ..self
        }
    }
}
