//! The place of one process of a launch: its folder, its socket, its log. It stays while the processes in it come and
//! go, so that what visitors connect to is always there.

mod adopt;
mod port;
mod record;
mod socket;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::file;
use ondol_base::tasks;
use ondol_model::app::InstanceName;
use ondol_model::app::Launch;
use ondol_model::plan::AppListen;
use ondol_model::plan::Ready;
use ondol_model::upstream::Address;

use crate::grounds;
use crate::grounds::GroundsError;
use crate::instance::Before;
use crate::instance::Ear;
use crate::instance::Instance;
use crate::instance::Manners;
use crate::instance::Running;
use crate::instance::Started;
use crate::log::Attached;
use crate::php;
use crate::php::Pool;
use crate::php::PoolListen;
use crate::release::Release;
use crate::settings::Settings;
use crate::settings::Work;
use crate::spawn::SpawnError;
use crate::spawn::spawn;
use crate::spec::Identity;
use crate::spec::Output;
use crate::spec::Spec;
use crate::surroundings::Surroundings;

use record::Record;
use socket::Socket;

pub(crate) use adopt::Adopted;
pub(crate) use adopt::adopt;

/// The descriptor of the socket that a process is handed (sd_listen_fds).
const HANDED: u32 = 3;

/// The place of one process of a launch. One that is dropped without [`Seat::close`] leaves its process and its folder
/// to the next agent's [`adopt`].
#[derive(Debug)]
pub(crate) struct Seat {
    surroundings: Surroundings,
    settings: Arc<Settings>,
    launch: Launch,
    release: Release,
    name: InstanceName,
    ground: Ground,
    socket: Socket,
    attached: Option<Attached>,
    /// The process that was started in it last.
    last: Option<Instance>,
}

/// The folder of a seat, and who has to do with it.
#[derive(Debug, Clone)]
struct Ground {
    folder: PathBuf,
    identity: Option<Identity>,
    visitors_group: Option<u32>,
}

/// Why there is no seat. Each is a sentence for the owner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeatError {
    /// Its folder, or what lies in it, could not be made.
    #[error(transparent)]
    Ground(#[from] GroundsError),
    /// The path of its socket has more bytes than the system takes.
    #[error(
        "the path of its socket is too long for this system, which takes {} bytes: {}; a shorter `--runtime` helps",
        SOCKET_PATH_BYTES_MAX,
        .0.display()
    )]
    LongPath(PathBuf),
    /// The pipe of its log could not be made.
    #[error("cannot make {}", path.display())]
    Log {
        /// The pipe.
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
    /// What it needs could not be made.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// Its settings have no such process.
    #[error("its settings have no process `{0}`")]
    NoCommand(String),
}

/// A path of a Unix socket, without the zero behind it (unix(7)).
const SOCKET_PATH_BYTES_MAX: usize = 107;

impl Seat {
    /// Makes the place: the folder, the pipe of the log, and the socket where Ondol is the one who listens.
    pub(crate) async fn open(
        surroundings: &Surroundings,
        settings: Arc<Settings>,
        launch: Launch,
        release: &Release,
        name: InstanceName,
    ) -> Result<Self, SeatError> {
        let places = Arc::clone(&surroundings.places);
        let ground = Ground {
            folder: places.instance(&settings.app().name, launch, &name),
            identity: settings.identity().cloned(),
            visitors_group: places.visitors_group,
        };
        let listen = listen_of(&settings, &name);
        let socket = {
            let ground = ground.clone();
            blocking(move || {
                grounds::way(&places.runtime, &ground.folder)?;
                Socket::new(listen, &ground)
            })
            .await?
        };
        if let Some(Address::Unix(path)) = socket.address()
            && path.as_os_str().len() > SOCKET_PATH_BYTES_MAX
        {
            return Err(SeatError::LongPath(path));
        }
        Ok(Self {
            attached: Some(attach(surroundings, &ground, &name, launch)?),
            surroundings: surroundings.clone(),
            settings,
            launch,
            release: release.clone(),
            name,
            ground,
            socket,
            last: None,
        })
    }

    /// Starts a process in it. There must be none: what the one before has left running is killed. Not cancel-safe: a
    /// seat whose start was given up is good for [`Seat::close`] alone.
    pub(crate) async fn start(&mut self) -> Result<Instance, StartError> {
        if let Some(last) = self.last.take() {
            last.stop(Duration::ZERO).await;
        }
        self.renew().await?;
        let since = clock::unix_seconds();
        let spec = self.spec(since)?;
        let ear = self.ear(Before::Ignored)?;
        let sockets = self.socket.handed();
        let sockets = sockets.map_err(|error| StartError::Spawn(SpawnError::Tell(error)))?;
        let Surroundings { places, groups, .. } = &self.surroundings;
        let spawned = spawn(spec, sockets, None, places, groups).await;
        let spawned = spawned.map_err(StartError::Spawn)?;
        let instance = Instance::new(Started {
            name: self.name.clone(),
            settings: Arc::clone(&self.settings),
            address: self.address(),
            listen: listen_of(&self.settings, &self.name),
            visitors_group: self.ground.visitors_group,
            ear,
            ready_mark: self.ready_mark(),
            since,
            running: Running::new(spawned.child, spawned.group, self.manners()),
        });
        self.last = Some(instance.clone());
        Ok(instance)
    }

