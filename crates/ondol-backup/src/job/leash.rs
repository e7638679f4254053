//! The standard input of a job after what it was told: a line has it go on where it waits, and its end ends it.

use std::io;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use ondol_base::tasks;
use rustix::process::Signal;

/// What the agent says when it is to go on.
pub(super) const GO_ON: &[u8] = b"\n";
/// Who has something to clear up when the agent is gone has so long for that.
const LAST_DEEDS: Duration = Duration::from_secs(60);

/// What the agent holds a job by.
#[derive(Debug)]
pub(crate) struct Leash {
    lines: Receiver<()>,
    /// Whether there is something to clear up before the end.
    clears_up: Arc<AtomicBool>,
}

impl Leash {
    /// From now on the end of standard input, which comes when the agent is gone or wants it so, ends this process and
    /// all that it started. That is safe at any moment.
    pub(super) fn of_input() -> io::Result<Self> {
        let (line, leash) = Self::new();
        let clears_up = Arc::clone(&leash.clears_up);
        tasks::spawn_thread("input", move || {
            let mut input = io::stdin().lock();
            let mut read = [0; 64];
            while let Ok(count @ 1..) = input.read(&mut read) {
                if read[..count].ends_with(GO_ON) {
                    let _ = line.try_send(()); // It was told already.
                }
            }
            drop(line);
            if clears_up.load(Ordering::SeqCst) {
                std::thread::sleep(LAST_DEEDS);
            }
            end();
        })?;
        Ok(leash)
    }

    /// With who has it go on in place of an agent.
    pub(crate) fn new() -> (SyncSender<()>, Self) {
        let (line, lines) = sync_channel(1);
        let leash = Self {
            lines,
            clears_up: Arc::default(),
        };
        (line, leash)
    }

    /// Nobody holds it: it never waits.
    #[cfg(test)]
    pub(crate) fn loose() -> Self {
        Self::new().1
    }

    /// Says what is ready, and waits until the agent has it go on, or is gone. From then on there is time to clear up.
    pub(crate) fn wait(&self, say: impl FnOnce()) {
        self.clears_up.store(true, Ordering::SeqCst);
        say();
        let _ = self.lines.recv(); // An end is as good as a line.
    }
}

fn end() {
    let own = rustix::process::getpid();
    if rustix::process::getpgrp() == own {
        let _ = rustix::process::kill_process_group(own, Signal::KILL);
    }
    let _ = rustix::process::kill_process(own, Signal::KILL);
}
