//! Whether somebody far away can be reached: two machines of the owner's choice at a time, and one answer is enough.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::future::select;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT: Duration = Duration::from_secs(5);

/// Asks by turns, so that nobody is asked every time.
#[derive(Debug, Default)]
pub(super) struct InternetWatch {
    turn: usize,
}

impl InternetWatch {
    /// Looks once. Where nobody is to be asked, it is taken to be there.
    pub(super) async fn look(&mut self, machines: &[String]) -> Vec<Observation> {
        if machines.is_empty() || self.is_there(machines).await {
            return vec![Observation::pass(Subject::Internet)];
        }
        let names = machines.join(", ");
        let away = Finding::saying(What::InternetAway, names);
        vec![Observation::fail(Subject::Internet, away)]
    }

    async fn is_there(&mut self, machines: &[String]) -> bool {
        let first = self.turn % machines.len();
        self.turn = first + 1;
        let mut turns = machines.iter().cycle().skip(first).take(machines.len());
        while let Some(one) = turns.next() {
            let other = turns.next().unwrap_or(one);
            if either(one, other).await {
                return true;
            }
        }
        false
    }
}

/// Whether one of the two answers; returns as soon as one does.
async fn either(one: &str, other: &str) -> bool {
    let (one, other) = (pin!(answers(one)), pin!(answers(other)));
    match select(one, other).await {
        Either::Left((true, _)) | Either::Right((true, _)) => true,
        Either::Left((false, other)) => other.await,
        Either::Right((false, one)) => one.await,
    }
}

async fn answers(machine: &str) -> bool {
    matches!(
        timeout(CONNECT, TcpStream::connect(machine)).await,
        Ok(Ok(_))
    )
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use ondol_model::watch::State;
    use tokio::net::TcpListener;

    use super::*;

    async fn open() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn one_of_several_is_enough_whoever_it_is() {
        let (_listener, there) = open().await;
        let (closed, gone) = open().await;
        drop(closed);
        let (there, gone) = (there.to_string(), gone.to_string());
        let mut watch = InternetWatch::default();
        let machines = [gone.clone(), gone.clone(), there.clone()];
        for _ in 0..3 {
            assert_eq!(watch.look(&machines).await[0].state, State::Pass);
        }
        let machines = [there, gone];
        assert_eq!(watch.look(&machines).await[0].state, State::Pass);
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_answers_it_is_away_and_those_are_named() {
        let (closed, gone) = open().await;
        drop(closed);
        let gone = gone.to_string();
        let mut watch = InternetWatch::default();
        let seen = watch.look(std::slice::from_ref(&gone)).await.remove(0);
        let away = Finding::saying(What::InternetAway, gone);
        assert_eq!(seen.finding, Some(away));
    }

    #[tokio::test]
    async fn where_nobody_is_to_be_asked_it_is_there() {
        let seen = InternetWatch::default().look(&[]).await.remove(0);
        assert_eq!(seen.state, State::Pass);
    }
}
