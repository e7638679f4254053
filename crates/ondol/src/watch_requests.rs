//! From what the owner asks about alarms on the admin socket to requests of those who watch, and back.

use std::time::Duration;

use ondol_admin::WatchCommand;
use ondol_admin::api;
use ondol_base::tasks::Group;
use ondol_model::limits;
use ondol_model::watch::Subject;
use ondol_watch::Request;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// How long those who watch may take to say what they did. Less than a question to the admin socket may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest silence: what is forgotten after that was never meant.
const SILENCE_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;

/// Takes questions about alarms.
#[derive(Debug)]
pub(crate) struct WatchRequests {
    pub(crate) commands: mpsc::Receiver<WatchCommand>,
    pub(crate) desk: Desk,
}

/// What each question needs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    /// Who watches.
    pub(crate) watch: ondol_watch::Handle,
}

impl WatchRequests {
    /// Answers side by side, so that nobody waits for another's question.
    pub(crate) async fn run(self) {
        let Self { mut commands, desk } = self;
        let mut under_way = Group::default();
        loop {
            let has_room = under_way.len() < limits::ADMIN_CONNECTIONS_MAX;
            tokio::select! {
                Some(_) = under_way.next_end() => {}
                command = commands.recv(), if has_room => match command {
                    Some(command) => under_way.spawn("question about alarms", desk.clone().answer(command)),
                    None => return,
                },
            }
        }
    }
}

impl Desk {
    async fn answer(self, command: WatchCommand) {
        // Who asked may have gone.
        match command {
            WatchCommand::Test { question, reply } => drop(reply.send(self.test(question).await)),
            WatchCommand::Acknowledge { question, reply } => {
                drop(reply.send(self.acknowledge(question).await));
            }
            WatchCommand::Silence { question, reply } => {
                drop(reply.send(self.silence(question).await));
            }
        }
    }

    async fn test(&self, question: api::AlarmTestQuestion) -> api::AlarmTestAnswer {
        let api::AlarmTestQuestion { person } = question;
        match self.ask(|reply| Request::Test { person, reply }).await {
            Ok(messages) => api::AlarmTestAnswer {
                accepted: true,
                message: String::new(),
                messages,
            },
            Err(message) => api::AlarmTestAnswer {
                accepted: false,
                message,
                messages: Vec::new(),
            },
        }
    }

    async fn acknowledge(&self, question: api::AlarmAckQuestion) -> api::AlarmAnswer {
        let api::AlarmAckQuestion { incident, by } = question;
        done(
            self.ask(|reply| Request::Acknowledge {
                incident,
                by,
                reply,
            })
            .await,
        )
    }

    async fn silence(&self, question: api::AlarmSilenceQuestion) -> api::AlarmAnswer {
        let api::AlarmSilenceQuestion { subject, seconds } = question;
        if seconds > SILENCE_SECONDS_MAX {
            let days = SILENCE_SECONDS_MAX / (24 * 60 * 60);
            return done(Err(format!("a silence is at most {days} days long")));
        }
        let subject = match subject.map(|text| self.subject(&text)).transpose() {
            Ok(subject) => subject,
            Err(unknown) => return done(Err(unknown)),
        };
        done(
            self.ask(|reply| Request::Silence {
                subject,
                seconds,
                reply,
            })
            .await,
        )
    }

    /// What is watched and called so: by its whole text, or by its name alone where that is enough.
    fn subject(&self, text: &str) -> Result<Subject, String> {
        let status = self.watch.status.borrow();
        let known = || status.subjects.iter().map(|status| &status.subject);
        if let Some(subject) = known().find(|subject| subject.to_string() == text) {
            return Ok(subject.clone());
        }
        let mut called: Vec<_> = known().filter(|subject| subject.name() == text).collect();
        match (called.pop(), called.is_empty()) {
            (Some(only), true) => Ok(only.clone()),
            (Some(last), false) => {
                called.push(last);
                let each: Vec<_> = called
                    .iter()
                    .map(|subject| format!("`{subject}`"))
                    .collect();
                Err(format!("`{text}` may be {}", each.join(" or ")))
            }
            (None, _) => Err(format!(
                "nothing that is watched is called `{text}`: `ondol status --verbose` lists everything"
            )),
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Request,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.watch.requests.send(request(reply)).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err("nobody watches now: the agent is starting or ending".to_owned()),
            Err(_) => Err(format!(
                "those who watch did not answer within {} s; it may still happen",
                ANSWER.as_secs()
            )),
        }
    }
}

fn done(outcome: Result<String, String>) -> api::AlarmAnswer {
    let accepted = outcome.is_ok();
    let message = outcome.unwrap_or_else(|refused| refused);
    api::AlarmAnswer { accepted, message }
}

#[cfg(test)]
mod tests;
