//! Addresses that could not be listened on when the box came up: it serves at the others meanwhile, and
//! tries these again.

use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::tasks;

use crate::listeners::BindError;
use crate::listeners::Listeners;
use crate::reload::Context;
use crate::reload::Refused;
use crate::reload::Served;

/// How often they are tried again.
pub(crate) const AGAIN: Duration = Duration::from_secs(10);

/// What a person should know of them.
pub(crate) fn sentences(missing: &[BindError]) -> Vec<String> {
    let each = missing.iter().map(|error| {
        format!(
            "{}. Nobody is served there; Ondol tries again every {} s (`ondol check` says what to do)",
            Chain(error),
            AGAIN.as_secs()
        )
    });
    each.collect()
}

/// Listens on those that can be listened on now, with another data plane. `None` when there is none.
pub(crate) async fn try_again(context: Context, before: Served) -> Result<Option<Served>, Refused> {
    let (plan, held) = (before.plan().clone(), before.listeners.clone());
    let work = tasks::spawn_blocking(move || {
        Listeners::open_possible(&plan.listen, &held, context.workers)
    });
    let (listeners, missing) = work.await.map_err(Refused::Interrupted)?;
    if listeners.keys() == before.listeners.keys() {
        return Ok(None);
    }
    let served = Served {
        listeners,
        missing: sentences(&missing),
        ..before
    };
    context.generations.take_up(served.wanted()).await?;
    Ok(Some(served))
}
