//! How a process ended, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// What happened, for the owner: `it ended with status 1`.
    pub(crate) sentence: String,
    /// `None` where this agent is not the one who started it, and so isn't told.
    pub(crate) status: Option<ExitStatus>,
    /// Whether the machine killed it, or a child of it, because its memory was used up.
    pub(crate) out_of_memory: bool,
}

/// What is known when a process has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) status: Option<ExitStatus>,
    /// One of its group was killed for memory while it ran.
    pub(super) out_of_memory: bool,
    /// What it may have of that, in bytes.
    pub(super) memory: Option<u64>,
    /// Others of its group went on after it.
    pub(super) left_others: bool,
}

impl Ending {
    pub(super) fn of(facts: Facts) -> Self {
        Self {
            sentence: sentence(facts),
            status: facts.status,
            out_of_memory: facts.out_of_memory,
        }
    }
}

fn sentence(facts: Facts) -> String {
    let Facts {
        status,
        out_of_memory,
        memory,
        left_others,
    } = facts;
    if out_of_memory {
        let limit = memory.map_or_else(String::new, |bytes| {
            format!(" of {} (`memory`)", in_words(bytes))
        });
        return format!("it was killed because it had used up its memory{limit}");
    }
    let Some(status) = status else {
        return "it ended; how is not known, since an earlier run of Ondol had started it"
            .to_owned();
    };
    if let Some(signal) = status.signal() {
        return format!("it was killed by signal {signal}{}", name_of(signal));
    }
    let code = status.code().unwrap_or_default();
    if left_others && code == 0 {
        return "it put itself into the background (daemonized), where Ondol can't watch it, so what it started was \
                stopped: start it in the foreground, without an option such as `--daemon`"
            .to_owned();
    }
    let hint = match code {
        0 => {
            ", though it is to stay: it must not end by itself, nor put itself into the background"
        }
        126 => ": its command can't be run (is it executable?)",
        127 => ": its command was not found",
        _ => "",
    };
    format!("it ended with status {code}{hint}")
}

/// A signal's name, as the end of the words that have its number.
fn name_of(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        3 => " (SIGQUIT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        24 => " (SIGXCPU)",
        25 => " (SIGXFSZ)",
        31 => " (SIGSYS)",
        _ => "",
    }
}

/// In the largest unit that leaves no rest, as its owner has probably written it.
fn in_words(bytes: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
        (1_000, "KB"),
    ];
    let unit = UNITS
        .iter()
        .find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    match unit {
        Some((size, name)) => format!("{} {name}", bytes / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: Option<i32>, out_of_memory: bool, left_others: bool, expected: &str) {
        let ending = Ending::of(Facts {
            status: status.map(ExitStatus::from_raw),
            out_of_memory,
            memory: Some(512 << 20),
            left_others,
        });
        assert!(ending.sentence.contains(expected), "{}", ending.sentence);
    }

    #[test]
    fn every_end_has_its_words() {
        check(
            Some(0),
            false,
            false,
            "ended with status 0, though it is to stay",
        );
        check(Some(3 << 8), false, false, "ended with status 3");
        check(
            Some(127 << 8),
            false,
            false,
            "status 127: its command was not found",
        );
        check(Some(9), false, false, "killed by signal 9 (SIGKILL)");
        check(
            Some(9),
            true,
            false,
            "used up its memory of 512 MiB (`memory`)",
        );
        check(Some(0), false, true, "foreground");
        check(Some(1 << 8), false, true, "ended with status 1");
        check(None, false, false, "not known");
    }

    #[test]
    fn memory_is_told_as_the_configuration_writes_it() {
        for (bytes, words) in [
            (512_000_000, "512 MB"),
            (1_500_000_000, "1500 MB"),
            (2_000_000_000, "2 GB"),
            (1 << 30, "1 GiB"),
            (64 << 20, "64 MiB"),
            (1_234_567, "1234567 bytes"),
        ] {
            assert_eq!(in_words(bytes), words);
        }
    }
}
