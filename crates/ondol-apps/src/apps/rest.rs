//! Rest: the battery of the box is nearly empty, so every app ends as gently as it can, and begins again with the mains.
//!
//! Nothing is written down: an owner who stopped an app finds it stopped, and a box that goes meanwhile starts as always.

use crate::app::Why;
use crate::apps::Apps;
use crate::apps::Members;
use crate::request::Refusal;
use crate::request::Request;
use crate::stage::Stage;
use crate::status::AppState;
use crate::status::AppStatus;

const NOTE: &str = "it rests: the battery of the box is nearly empty, and it starts again by itself with the mains";

impl Apps {
    /// Ends all apps when the box comes to rest. When the rest is over, who called begins them again by the plan.
    pub(super) async fn follow_power(&self, rests: bool, members: &mut Members) {
        if !rests {
            if let Some(resting) = members.resting.take() {
                self.forget_gone(&resting);
            }
            return;
        }
        if members.resting.is_some() {
            return;
        }
        let all = std::mem::take(&mut members.all);
        let statuses = all.values().map(|member| member.status.borrow().clone());
        members.resting = Some(statuses.map(resting).collect());
        self.publish(members);
        self.end_all(all, Why::Rest).await;
    }

    /// What visitors got of apps that are not in the plan any more.
    fn forget_gone(&self, resting: &[AppStatus]) {
        let plan = self.plan.borrow();
        for status in resting {
            if !plan.apps.iter().any(|app| app.name == status.name) {
                let endpoints = self.endpoints.clone();
                Stage::new(status.name.clone(), endpoints, self.traffic.clone()).leave();
            }
        }
    }
}

fn resting(status: AppStatus) -> AppStatus {
    let note = match status.state {
        AppState::Stopped => status.note,
        _ => NOTE.to_owned(),
    };
    AppStatus {
        state: AppState::Stopped,
        note,
        instances: Vec::new(),
        held: 0,
        ..status
    }
}

/// Nothing is done for anybody while the box rests.
pub(super) fn refuse(request: Request) {
    let Request { app, ask: _, reply } = request;
    let sentence = format!("{app} can't be asked for anything now: {NOTE}");
    let _ = reply.send(Err(Refusal::Impossible(sentence))); // Who asked may have gone.
}
