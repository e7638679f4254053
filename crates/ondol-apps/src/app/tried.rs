//! The app on restored data, beside whatever else it does.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::request::Refusal;
use crate::request::Reply;
use crate::trial::Trial;
use crate::trial::Tried;

use super::App;

impl App {
    /// Has it tried, and answers when that is over.
    pub(super) fn try_on(
        &mut self,
        root: PathBuf,
        instead: Vec<(String, String)>,
        reply: oneshot::Sender<Result<Reply, Refusal>>,
    ) {
        let name = &self.tools.name;
        let wanted = self.wanted();
        let tools = self.tools.wanted(&wanted);
        let live = self.scene.live().map(|live| live.release().clone());
        let newest = self.releases.first().copied();
        let release = live
            .or_else(|| tools.in_place(&wanted))
            .or_else(|| tools.release(&wanted, newest));
        let refusal = match &release {
            _ if !self.trials.is_empty() => Some(Refusal::Busy {
                app: name.clone(),
                what: "it is being tried on restored data already".to_owned(),
            }),
            None => Some(Refusal::Impossible(format!(
                "{name} was never deployed, so there is nothing to try"
            ))),
            Some(_) => None,
        };
        let release = match (refusal, release) {
            (None, Some(release)) => release,
            (refusal, _) => {
                let _ = reply.send(refusal.map_or(Ok(Reply::Done(String::new())), Err));
                return;
            }
        };
        let trial = Trial {
            surroundings: tools.surroundings,
            app: Arc::clone(&wanted.app),
            host: wanted.host,
            release,
            root,
            instead,
        };
        self.trials.spawn(format!("trial of {name}"), async move {
            let answer = match trial.run().await {
                Tried::Well(sentence) => Ok(Reply::Done(sentence)),
                Tried::Unwell(sentence) => Err(Refusal::Unwell(sentence)),
                Tried::Impossible(sentence) => Err(Refusal::Impossible(sentence)),
            };
            let _ = reply.send(answer); // Who asked may have gone.
        });
    }
}
