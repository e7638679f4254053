//! What `/proc` says of processes.

use std::fs;

/// What is known of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) pid: u32,
    pub(super) has_ended: bool,
    pub(super) session: u32,
    /// Of the user and the system for it, in ticks.
    pub(super) cpu_ticks: u64,
    pub(super) threads: u32,
    pub(super) start_ticks: u64,
}

/// A process that is there, as a zombie too.
pub(super) fn known(pid: u32) -> Option<Known> {
    read(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// What tells one run of the machine from another.
pub(super) fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// All that are there.
pub(super) fn all() -> Vec<Known> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(known).collect()
}

/// The memory that these have for themselves and share with nobody, in bytes; roughly, for it takes no time.
pub(super) fn memory(pids: &[u32]) -> u64 {
    let pages = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let mut fields = text.split(' ').skip(1).map(str::parse::<u64>);
        let resident = fields.next()?.ok()?;
        let shared = fields.next()?.ok()?;
        Some(resident.saturating_sub(shared))
    };
    pids.iter().filter_map(pages).sum::<u64>() * rustix::param::page_size() as u64
}

/// The threads of these.
pub(super) fn threads(pids: &[u32]) -> u32 {
    let threads = pids.iter().filter_map(|pid| Some(known(*pid)?.threads));
    threads.sum()
}

/// Reads `/proc/PID/stat`. The name in it may hold anything, also what looks like another field.
fn read(pid: u32, stat: &str) -> Option<Known> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // Counted from the state, which is the third field of proc_pid_stat(5).
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Known {
        pid,
        has_ended: matches!(fields.first(), Some(&("Z" | "X"))),
        session: u32::try_from(number(6)?).ok()?,
        cpu_ticks: number(14)? + number(15)?,
        threads: u32::try_from(number(20)?).ok()?,
        start_ticks: number(22)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 9 0 -1 4194560 1 0 0 0 11 22 0 0 20 0 3 0 4711 0 0";
        let known = read(7, stat).unwrap();
        assert_eq!((known.session, known.cpu_ticks, known.threads), (9, 33, 3));
        assert_eq!((known.start_ticks, known.has_ended), (4711, false));
        assert!(read(7, "7 (a) Z 1 7 9").is_none());
    }

    #[test]
    fn this_process_is_known() {
        let own = std::process::id();
        let found = all().into_iter().find(|known| known.pid == own).unwrap();
        assert!(!found.has_ended && found.threads > 0 && found.start_ticks > 0);
        assert!(memory(&[own]) > 0);
    }
}
