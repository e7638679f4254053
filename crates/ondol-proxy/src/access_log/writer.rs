//! The thread that writes the logs.
//!
//! It holds on to lines until they are in their file, so that a disk that was full for a while costs only
//! what did not fit into memory meanwhile. A file that can't be written holds no other one up.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::limits;
use tokio::time::Instant;

use super::AccessLogFailure;
use super::AccessLogNotice;
use super::Notices;
use super::Shared;
use super::outlet::Batch;
use super::outlet::Outlet;
use super::settings::Name;

/// How often it looks whether files were renamed or removed, or have become old.
const LOOK: Duration = Duration::from_secs(2);
/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// What the writer is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// Lines of a worker.
    Lines(Batch),
    /// The orders in [`Shared`] have changed.
    Wake,
}

/// The thread's state.
pub(super) struct Writer {
    /// Where the box's own log is; the others are beside it.
    path: PathBuf,
    /// The box's own first.
    outlets: Vec<Outlet>,
    queue: Receiver<Message>,
    shared: Arc<Shared>,
    notices: Notices,
    /// Wakes the keeper.
    nudges: SyncSender<()>,
    looked_at: Instant,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        queue: Receiver<Message>,
        shared: Arc<Shared>,
        notices: Notices,
        nudges: SyncSender<()>,
    ) -> Self {
        let mut writer = Self {
            outlets: vec![Outlet::new(None, &path)],
            path,
            queue,
            shared,
            notices,
            nudges,
            looked_at: clock::now(),
        };
        writer.open_all();
        writer
    }

    /// Until the log is closed, or everyone who could send lines is gone.
    pub(super) fn run(mut self) {
        while !self.is_closing() {
            match self.queue.recv_timeout(self.pause()) {
                Ok(Message::Lines(batch)) => self.take(batch),
                Ok(Message::Wake) => self.obey(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.looked_at.elapsed() >= self.pause() {
                self.look();
            }
        }
        while let Ok(message) = self.queue.try_recv() {
            match message {
                Message::Lines(batch) => self.take(batch),
                Message::Wake => {}
            }
        }
        self.give_up();
    }

    /// Brings lines into their file, or to the end of those that wait for it.
    fn take(&mut self, batch: Batch) {
        self.reopen_if_told();
        let waiting: usize = self.outlets.iter().map(Outlet::waiting).sum();
        let index = self.outlet(&batch.name);
        let outlet = &mut self.outlets[index];
        let is_first = outlet.waiting() == 0;
        // What waits for other files is no reason to drop the lines of one that takes them.
        if waiting >= limits::ACCESS_LOG_QUEUE && !is_first {
            let dropped = &self.shared.dropped;
            dropped.fetch_add(batch.lines, Ordering::Relaxed);
            return batch.send_home();
        }
        outlet.push(batch);
        if is_first {
            self.write(index);
            self.rotate(index);
        }
    }

    /// Where a file stands in the list; one that is new comes to its end.
    fn outlet(&mut self, name: &Name) -> usize {
        let known = self.outlets.iter().position(|outlet| outlet.name == *name);
        known.unwrap_or_else(|| {
            self.outlets.push(Outlet::new(name.clone(), &self.path));
            self.outlets.len() - 1
        })
    }

    fn write(&mut self, index: usize) {
        let outlet = &mut self.outlets[index];
        match outlet.write(&self.shared) {
            Ok(()) => {
                if let Some(dropped) = outlet.ends_failing(&self.shared) {
                    let path = outlet.file.path().to_owned();
                    (self.notices)(AccessLogNotice::Recovered { path, dropped });
                }
            }
            Err(failure) => {
                if outlet.begins_failing(&self.shared) {
                    (self.notices)(AccessLogNotice::Failing(failure));
                }
            }
        }
    }

    fn rotate(&mut self, index: usize) {
        let settings = self.shared.settings();
        let (Some(outlet), Some(rotation)) = (self.outlets.get_mut(index), &settings.rotation)
        else {
            return;
        };
        match outlet.rotate_if_due(rotation) {
            Ok(false) => {}
            // Without room it is about to look anyway.
            Ok(true) => drop(self.nudges.try_send(())),
            Err(source) => {
                let path = outlet.file.path().to_owned();
                let mut others = self.outlets.iter().enumerate();
                let is_known = others.any(|(at, other)| at != index && other.can_not_rotate());
                if self.outlets[index].begins_to_fail_rotating() && !is_known {
                    let failure = AccessLogFailure::Rotate { path, source };
                    (self.notices)(AccessLogNotice::Keeping(failure));
                }
            }
        }
    }

    /// Tries again what failed, and finds out what others and time have done to the files.
    fn look(&mut self) {
        self.looked_at = clock::now();
        self.reopen_if_told();
        self.open_all();
        for index in 0..self.outlets.len() {
            self.outlets[index].file.forget_moved();
            self.write(index);
            self.rotate(index);
        }
    }

    /// Does what the orders say.
    fn obey(&mut self) {
        self.look();
        let _ = self.nudges.try_send(()); // Other settings may mean other work.
    }

    fn reopen_if_told(&mut self) {
        if self.shared.reopen.swap(false, Ordering::AcqRel) {
            for outlet in &mut self.outlets {
                outlet.file.reopen();
            }
        }
    }

    /// Opens the files that the settings name, and closes those that they do not.
    fn open_all(&mut self) {
        let settings = self.shared.settings();
        for name in &settings.names {
            self.outlet(name);
        }
        self.outlets.retain(|outlet| {
            let is_named = outlet.name.is_none() || settings.names.contains(&outlet.name);
            is_named || outlet.waiting() > 0
        });
    }

    /// What waits is lost.
    fn give_up(&mut self) {
        let lost = self.outlets.iter_mut().map(Outlet::give_up).sum();
        self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
    }

    fn pause(&self) -> Duration {
        let is_waiting = self.outlets.iter().any(|outlet| outlet.waiting() > 0);
        if is_waiting { RETRY } else { LOOK }
    }

    fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Acquire)
    }
}
