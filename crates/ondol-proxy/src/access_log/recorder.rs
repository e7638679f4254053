//! A worker's side of the access log: formats lines into its own buffer, and never waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;

use ondol_model::limits;
use ondol_model::plan::AccessLogFormat;
use ondol_model::plan::LogTo;
use ondol_model::plan::Share;
use ondol_model::plan::SiteLog;

use super::Shared;
use super::combined;
use super::entry::Entry;
use super::json;
use super::outlet::Batch;
use super::settings::Name;
use super::settings::Settings;
use super::stamp::Stamp;
use super::writer::Message;

/// Empty buffers on their way back to a worker; the writer lets more of them go.
const RETURNING: usize = 4;

/// What one worker writes its lines with. Hands over what it has when it is dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    settings: Arc<Settings>,
    stamp: Stamp,
    /// Of the box.
    own: Stream,
    /// Of sites, in the order of the settings' names.
    others: Box<[Stream]>,
    /// The next buffer, when it is there already.
    spare: Vec<u8>,
    to_writer: SyncSender<Message>,
    home: SyncSender<Vec<u8>>,
    returned: Receiver<Vec<u8>>,
    shared: Arc<Shared>,
}

/// Lines for one file.
#[derive(Debug)]
struct Stream {
    name: Name,
    text: Vec<u8>,
    lines: u64,
}

impl Recorder {
    pub(super) fn new(
        settings: Arc<Settings>,
        to_writer: SyncSender<Message>,
        shared: Arc<Shared>,
    ) -> Self {
        let (home, returned) = mpsc::sync_channel(RETURNING);
        let names = settings.names.iter().cloned();
        Self {
            stamp: Stamp::new(),
            own: Stream::new(None),
            others: names.map(Stream::new).collect(),
            settings,
            spare: Vec::new(),
            to_writer,
            home,
            returned,
            shared,
        }
    }

    /// Writes a line, if the request is to have one. It reaches the file when 32 KiB have come together,
    /// or after [`Recorder::flush`]; it is dropped and counted when the writer is too far behind.
    pub(crate) fn record(&mut self, entry: &Entry<'_>, log: &SiteLog) {
        let stream = match &log.to {
            LogTo::Box => &mut self.own,
            LogTo::Nowhere => return,
            // A request of an earlier plan may ask for a file that is none any more.
            LogTo::File(name) => {
                let mut others = self.others.iter_mut();
                let found = others.find(|other| other.name.as_deref() == Some(name.as_str()));
                found.unwrap_or(&mut self.own)
            }
        };
        let share = log.sample.unwrap_or(self.settings.sample);
        let Some(sample) = kept(entry, share) else {
            return;
        };
        let (line, stamp, redaction) =
            (&mut stream.text, &mut self.stamp, &self.settings.redaction);
        match self.settings.format {
            AccessLogFormat::Combined => combined::push(line, stamp, entry, redaction),
            AccessLogFormat::Json => json::push(line, stamp, entry, redaction, sample),
        }
        stream.lines += 1;
        if stream.text.len() >= limits::ACCESS_LOG_BUFFER_BYTES {
            self.flush();
            self.drop_what_is_too_much();
        }
    }

    /// Hands over what there is, so that lines reach the file soon in quiet times too. When the
    /// writer is behind, it stays here until the next time.
    pub(crate) fn flush(&mut self) {
        for stream in std::iter::once(&mut self.own).chain(&mut self.others) {
            if stream.lines == 0 {
                continue;
            }
            if self.spare.capacity() == 0 {
                self.spare = self.returned.try_recv().unwrap_or_default();
            }
            let batch = Batch {
                name: stream.name.clone(),
                text: std::mem::replace(&mut stream.text, std::mem::take(&mut self.spare)),
                lines: stream.lines,
                home: self.home.clone(),
            };
            match self.to_writer.try_send(Message::Lines(batch)) {
                Ok(()) => stream.lines = 0,
                Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) => {
                    if let Message::Lines(batch) = message {
                        self.spare = std::mem::replace(&mut stream.text, batch.text);
                    }
                }
            }
        }
    }

    fn drop_what_is_too_much(&mut self) {
        for stream in std::iter::once(&mut self.own).chain(&mut self.others) {
            if stream.text.len() >= limits::ACCESS_LOG_BUFFER_BYTES {
                self.shared
                    .dropped
                    .fetch_add(stream.lines, Ordering::Relaxed);
                stream.text.clear();
                stream.lines = 0;
            }
        }
    }
}

impl Stream {
    fn new(name: Name) -> Self {
        Self {
            name,
            text: Vec::new(),
            lines: 0,
        }
    }
}

/// The share that a line stands for, if there is to be one: what went well is left out by its id, and
/// nothing else is.
fn kept(entry: &Entry<'_>, share: Share) -> Option<Share> {
    let went_well = matches!(entry.status, 200..=399) && entry.failure.is_none();
    if !went_well {
        return Some(Share::ALL);
    }
    share.has(entry.request_id.number()).then_some(share)
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.flush();
        let streams = std::iter::once(&self.own).chain(&self.others);
        let lost = streams.map(|stream| stream.lines).sum();
        self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
