//! All that a data plane needs to serve, as one immutable value.

use std::sync::Arc;

use ondol_model::Plan;

/// What is served from now on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The accepted configuration.
    pub plan: Arc<Plan>,
}
