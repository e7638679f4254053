//! Work that gives way to all other.

use std::io;

use nix::libc;

/// The nicest that a thread can be.
const NICEST: i32 = 19;

/// From now on this thread, and those that it starts, give way to others at the processor, and at the disk: the kernel
/// derives the one from the other. They are not `SCHED_IDLE`: where both processors were always busy, such a thread got
/// 0.2 % of one and this gets 3 %, so that a backup of a busy box ends.
pub fn give_way() -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    #[expect(unsafe_code, reason = "rustix and nix have no such call")]
    // SAFETY: the parameter is read during the call; 0 is this thread.
    let failed = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const none) } != 0;
    if failed {
        return Err(io::Error::last_os_error());
    }
    #[expect(unsafe_code, reason = "rustix sets it for a process by its id alone")]
    // SAFETY: the call takes no pointer; 0 is this thread.
    let failed = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICEST) } != 0;
    if failed {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// When the machine has no memory left, this process ends before most others do.
pub fn end_first() -> io::Result<()> {
    const RATHER_THAN_MOST: &str = "600";
    std::fs::OpenOptions::new()
        .write(true)
        .open("/proc/self/oom_score_adj")
        .and_then(|mut file| io::Write::write_all(&mut file, RATHER_THAN_MOST.as_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_gives_way_and_the_one_it_starts() {
        // The name of a process may have spaces and brackets; nice is the 17th field behind it, the policy the 39th.
        let told = || {
            let told = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let fields = told.rsplit(')').next().unwrap().split_whitespace();
            let fields: Vec<_> = fields.map(str::to_owned).collect();
            (fields[16].clone(), fields[38].clone())
        };
        let started = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                super::give_way().unwrap();
                std::thread::scope(|scope| scope.spawn(told).join().unwrap())
            });
            thread.join().unwrap()
        });
        assert_eq!(started, ("19".to_owned(), "3".to_owned()), "SCHED_BATCH");
    }
}
