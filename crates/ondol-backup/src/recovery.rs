//! What a box that is recovered begins with: another identity than the one that is gone, and the credentials of its own
//! configuration.

use ondol_model::Plan;
use ondol_store::StoreError;

use crate::access::DatabaseAccess;
use crate::access::TargetAccess;
use crate::backups::BOX_ID;
use crate::backups::identity;
use crate::backups::memory::fact;
use crate::backups::spec;
use crate::backups::spec::Which;
use crate::identity::BoxIdentity;

/// The fact that is the run that the box was recovered from.
const RECOVERED_FROM: &str = "recovered-from";

/// Gives the box of a recovered database an identity of its own, so that it and the one before are told apart, and has
/// it look anew which disks its targets are on. Asked again for the same run, it is the same.
///
/// # Errors
///
/// When the store does not answer.
pub async fn begin_anew(
    store: &ondol_store::Handle,
    plan: &Plan,
    run: &str,
) -> Result<BoxIdentity, StoreError> {
    let name = plan.box_name.clone();
    let before = store.backup_fact(RECOVERED_FROM).await?;
    if before.as_deref() == Some(run)
        && let Some(id) = store.backup_fact(BOX_ID).await?
    {
        return Ok(BoxIdentity { id, name });
    }
    let id = identity::new_id();
    for target in &plan.backup.to {
        store
            .set_backup_fact(&fact("file-system", target), "")
            .await?;
    }
    store.set_backup_fact(BOX_ID, &id).await?;
    store.set_backup_fact(RECOVERED_FROM, run).await?;
    Ok(BoxIdentity { id, name })
}

/// An identity for a box that has no database yet.
pub fn stranger(name: &str) -> BoxIdentity {
    BoxIdentity {
        id: identity::new_id(),
        name: name.to_owned(),
    }
}

/// The targets of a plan with the credentials that a box writes with, or why these can't be had. Blocks on the disk.
pub fn targets(plan: &Plan) -> Vec<(String, Result<TargetAccess, String>)> {
    let targets = plan.backup.to.iter().map(|target| {
        let access = spec::target_access(target, Which::Own, None);
        (target.name.as_str().to_owned(), access)
    });
    targets.collect()
}

/// How the databases of a plan are reached. Blocks on the disk.
pub fn databases(plan: &Plan) -> Vec<DatabaseAccess> {
    spec::databases(plan)
}
