//! Work that gives way to all other.

use std::io;

use nix::libc;

/// From now on this thread, and those that it starts, run when no other wants the processor, and reach the disk when no
/// other wants that: the kernel derives the one from the other.
pub fn give_way() -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    #[expect(unsafe_code, reason = "rustix and nix have no such call")]
    // SAFETY: the parameter is read during the call; 0 is this thread.
    let failed = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) } != 0;
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
        let policy = || {
            let told = std::fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
            let line = told
                .lines()
                .find(|line| line.starts_with("policy"))
                .map(str::to_owned);
            line.and_then(|line| line.rsplit(' ').next().map(str::to_owned))
        };
        let started = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                super::give_way().unwrap();
                std::thread::scope(|scope| scope.spawn(policy).join().unwrap())
            });
            thread.join().unwrap()
        });
        if let Some(policy) = started {
            assert_eq!(policy, "5", "SCHED_IDLE");
        } else {
            println!("skipped: this kernel does not tell how threads are scheduled");
        }
    }
}
