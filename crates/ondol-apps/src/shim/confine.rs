//! Landlock: what the kernel lets a process do with the disk from now on, and all that it starts.

use landlock::ABI;
use landlock::Access;
use landlock::AccessFs;
use landlock::BitFlags;
use landlock::CompatLevel;
use landlock::Compatible;
use landlock::Ruleset;
use landlock::RulesetAttr;
use landlock::RulesetCreated;
use landlock::RulesetCreatedAttr;
use landlock::RulesetError;
use landlock::path_beneath_rules;

use super::view::View;

/// The rights that are handled. Later versions also forbid to connect to Unix sockets by path, which apps need for
/// their databases.
const ABI_USED: ABI = ABI::V5;
/// Before this one, no file could be moved from one folder to another, which many programs do.
const ABI_MIN: ABI = ABI::V2;

/// What is prepared while the process is still root, and can look everywhere.
#[derive(Debug)]
pub(super) struct Confinement(RulesetCreated);

/// Whether this kernel can confine apps.
pub(crate) fn is_possible() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI_MIN))
        .and_then(Ruleset::create)
        .is_ok()
}

/// Prepares what [`Confinement::begin`] enforces; `None` where the kernel can't.
pub(super) fn prepare(view: &View) -> Result<Option<Confinement>, RulesetError> {
    if !is_possible() {
        return Ok(None);
    }
    let everything: BitFlags<AccessFs> = AccessFs::from_all(ABI_USED);
    let read = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    let shared_memory = AccessFs::MakeReg | AccessFs::RemoveFile;
    let devices = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::IoctlDev
        | shared_memory;
    let View {
        read: to_read,
        devices: to_use,
        write: to_write,
    } = view;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(everything)?
        .create()?
        .add_rules(path_beneath_rules(to_read, read))?
        .add_rules(path_beneath_rules(to_use, devices))?
        .add_rules(path_beneath_rules(to_write, everything))?;
    Ok(Some(Confinement(rules)))
}

impl Confinement {
    /// From now on.
    pub(super) fn begin(self) -> Result<(), RulesetError> {
        self.0.restrict_self().map(|_| ())
    }
}
