//! The other end of a boot: everything backwards, or everything to another image of the agent.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use ondol_base::chain::Chain;
use ondol_model::event::EventKind;
use ondol_model::limits;

use crate::boot::Agent;
use crate::boot::Left;
use crate::control::Control;
use crate::control::Ending;
use crate::control::Why;
use crate::generation::LetGo;
use crate::handover;
use crate::handover::Facts;
use crate::handover::Handover;
use crate::handover::Reason;
use crate::signals::Asked;
use crate::signals::Signals;
use crate::upgrade;

/// How long the services beside the data planes may take to end.
const SERVICES_END: Duration = Duration::from_secs(5);

impl Agent {
    /// Works until it is told to end, and ends.
    pub(super) async fn live(mut self) -> anyhow::Result<Left> {
        self.control.notifier.ready();
        let sites = self.control.served.plan().sites.len();
        self.control.notifier.status(&format!("{sites} sites"));
        let ending = tokio::select! {
            ending = self.control.run() => ending,
            ended = self.workers.next_end() => {
                let name = ended.unwrap_or_default();
                anyhow::bail!("the {name} ended, and nothing is served without it")
            }
        };
        match ending {
            Ending::Stop => {
                self.stop().await;
                Ok(Left::Nothing)
            }
            Ending::Execute(why) => Ok(Left::Handover(Box::new(self.leave(why).await?))),
        }
    }

    /// Everything backwards, within one budget; a second signal ends it at once.
    async fn stop(self) {
        let Self {
            control,
            store,
            workers,
            apps,
            admin: _,
            lock: _,
        } = self;
        let Control {
            context,
            served,
            events,
            notifier,
            supervisor,
            signals,
            ..
        } = control;
        notifier.stopping();
        served.listeners.refuse();
        tracing::info!(
            "stopping: visitors have {} s to finish (a second signal ends it at once)",
            (limits::DRAIN - SERVICES_END).as_secs()
        );
        let ending = async {
            for service in supervisor.stop(SERVICES_END).await {
                tracing::warn!("the service {service} did not end in time");
            }
            for number in context.generations.stop(limits::DRAIN - SERVICES_END).await {
                tracing::warn!("data plane {number} did not end in time and was killed");
            }
            apps.end().await;
            events
                .record_durably(EventKind::Stopped, "Ondol stopped")
                .await;
            store.close().await;
        };
        tokio::select! {
            () = ending => {}
            () = second_stop(&signals) => tracing::warn!("stopped at once: requests under way were cut"),
        }
        drop(workers);
    }

    /// Closes what the next image opens by itself, and packs the rest for it.
    async fn leave(self, why: Why) -> anyhow::Result<Handover> {
        let Self {
            control,
            store,
            workers,
            apps,
            admin,
            lock,
        } = self;
        let Control {
            context,
            served,
            supervisor,
            executable,
            generations,
            ..
        } = control;
        let previous = handover::own_program().context("there would be no way back")?;
        for service in supervisor.stop(SERVICES_END).await {
            tracing::warn!("the service {service} did not end in time");
        }
        apps.leave().await;
        let LetGo {
            generations: adopted,
            retired,
        } = context.generations.hand_over().await;
        let next_generation = generations.borrow().next;
        store.close().await;
        drop(workers);
        let reason = match why {
            Why::Asked => Reason::Asked,
            Why::Upgrade => Reason::Upgrade,
        };
        let mut facts = Facts::of(&served, &executable, next_generation, reason);
        facts.counted = retired;
        Ok(Handover {
            listeners: served.listeners,
            generations: adopted,
            lock,
            admin: admin.as_fd().try_clone_to_owned().ok(),
            facts,
            previous,
        })
    }
}

async fn second_stop(signals: &Signals) {
    while signals.next().await != Asked::Stop {}
}

/// Becomes the program at the path; returns only when not even the way back works.
pub(super) fn execute(handover: Handover, executable: &Path) -> anyhow::Error {
    let Err(error) = handover.execute(executable);
    tracing::error!("{}; this program goes on", Chain(&error));
    go_back(handover, Chain(&error).to_string())
}

/// Leaves everything to the previous program, because this one can't boot; returns only when not even
/// that works.
pub(super) fn retreat(handover: Handover, error: anyhow::Error) -> anyhow::Error {
    if handover.facts.is_way_back() {
        return error.context("the previous program could not go on either");
    }
    let because = format!("{error:#}");
    tracing::error!("this program can't take over, so the previous one goes on: {because}");
    go_back(handover, because)
}

/// Becomes the previous program again; returns only when that fails.
fn go_back(mut handover: Handover, because: String) -> anyhow::Error {
    if handover.facts.reason == Reason::Upgrade
        && let Err(error) = upgrade::take_back(&handover.facts.executable)
    {
        let executable = handover.facts.executable.display();
        tracing::error!(%error, "the previous program could not be put back as {executable}");
    }
    handover.facts.reason = Reason::GoBack { because };
    let previous = handover.previous_program();
    let Err(error) = handover.execute(&previous);
    anyhow::Error::from(error).context("could not go back to the previous program")
}