    /// Where it is asked since its last start; `None` for a process that answers nobody.
    pub(crate) fn address(&self) -> Option<Address> {
        self.socket.address()
    }

    /// Gives the place up, after its process was stopped: what still runs of it is killed, its folder is removed.
    pub(crate) async fn close(mut self) {
        if let Some(last) = self.last.take() {
            last.stop(Duration::ZERO).await;
        }
        if let Some(attached) = self.attached.take() {
            attached.finish().await;
        }
        adopt::clear(self.ground.folder.clone()).await;
    }

    /// Makes everything as it is before a start.
    async fn renew(&mut self) -> Result<(), SeatError> {
        let ground = self.ground.clone();
        let mut socket = std::mem::replace(&mut self.socket, Socket::None);
        let mark = self.ready_mark();
        let pool = self.pool_file(&socket);
        let data = self.surroundings.places.data(&self.settings.app().name);
        let renewed = blocking(move || {
            let renewed = socket.renew(&ground).and_then(|()| {
                forget(&mark)?;
                pool.map_or(Ok(()), |pool| pool.write(&ground, &data))
            });
            // Whatever happens, the seat keeps its socket.
            Ok((socket, renewed))
        });
        let (socket, renewed) = renewed.await?;
        self.socket = socket;
        Ok(renewed?)
    }

    fn spec(&self, since: i64) -> Result<Spec, StartError> {
        let no_command = || StartError::NoCommand(self.name.process.to_string());
        let run = self
            .settings
            .run(&self.name.process)
            .ok_or_else(no_command)?;
        let what = format!("{}-{}", self.launch, self.name);
        let (surroundings, release) = (&self.surroundings, &self.release);
        let mut spec = self
            .settings
            .spec(surroundings, release, &what, run.clone(), Work::Serve);
        spec.output = Output::Pipe(self.ground.folder.join("log"));
        spec.record = serde_json::to_value(self.record(since))
            .ok()
            .map(|record| (self.ground.folder.join("record.json"), record));
        // Not one for all: whoever starts while another of the same release still runs would take it for itself.
        let number_file = format!("{what}.pid");
        let number_file = surroundings
            .places
            .tmp(&self.settings.app().name)
            .join(number_file);
        spec.env
            .entry("PIDFILE".to_owned())
            .or_insert_with(|| number_file.display().to_string());
        let own = self.socket.variables().into_iter().chain([
            ("ONDOL_LAUNCH", self.launch.to_string()),
            ("ONDOL_INSTANCE", self.name.to_string()),
        ]);
        spec.env
            .extend(own.map(|(name, value)| (name.to_owned(), value)));
        if self.is_notified() {
            let path = self.notify_path().display().to_string();
            spec.env.insert("NOTIFY_SOCKET".to_owned(), path);
        }
        if let Socket::Fd { .. } = self.socket {
            spec.sockets.push(self.name.process.to_string());
        }
        if let Some(reach) = &mut spec.reach {
            reach.write.extend(self.socket.folder().map(PathBuf::from));
        }
        self.add_pool(&mut spec);
        Ok(spec)
    }

    fn record(&self, since: i64) -> Record {
        Record {
            launch: self.launch,
            instance: self.name.to_string(),
            release: self.release.number,
            folder: self.release.folder.clone(),
            fingerprint: self.settings.fingerprint().to_owned(),
            listen: listen_of(&self.settings, &self.name).map(|kind| kind.word().to_owned()),
            port: self.socket.port(),
            since,
            manners: self.manners(),
            pid: None,
            start_ticks: None,
            boot_id: None,
        }
    }

    fn manners(&self) -> Manners {
        let is_pool = self.settings.php().is_some() && self.name.process.is_web();
        Manners {
            is_pool,
            memory: self.settings.app().memory,
        }
    }

