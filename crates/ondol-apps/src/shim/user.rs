//! Becoming somebody else, and giving up what only root can do, for good.

use rustix::process::Gid;
use rustix::process::Uid;
use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;

use crate::spec::Identity;

/// Becomes this user, with its groups and no others. Only root can.
pub(super) fn become_user(identity: &Identity) -> rustix::io::Result<()> {
    let Identity {
        name: _,
        uid,
        gid,
        groups,
        home: _,
    } = identity;
    let mut all = vec![Gid::from_raw(*gid)];
    all.extend(groups.iter().map(|group| Gid::from_raw(*group)));
    let (uid, gid) = (Uid::from_raw(*uid), Gid::from_raw(*gid));
    // The groups first: it takes root's rights, which are gone after the last of these.
    rustix::thread::set_thread_groups(&all)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

/// Whether the process is this user already; then its groups are those that it was started with.
pub(super) fn is_already(identity: &Identity) -> bool {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    !uid.is_root() && (uid.as_raw(), gid.as_raw()) == (identity.uid, identity.gid)
}

/// No program that it starts from now on may do more than it may itself.
pub(super) fn give_up_privileges() -> rustix::io::Result<()> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_no_new_privs(true)?;
    rustix::thread::clear_ambient_capability_set()?;
    rustix::thread::set_capabilities(None, none)
}
