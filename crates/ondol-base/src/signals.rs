//! Signals that wait until they are read. They have no handler that could swallow one, and `exec` neither
//! loses them nor lets them end the process: the next program reads what this one has not.

use std::io;

use nix::sys::signal::SigSet;
use nix::sys::signalfd::SfdFlags;
use nix::sys::signalfd::SignalFd;
use rustix::process::Signal;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Holds these signals back, and no others, from this thread and from all that it starts from now on:
/// threads, children, and what it becomes by `exec`. To be called before there is a second thread, since
/// a signal goes to any thread that takes it. What is held back and never read has no effect.
pub fn hold(signals: &[Signal]) -> io::Result<()> {
    Ok(set_of(signals)?.thread_set_mask()?)
}

/// Gives every signal its usual effect again, in this process and in what it becomes by `exec`, whoever started it
/// (`nohup`, a shell's `&`) had some ignored.
pub fn reset() -> io::Result<()> {
    use nix::sys::signal::SigHandler;
    let fixed = [
        nix::sys::signal::Signal::SIGKILL,
        nix::sys::signal::Signal::SIGSTOP,
    ];
    let signals = nix::sys::signal::Signal::iterator().filter(|signal| !fixed.contains(signal));
    for signal in signals {
        #[expect(
            unsafe_code,
            reason = "handlers can break anything; the usual effect is none"
        )]
        // SAFETY: no handler is installed.
        unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    }
    Ok(SigSet::empty().thread_set_mask()?)
}

/// Reads signals that are held back.
#[derive(Debug)]
pub struct Signals {
    descriptor: AsyncFd<SignalFd>,
}

impl Signals {
    /// Those of this process, which must [`hold`] them. Must be called in a Tokio runtime.
    pub fn read(signals: &[Signal]) -> io::Result<Self> {
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let descriptor = SignalFd::with_flags(&set_of(signals)?, flags)?;
        #[expect(
            deprecated,
            reason = "the replacement is unsafe for foreign types; a SignalFd never changes its number"
        )]
        let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
        Ok(Self { descriptor })
    }

    /// Waits for the next one; several of a kind that were not read yet are one. Cancel-safe.
    pub async fn next(&self) -> io::Result<Signal> {
        loop {
            let mut guard = self.descriptor.readable().await?;
            let Some(information) = self.descriptor.get_ref().read_signal()? else {
                guard.clear_ready();
                continue;
            };
            let number = i32::try_from(information.ssi_signo).ok();
            return number
                .and_then(Signal::from_named_raw)
                .ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
    }
}

fn set_of(signals: &[Signal]) -> io::Result<SigSet> {
    let mut set = SigSet::empty();
    for signal in signals {
        set.add(nix::sys::signal::Signal::try_from(signal.as_raw())?);
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_back_is_read_once_and_later() {
        let signals = [Signal::HUP, Signal::TERM];
        hold(&signals).unwrap();
        for signal in [Signal::TERM, Signal::TERM, Signal::HUP] {
            // To this thread alone: others of a test do not hold it back.
            let signal = nix::sys::signal::Signal::try_from(signal.as_raw()).unwrap();
            nix::sys::signal::raise(signal).unwrap();
        }
        let reader = Signals::read(&signals).unwrap();
        assert_eq!(reader.next().await.unwrap(), Signal::HUP);
        assert_eq!(reader.next().await.unwrap(), Signal::TERM);
        let nothing = tokio::select! {
            biased;
            signal = reader.next() => Some(signal),
            () = tokio::task::yield_now() => None,
        };
        assert!(nothing.is_none(), "{nothing:?}");
    }
}