    /// Listens to what the process will say, where it is to say that it is ready.
    fn ear(&self, before: Before) -> Result<Option<Ear>, SeatError> {
        match &self.settings.app().ready {
            _ if self.socket.address().is_none() => Ok(None),
            Ready::Http | Ready::Connect => Ok(None),
            Ready::Log(text) => {
                let (log, name) = (&self.surroundings.log, self.name.to_string());
                let of = (self.launch, name.as_str());
                Ok(Some(Ear::at_log(log, of, text, before)))
            }
            Ready::Notify => {
                let path = self.notify_path();
                let owner = self.ground.owner();
                let made = Ear::at_socket(&path, owner);
                Ok(Some(grounds::at(&path, made)?))
            }
        }
    }

    fn is_notified(&self) -> bool {
        self.socket.address().is_some() && matches!(self.settings.app().ready, Ready::Notify)
    }

    fn notify_path(&self) -> PathBuf {
        self.ground.folder.join("notify")
    }

    fn ready_mark(&self) -> PathBuf {
        self.ground.folder.join("ready")
    }

    fn pool_path(&self) -> PathBuf {
        self.ground.folder.join("php-fpm.conf")
    }

    /// The settings of the php-fpm that is its process, if it is one.
    fn pool_file(&self, socket: &Socket) -> Option<PoolFile> {
        let app = self.settings.app();
        let settings = app.php.as_ref().filter(|_| self.name.process.is_web())?;
        let at = socket_path(socket);
        let data = self.surroundings.places.data(&app.name);
        let text = php::pool_file(&Pool {
            app: &app.name,
            settings,
            listen: pool_listen(socket, at.as_deref()),
            folder: &self.release.folder,
            data: &data,
            timezone: app.timezone.as_deref(),
            stop_timeout: app.stop_timeout,
        });
        Some(PoolFile {
            path: self.pool_path(),
            text,
        })
    }

    fn add_pool(&self, spec: &mut Spec) {
        let Some(program) = self.settings.php().filter(|_| self.name.process.is_web()) else {
            return;
        };
        let at = socket_path(&self.socket);
        let listen = pool_listen(&self.socket, at.as_deref());
        let data = self.surroundings.places.data(&self.settings.app().name);
        spec.run = php::command(program, &self.pool_path(), &data);
        spec.env.extend(php::environment(listen, HANDED));
        if let Some(reach) = &mut spec.reach {
            reach.read.push(self.pool_path());
            // A request that is on its way while the release changes names a script of the other one.
            let releases = self.surroundings.places.releases(&self.settings.app().name);
            reach.read.push(releases);
        }
    }
}

/// A file that php-fpm reads when it starts.
struct PoolFile {
    path: PathBuf,
    text: String,
}

impl PoolFile {
    /// Writes it for the app's user alone, and makes the folder of sessions. Blocks on the disk.
    fn write(self, ground: &Ground, data: &std::path::Path) -> Result<(), GroundsError> {
        const OWNERS: u32 = 0o600;
        const SESSIONS: u32 = 0o700;
        let Self { path, text } = self;
        grounds::at(&path, file::replace(&path, text.as_bytes(), OWNERS))?;
        if let Some((uid, gid)) = ground.owner() {
            grounds::give(&path, uid, gid)?;
        }
        grounds::own(&php::sessions(data), SESSIONS, ground.owner())
    }
}

impl Ground {
    fn owner(&self) -> Option<(u32, u32)> {
        self.identity.as_ref().map(|it| (it.uid, it.gid))
    }
}

/// How a process gets its socket; `None` for one that answers nobody.
fn listen_of(settings: &Settings, name: &InstanceName) -> Option<AppListen> {
    name.process.is_web().then(|| settings.listen())
}

fn pool_listen<'a>(socket: &Socket, at: Option<&'a std::path::Path>) -> PoolListen<'a> {
    match (socket, at) {
        (Socket::Unix(_), Some(path)) => PoolListen::At(path),
        _ => PoolListen::Handed,
    }
}

fn socket_path(socket: &Socket) -> Option<PathBuf> {
    match socket.address() {
        Some(Address::Unix(path)) => Some(path),
        Some(Address::Tcp { .. }) | None => None,
    }
}

fn attach(
    surroundings: &Surroundings,
    ground: &Ground,
    name: &InstanceName,
    launch: Launch,
) -> Result<Attached, SeatError> {
    let path = ground.folder.join("log");
    let owner = ground.owner();
    let attached = surroundings
        .log
        .attach(&path, &name.to_string(), Some(launch), owner);
    attached.map_err(|source| SeatError::Log { path, source })
}

fn forget(mark: &std::path::Path) -> Result<(), GroundsError> {
    match std::fs::remove_file(mark) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => grounds::at(mark, Err(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Runs what touches the disk where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GroundsError> + Send + 'static,
) -> Result<T, SeatError> {
    let done = tasks::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| {
        grounds::at(std::path::Path::new("/"), Err(io::Error::other(error)))
    });
    Ok(done?)
}

#[cfg(test)]
mod tests;
