//! Whether Ondol's database takes what it is told.

use std::time::Duration;

use ondol_base::clock;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

/// A disk that is just spinning up answers within this time.
const LIMIT: Duration = Duration::from_secs(15);
const FACT: &str = "checked";

/// Writes something down.
pub(super) async fn look(store: &ondol_store::Handle) -> Vec<Observation> {
    let now = clock::unix_seconds().to_string();
    let written = tokio::time::timeout(LIMIT, store.set_watch_fact(FACT, &now)).await;
    let broken = |detail: String| {
        let finding = Finding::saying(What::StoreBroken, detail);
        Observation::fail(Subject::Store, finding)
    };
    vec![match written {
        Ok(Ok(())) => Observation::pass(Subject::Store),
        Ok(Err(error)) => broken(ondol_base::chain::Chain(&error).to_string()),
        Err(_) => broken(format!("nothing was written within {} s", LIMIT.as_secs())),
    }]
}
