//! The thread that owns the database, and the handle that asks it.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use ondol_base::chain::Chain;
use ondol_base::tasks;
use ondol_model::HostPattern;
use ondol_model::issuing::Try;
use ondol_model::limits;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::database;
use crate::database::OpenError;
use crate::event;
use crate::event::Event;
use crate::event::EventId;
use crate::event::Recorded;
use crate::tries;
use crate::tries::RecordedTry;
use crate::tries::TryEnd;
use crate::tries::TryId;

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where the file that was at the path is now, because it was broken; its events are lost to the
    /// new one. `None` when it was sound, or there was none.
    pub put_aside: Option<PathBuf>,
}

/// The owner of the store's thread.
#[derive(Debug)]
pub struct Store {
    handle: Handle,
    thread: JoinHandle<()>,
}

/// Asks the store; cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    questions: mpsc::Sender<Question>,
    lost: Arc<AtomicU64>,
}

/// Why the store did not answer as wanted.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was closed before.
    #[error("the store is closed")]
    Closed,
    /// The event could not be written; it is not recorded.
    #[error("the store could not write an event")]
    Write(#[source] rusqlite::Error),
    /// A try for a certificate could not be written.
    #[error("the store could not write down a try for a certificate")]
    WriteTry(#[source] rusqlite::Error),
    /// The tries for certificates could not be read.
    #[error("the store could not read the tries for certificates")]
    ReadTries(#[source] rusqlite::Error),
    /// What is to be known of an app could not be written.
    #[error("the store could not write down what happens to an app")]
    WriteApp(#[source] rusqlite::Error),
    /// What is known of apps could not be read.
    #[error("the store could not read what it knows of apps")]
    ReadApp(#[source] rusqlite::Error),
    /// What is to be known of backups could not be written.
    #[error("the store could not write down what happens to backups")]
    WriteBackups(#[source] rusqlite::Error),
    /// What is known of backups could not be read.
    #[error("the store could not read what it knows of backups")]
    ReadBackups(#[source] rusqlite::Error),
    /// What is to be known of how things are, and who is told, could not be written.
    #[error("the store could not write down how things are")]
    WriteWatch(#[source] rusqlite::Error),
    /// What is known of how things are, and who is told, could not be read.
    #[error("the store could not read how things are")]
    ReadWatch(#[source] rusqlite::Error),
    /// The events could not be read.
    #[error("the store could not read its events")]
    Read(#[source] rusqlite::Error),
}

#[derive(Debug)]
enum Question {
    Record {
        event: Event,
        reply: oneshot::Sender<Result<EventId, StoreError>>,
    },
    RecordUnheard(Event),
    Events {
        limit: u32,
        before: Option<EventId>,
        reply: oneshot::Sender<Result<Vec<Recorded>, StoreError>>,
    },
    BeginTry {
        name: HostPattern,
        tried: Try,
        reply: oneshot::Sender<Result<TryId, StoreError>>,
    },
    OrderTry {
        id: TryId,
        replaces: bool,
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
    EndTry {
        id: TryId,
        end: TryEnd,
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
    Tries {
        reply: oneshot::Sender<Result<Vec<RecordedTry>, StoreError>>,
    },
    Work(Work),
    Close,
}

/// A question of [`crate::launches`], [`crate::cron_runs`], [`crate::backups`] or [`crate::watch`], which answers by itself.
struct Work(Box<dyn FnOnce(&mut Connection) + Send>);

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

/// Opens the database at a path, made when missing (0600), and starts its thread. Blocks on the disk.
pub fn open(path: &Path) -> Result<Opened, OpenError> {
    let database = database::open(path)?;
    Ok(Opened {
        store: start(database.connection)?,
        put_aside: database.put_aside,
    })
}

/// A store that forgets everything when it is closed, for a box whose disk takes nothing: serving
/// goes on without a memory.
pub fn open_in_memory() -> Result<Store, OpenError> {
    start(database::open_in_memory()?)
}

fn start(connection: Connection) -> Result<Store, OpenError> {
    let (questions, asked) = mpsc::channel(limits::STORE_QUEUE);
    let thread = tasks::spawn_thread("store", move || answer_all(connection, asked))
        .map_err(OpenError::Thread)?;
    let handle = Handle {
        questions,
        lost: Arc::default(),
    };
    Ok(Store { handle, thread })
}

impl Store {
    /// A way to ask it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Answers what was asked before, closes the file and ends the thread. Handles that are left
    /// get [`StoreError::Closed`].
    pub async fn close(self) {
        // An error means that the thread has ended already.
        let _ = self.handle.questions.send(Question::Close).await;
        self.handle.questions.closed().await;
        if self.thread.join().is_err() {
            tracing::error!("the store's thread panicked");
        }
    }
}

impl Handle {
    /// Writes an event down; returns when it is on disk. Waits for room in the queue. When the wait
    /// is given up, the event may or may not be recorded.
    pub async fn record(&self, event: Event) -> Result<EventId, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::Record { event, reply }).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Has an event written down without waiting for anything, for paths that must not block. One
    /// for which there is no room is lost, and counted in [`Handle::lost`].
    pub fn try_record(&self, event: Event) {
        if self
            .questions
            .try_send(Question::RecordUnheard(event))
            .is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The newest events, the newest first: at most `limit` of them, and never more than
    /// [`limits::EVENTS_PER_ANSWER_MAX`]. With `before`, only those older than that one.
    pub async fn events(
        &self,
        limit: u32,
        before: Option<EventId>,
    ) -> Result<Vec<Recorded>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::Events {
            limit,
            before,
            reply,
        })
        .await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes down that a certificate is tried for; returns when it is on disk. The oldest of more than
    /// [`limits::TRIES_MAX`] are forgotten.
    pub async fn begin_try(&self, name: HostPattern, tried: Try) -> Result<TryId, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::BeginTry { name, tried, reply }).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes down that the issuer is asked for an order; returns when it is on disk.
    pub async fn order_try(&self, id: TryId, replaces: bool) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let question = Question::OrderTry {
            id,
            replaces,
            reply,
        };
        self.ask(question).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes down how a try ended; returns when it is on disk.
    pub async fn end_try(&self, id: TryId, end: TryEnd) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::EndTry { id, end, reply }).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// All tries for certificates, the oldest first.
    pub async fn tries(&self) -> Result<Vec<RecordedTry>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Question::Tries { reply }).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// How many events of [`Handle::try_record`] found no room, since the store was opened.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Has every write fail, as on a disk that takes nothing, until it is taken back: for tests of those who must go on
    /// without a memory.
    pub async fn take_nothing(&self, takes_nothing: bool) -> Result<(), StoreError> {
        self.read_of_watch(move |connection| {
            connection.pragma_update(None, "query_only", takes_nothing)
        })
        .await
    }

    /// Has the store answer nothing until the other end is dropped, as on a disk that hangs: for tests of those who must
    /// not wait for it.
    pub async fn answer_nothing(
        &self,
        until: std::sync::mpsc::Receiver<()>,
    ) -> Result<(), StoreError> {
        let hang = move |_: &mut Connection| {
            let _ = until.recv(); // The end of the wait is an error.
        };
        self.ask(Question::Work(Work(Box::new(hang)))).await
    }

    /// Has something written down about apps; returns when it is on disk.
    pub(crate) async fn write_of_app<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(write).await?.map_err(StoreError::WriteApp)
    }

    /// Reads something about apps.
    pub(crate) async fn read_of_app<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(read).await?.map_err(StoreError::ReadApp)
    }

    /// Has something written down about backups; returns when it is on disk.
    pub(crate) async fn write_of_backups<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(write).await?.map_err(StoreError::WriteBackups)
    }

    /// Reads something about backups.
    pub(crate) async fn read_of_backups<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(read).await?.map_err(StoreError::ReadBackups)
    }

    /// Has something written down about how things are; returns when it is on disk.
    pub(crate) async fn write_of_watch<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(write).await?.map_err(StoreError::WriteWatch)
    }

    /// Reads something about how things are.
    pub(crate) async fn read_of_watch<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.work(read).await?.map_err(StoreError::ReadWatch)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        // That the one who asked has gone changes nothing.
        let work = move |connection: &mut Connection| drop(reply.send(work(connection)));
        self.ask(Question::Work(Work(Box::new(work)))).await?;
        answer.await.map_err(|_| StoreError::Closed)
    }

    async fn ask(&self, question: Question) -> Result<(), StoreError> {
        let asked = self.questions.send(question).await;
        asked.map_err(|_| StoreError::Closed)
    }
}

/// The thread: answers in order until it is told to close, or no handle is left.
fn answer_all(mut connection: Connection, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.blocking_recv() {
        // That the one who asked has gone changes nothing.
        match question {
            Question::Record { event, reply } => {
                let recorded = event::record(&mut connection, &event);
                let _ = reply.send(recorded.map_err(StoreError::Write));
            }
            Question::RecordUnheard(event) => record_unheard(&mut connection, &event),
            Question::Events {
                limit,
                before,
                reply,
            } => {
                let events = event::newest(&connection, limit, before);
                let _ = reply.send(events.map_err(StoreError::Read));
            }
            Question::BeginTry { name, tried, reply } => {
                let id = tries::begin(&mut connection, &name, &tried);
                let _ = reply.send(id.map_err(StoreError::WriteTry));
            }
            Question::OrderTry {
                id,
                replaces,
                reply,
            } => {
                let noted = tries::order(&connection, id, replaces);
                let _ = reply.send(noted.map_err(StoreError::WriteTry));
            }
            Question::EndTry { id, end, reply } => {
                let noted = tries::end(&connection, id, &end);
                let _ = reply.send(noted.map_err(StoreError::WriteTry));
            }
            Question::Tries { reply } => {
                let all = tries::all(&connection);
                let _ = reply.send(all.map_err(StoreError::ReadTries));
            }
            Question::Work(Work(work)) => work(&mut connection),
            Question::Close => break,
        }
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(error = %Chain(&error), "the database was not closed cleanly");
    }
}

fn record_unheard(connection: &mut Connection, event: &Event) {
    if let Err(error) = event::record(connection, event) {
        let error = Chain(&error).to_string();
        tracing::error!(error, kind = %event.kind, message = event.message, "an event was not recorded");
    }
}

#[cfg(test)]
mod tests;
