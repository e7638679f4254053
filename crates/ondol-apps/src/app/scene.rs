//! What the visitors of an app get, made of what is wanted for it and of how its processes are.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use ondol_model::app::EndpointState;
use ondol_model::app::Launch;
use tokio::sync::watch;

use crate::formation;
use crate::formation::Formation;
use crate::stage::Stage;

/// How long visitors wait for an app at most.
const WAIT: Duration = Duration::from_secs(30);

/// What visitors get of an app. Its task and the one that swaps its launches both have it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) stage: Stage,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    live: Option<Arc<Formation>>,
}

/// What is wanted for the visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They get the live launch, as far as its processes answer.
    Serve,
    /// They wait.
    Hold,
    /// They wait, and the first one wakes it.
    Sleep,
    /// There is nothing to run that could answer them.
    Fail,
    /// Its owner stopped it.
    Stop,
}

impl Scene {
    /// Visitors wait, until more is known.
    pub(super) fn new(stage: Stage) -> Self {
        let scene = Self {
            changed: watch::Sender::new(0),
            stage,
            state: Mutex::new(State {
                mode: Mode::Hold,
                live: None,
            }),
        };
        scene.refresh();
        scene
    }

    /// Changes what visitors get; what `retired` has under way goes on. Returns the number of the change, for
    /// [`Stage::taken_up`].
    pub(super) fn set(
        &self,
        mode: Mode,
        live: Option<Arc<Formation>>,
        retired: Option<Launch>,
    ) -> u64 {
        let mut state = self.state();
        *state = State { mode, live };
        self.changed.send_modify(|number| *number += 1);
        self.stage.show_and_retire(shown(&state), retired)
    }

    /// Changes what visitors get, of the same launch.
    pub(super) fn mode(&self, mode: Mode) -> u64 {
        let mut state = self.state();
        state.mode = mode;
        self.changed.send_modify(|number| *number += 1);
        let retired = match mode {
            Mode::Serve => None,
            Mode::Hold | Mode::Sleep | Mode::Fail | Mode::Stop => {
                state.live.as_ref().map(|live| live.launch())
            }
        };
        self.stage.show_and_retire(shown(&state), retired)
    }

    /// Takes up how the processes are now.
    pub(super) fn refresh(&self) {
        let state = self.state();
        self.stage.show(shown(&state));
    }

    /// What visitors get now.
    pub(super) fn shown(&self) -> EndpointState {
        shown(&self.state())
    }

    /// Tells of each change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn live(&self) -> Option<Arc<Formation>> {
        self.state().live.clone()
    }

    pub(super) fn what(&self) -> Mode {
        self.state().mode
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(state: &State) -> EndpointState {
    let live = state.live.as_ref();
    match (state.mode, live) {
        (Mode::Stop, _) => EndpointState::Stopped,
        (Mode::Fail, _) => EndpointState::Failed,
        (Mode::Sleep, _) => EndpointState::Asleep { wait: WAIT },
        (Mode::Hold, _) | (Mode::Serve, None) => EndpointState::Held { wait: WAIT },
        (Mode::Serve, Some(live)) => served(live),
    }
}

fn served(live: &Formation) -> EndpointState {
    let kept = live.kept();
    let kept = kept.borrow();
    let servers = formation::servers(&kept);
    if !servers.is_empty() {
        let launch = live.launch();
        return EndpointState::Ready { launch, servers };
    }
    match formation::has_failed(&kept) {
        true => EndpointState::Failed,
        false => EndpointState::Held { wait: WAIT },
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::app::AppName;
    use ondol_model::app::Endpoints;

    use super::*;

    fn scene() -> (Scene, watch::Sender<Arc<Endpoints>>) {
        let endpoints = watch::Sender::new(Arc::default());
        let (_, traffic) = watch::channel(Arc::default());
        let app = AppName::parse("coffee").unwrap();
        let scene = Scene::new(Stage::new(app, endpoints.clone(), traffic));
        (scene, endpoints)
    }

    #[test]
    fn visitors_get_what_is_wanted_for_them_where_nothing_runs() {
        let (scene, endpoints) = scene();
        let held = EndpointState::Held { wait: WAIT };
        assert_eq!(scene.shown(), held, "until more is known");
        for (mode, expected) in [
            (Mode::Serve, held.clone()),
            (Mode::Hold, held),
            (Mode::Sleep, EndpointState::Asleep { wait: WAIT }),
            (Mode::Fail, EndpointState::Failed),
            (Mode::Stop, EndpointState::Stopped),
        ] {
            scene.set(mode, None, None);
            assert_eq!(scene.shown(), expected, "{mode:?}");
            let told = endpoints.borrow().apps.values().next().cloned();
            assert_eq!(told.unwrap().state, expected, "{mode:?} is told");
        }
    }

    #[test]
    fn each_change_is_told_to_who_looks_after_the_app() {
        let (scene, _endpoints) = scene();
        let mut changes = scene.changes();
        assert!(!changes.has_changed().unwrap());
        scene.set(Mode::Fail, None, None);
        assert!(changes.has_changed().unwrap());
        changes.borrow_and_update();
        scene.mode(Mode::Stop);
        assert!(changes.has_changed().unwrap());
        // How processes are is looked at by the same task, and no change of the scene.
        changes.borrow_and_update();
        scene.refresh();
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn what_retires_is_told_with_what_takes_its_place() {
        let (scene, endpoints) = scene();
        let before = endpoints.borrow().sequence;
        let sequence = scene.set(Mode::Hold, None, Some(7));
        assert!(sequence >= before);
        let told = endpoints.borrow().apps.values().next().cloned().unwrap();
        assert_eq!(told.retiring, [7]);
        scene.stage.forget(7);
        let told = endpoints.borrow().apps.values().next().cloned().unwrap();
        assert!(told.retiring.is_empty());
    }
}
