//! A worker's side of the access log: formats lines into its own buffer, and never waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;

use ondol_model::limits;
use ondol_model::plan::AccessLogFormat;

use super::Shared;
use super::combined;
use super::entry::Entry;
use super::json;
use super::stamp::Stamp;
use super::writer::Batch;
use super::writer::Message;

/// Empty buffers on their way back to a worker; the writer lets more of them go.
const RETURNING: usize = 4;

/// What one worker writes its lines with. Hands over what it has when it is dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    format: AccessLogFormat,
    stamp: Stamp,
    text: Vec<u8>,
    lines: u64,
    /// The next buffer, when it is there already.
    spare: Vec<u8>,
    to_writer: SyncSender<Message>,
    home: SyncSender<Vec<u8>>,
    returned: Receiver<Vec<u8>>,
    shared: Arc<Shared>,
}

impl Recorder {
    pub(super) fn new(
        format: AccessLogFormat,
        to_writer: SyncSender<Message>,
        shared: Arc<Shared>,
    ) -> Self {
        let (home, returned) = mpsc::sync_channel(RETURNING);
        Self {
            format,
            stamp: Stamp::new(),
            text: Vec::new(),
            lines: 0,
            spare: Vec::new(),
            to_writer,
            home,
            returned,
            shared,
        }
    }

    /// Writes a line. It reaches the file when 32 KiB have come together, or after
    /// [`Recorder::flush`]; it is dropped and counted when the writer is too far behind.
    pub(crate) fn record(&mut self, entry: &Entry<'_>) {
        match self.format {
            AccessLogFormat::Combined => combined::push(&mut self.text, &mut self.stamp, entry),
            AccessLogFormat::Json => json::push(&mut self.text, &mut self.stamp, entry),
        }
        self.lines += 1;
        if self.text.len() < limits::ACCESS_LOG_BUFFER_BYTES {
            return;
        }
        self.flush();
        if self.text.len() >= limits::ACCESS_LOG_BUFFER_BYTES {
            self.shared.dropped.fetch_add(self.lines, Ordering::Relaxed);
            self.text.clear();
            self.lines = 0;
        }
    }

    /// Hands over what there is, so that lines reach the file soon in quiet times too. When the
    /// writer is behind, it stays here until the next time.
    pub(crate) fn flush(&mut self) {
        if self.lines == 0 {
            return;
        }
        if self.spare.capacity() == 0 {
            self.spare = self.returned.try_recv().unwrap_or_default();
        }
        let batch = Batch {
            text: std::mem::replace(&mut self.text, std::mem::take(&mut self.spare)),
            lines: self.lines,
            home: self.home.clone(),
        };
        match self.to_writer.try_send(Message::Lines(batch)) {
            Ok(()) => self.lines = 0,
            Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) => {
                if let Message::Lines(batch) = message {
                    self.spare = std::mem::replace(&mut self.text, batch.text);
                }
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
        self.shared.dropped.fetch_add(self.lines, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
