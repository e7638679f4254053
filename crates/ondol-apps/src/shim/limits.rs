//! Limits that each process has for itself: what the kernel always can, where the group of processes can't be limited.

use std::fs;
use std::io::Write;

use rustix::io::Errno;
use rustix::process::Resource;
use rustix::process::Rlimit;

use crate::spec::Limits;

/// A process may set aside more memory than it uses, and only what it set aside can be limited here.
const SET_ASIDE: u64 = 2;
/// The kernel counts the processes and threads of the user, and the app has several processes, of two launches while one
/// takes the other's place.
const PROCESSES_OF_USER: u64 = 8;
/// When the whole machine is out of memory, the kernel ends apps before the agent and the data plane.
const OUT_OF_MEMORY_FIRST: &[u8] = b"200";

/// Sets what `limits` still holds: what the group enforces was taken out of it. Processors can't be limited here.
pub(super) fn set(limits: &Limits, has_own_user: bool) -> Result<(), Errno> {
    let Limits {
        memory,
        cpu_thousandths: _,
        tasks,
        descriptors,
    } = limits;
    if let Some(bytes) = memory {
        lower(Resource::Data, bytes.saturating_mul(SET_ASIDE))?;
    }
    if let Some(tasks) = tasks.filter(|_| has_own_user) {
        lower(
            Resource::Nproc,
            u64::from(tasks).saturating_mul(PROCESSES_OF_USER),
        )?;
    }
    if let Some(descriptors) = descriptors {
        lower(Resource::Nofile, *descriptors)?;
    }
    // No core file of a process that knows secrets; and where it may not say so, it only counts like the others.
    lower(Resource::Core, 0)?;
    let adjusted = fs::File::options()
        .write(true)
        .open("/proc/self/oom_score_adj");
    let _ = adjusted.and_then(|mut file| file.write_all(OUT_OF_MEMORY_FIRST));
    Ok(())
}

fn lower(resource: Resource, to: u64) -> Result<(), Errno> {
    let Rlimit {
        current: _,
        maximum,
    } = rustix::process::getrlimit(resource);
    let limit = maximum.map_or(to, |maximum| maximum.min(to));
    let limit = Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    rustix::process::setrlimit(resource, limit)
}
