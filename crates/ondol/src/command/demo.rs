//! `ondol demo`: two sites on this machine by one command. It needs no root, no file and no internet,
//! and leaves nothing behind.
//!
//! What serves is the real thing: an agent started from this very program, with folders of its own. The
//! demo is only its parent, its visitor, and the app behind one of its sites.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use ondol_base::clock;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

mod agent;
mod app;
mod place;
mod requests;
mod screen;
mod visitor;

use agent::Agent;
use agent::PortTaken;
use app::App;
use place::Place;
use place::Ports;
use requests::Requests;
use screen::Screen;

use crate::cli::HiddenFolderFlags;

/// Flags of `ondol demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoFlags {
    #[command(flatten)]
    _folders: HiddenFolderFlags,
    /// Make the requests right here, print what came back, and end
    #[arg(long)]
    pub(crate) once: bool,
}

/// The two sites, by the names that every system and browser takes for itself (RFC 6761).
pub(super) const HELLO: &str = "hello.localhost";
pub(super) const APP: &str = "app.localhost";

/// Another program may take a port between the moment it is found free and the agent's start.
const ATTEMPTS: usize = 3;

/// Why the demo ends.
enum End {
    /// The person, or the system, asked for it.
    Asked,
    /// What `--once` does is done.
    Done,
}

/// Runs the demo until it is told to end. An error is returned when everything is cleared away.
pub(crate) fn run(flags: &DemoFlags) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("could not start the runtime")?;
    let start = clock::now();
    let last = match runtime.block_on(demonstrate(flags))? {
        End::Asked => "The demo has ended; nothing is left behind.".to_owned(),
        End::Done => {
            let took = start.elapsed().as_millis();
            format!("Everything worked, in {took} ms, and nothing is left behind.")
        }
    };
    writeln!(io::stdout().lock(), "\n  {last}")?;
    Ok(ExitCode::SUCCESS)
}

async fn demonstrate(flags: &DemoFlags) -> anyhow::Result<End> {
    // From here on a signal is a wish that is heard at the waits below, so that nothing stays behind.
    let mut signals = Signals::listen()?;
    let app = App::start().await?;
    let mut attempts = 1..=ATTEMPTS;
    let mut ports = Ports::Liked;
    loop {
        let outcome = attempt(flags, &app, ports, &mut signals).await;
        let is_taken = outcome.as_ref().is_err_and(|error| error.is::<PortTaken>());
        if !is_taken || attempts.next().is_none() {
            return outcome;
        }
        ports = Ports::Any;
    }
}

async fn attempt(
    flags: &DemoFlags,
    app: &App,
    ports: Ports,
    signals: &mut Signals,
) -> anyhow::Result<End> {
    let place = Place::make(app.address(), ports)?;
    let agent = Agent::start(&place)?;
    let outcome = tokio::select! {
        outcome = show(flags, &place, app, &agent) => outcome,
        error = agent.ended() => Err(error),
        () = signals.received() => Ok(End::Asked),
    };
    agent.stop().await;
    let removed = place.remove();
    let end = outcome?;
    removed.map(|()| end)
}

async fn show(flags: &DemoFlags, place: &Place, app: &App, agent: &Agent) -> anyhow::Result<End> {
    let root = agent.ready().await?;
    place.keep_root(&root)?;
    let screen = Screen::new(place, app);
    if flags.once {
        let visits = visitor::visit_all(place, &root).await?;
        screen.once(&visits)?;
        return Ok(End::Done);
    }
    screen.welcome()?;
    let mut requests = Requests::of(place.access_log());
    loop {
        for request in requests.next().await? {
            screen.request(&request)?;
        }
    }
}

/// The signals that end a demo.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("could not listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
