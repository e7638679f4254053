//! Waits until the name servers of a zone show a record: issuers ask any of them, and remember a no.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use ondol_base::clock;

use super::failed;
use crate::failure::Failure;

/// How often they are asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long it may take. Providers need seconds; who needs longer has stopped to hand changes on.
const LIMIT: Duration = Duration::from_secs(120);
/// How long is waited where they can't be asked: long enough for nearly every provider.
const BLIND: Duration = Duration::from_secs(30);
/// After so many questions without an answer a server is taken for one that this box can't ask.
const SILENCE_MAX: u32 = 3;

/// What is known of a name server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It has not answered so many questions, and none before.
    Silent(u32),
    Lacks,
    Shows,
}

/// Returns when every name server that answers shows the text at the name. `texts_at` asks one for all
/// texts there.
pub(super) async fn wait<E, Asking>(
    servers: &[SocketAddr],
    name: &str,
    text: &str,
    texts_at: impl Fn(SocketAddr) -> Asking,
) -> Result<(), Failure>
where
    Asking: Future<Output = Result<Vec<String>, E>>,
{
    let mut all: Vec<_> = servers
        .iter()
        .map(|server| (*server, Seen::Silent(0)))
        .collect();
    let deadline = clock::now() + LIMIT;
    loop {
        let next = clock::now() + EVERY;
        let mut open: Vec<_> = all
            .iter_mut()
            .filter(|(_, seen)| *seen != Seen::Shows)
            .collect();
        let answers = join_all(open.iter().map(|(server, _)| texts_at(*server))).await;
        for ((_, seen), answer) in open.iter_mut().zip(answers) {
            *seen = seen.after(answer, text);
        }
        match verdict(&all) {
            Verdict::Shown => return Ok(()),
            Verdict::Unknown => {
                tracing::info!(
                    "The name servers of {name} can't be asked from this box, so Ondol waits {} s for its record.",
                    BLIND.as_secs()
                );
                tokio::time::sleep(BLIND).await;
                return Ok(());
            }
            Verdict::NotYet if next > deadline => return Err(failed(lacking(&all, name))),
            Verdict::NotYet => tokio::time::sleep_until(next).await,
        }
    }
}

impl Seen {
    /// What is known after an answer, or none.
    fn after<E>(self, answer: Result<Vec<String>, E>, text: &str) -> Self {
        match (answer, self) {
            (Ok(texts), _) if texts.iter().any(|shown| shown == text) => Self::Shows,
            (Err(_), Self::Silent(before)) => Self::Silent(before + 1),
            (Ok(_) | Err(_), _) => Self::Lacks,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Shown,
    NotYet,
    /// No name server answers.
    Unknown,
}

fn verdict(all: &[(SocketAddr, Seen)]) -> Verdict {
    let is_done = |seen: &Seen| match seen {
        Seen::Shows => true,
        Seen::Silent(questions) => *questions >= SILENCE_MAX,
        Seen::Lacks => false,
    };
    if !all.iter().all(|(_, seen)| is_done(seen)) {
        return Verdict::NotYet;
    }
    if all.iter().any(|(_, seen)| *seen == Seen::Shows) {
        return Verdict::Shown;
    }
    Verdict::Unknown
}

fn lacking(all: &[(SocketAddr, Seen)], name: &str) -> String {
    let lacking = all.iter().filter(|(_, seen)| *seen != Seen::Shows);
    let lacking: Vec<_> = lacking.map(|(server, _)| server.ip().to_string()).collect();
    let (servers, verb) = match &*lacking {
        [server] => (format!("the name server {server}"), "does"),
        several => (format!("the name servers {}", several.join(", ")), "do"),
    };
    format!(
        "{servers} {verb} not show the new record at {name} after {} s: see why the zone's changes do not get there",
        LIMIT.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn servers(seen: &[Seen]) -> Vec<(SocketAddr, Seen)> {
        let addresses = (1..).map(|last| SocketAddr::from(([192, 0, 2, last], 53)));
        addresses.zip(seen.iter().copied()).collect()
    }

    /// What servers answer at each question: `Some(true)` when they show the text.
    async fn waited(answers: &[&[Option<bool>]]) -> (Result<(), String>, u64) {
        let questions: Vec<_> = answers.iter().map(|_| Cell::new(0)).collect();
        let texts_at = async |server: SocketAddr| {
            let which = usize::from(server.port());
            let question = questions[which].replace(questions[which].get() + 1);
            let answer = answers[which].get(question).or(answers[which].last());
            let shows = answer.copied().flatten().ok_or(())?;
            let others = vec!["other".to_owned()];
            Ok(if shows {
                [others, vec!["text".to_owned()]].concat()
            } else {
                others
            })
        };
        let servers = (0..)
            .take(answers.len())
            .map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let servers: Vec<_> = servers.collect();
        let start = clock::now();
        let result: Result<(), Failure> =
            wait::<(), _>(&servers, "a.example.com", "text", texts_at).await;
        let result = result.map_err(|failure| failure.sentence);
        (result, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_waited_as_long_as_needed() {
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(waited(&[&[yes], &[yes]]).await, (Ok(()), 0));
        assert_eq!(waited(&[&[yes], &[no, no, None, yes]]).await, (Ok(()), 6));
        // One that never answers is no reason to wait longer than a few questions.
        assert_eq!(waited(&[&[no, no, no, yes], &[None]]).await, (Ok(()), 6));
        assert_eq!(waited(&[&[None], &[None]]).await, (Ok(()), 4 + 30));
        assert_eq!(waited(&[]).await, (Ok(()), 30));
        let (result, seconds) = waited(&[&[yes], &[no]]).await;
        assert!(
            result
                .unwrap_err()
                .starts_with("the name server 192.0.2.1 does not show")
        );
        assert_eq!(seconds, 120);
    }

    #[test]
    fn every_server_that_answers_must_show_it() {
        let check = |seen: &[Seen], expected| assert_eq!(verdict(&servers(seen)), expected);
        let mute = Seen::Silent(SILENCE_MAX);
        check(&[Seen::Shows, Seen::Shows], Verdict::Shown);
        check(&[Seen::Shows, Seen::Lacks], Verdict::NotYet);
        check(&[Seen::Shows, Seen::Silent(1)], Verdict::NotYet);
        check(&[Seen::Shows, mute], Verdict::Shown);
        check(&[Seen::Lacks, mute], Verdict::NotYet);
        check(&[mute, mute], Verdict::Unknown);
        check(&[], Verdict::Unknown);
    }

    #[test]
    fn those_that_lack_it_are_named() {
        let check = |seen: &[Seen], expected: &str| {
            let sentence = lacking(&servers(seen), "_acme-challenge.example.com");
            let expected = format!(
                "{expected} not show the new record at _acme-challenge.example.com after 120 s: see why the zone's changes do not get there"
            );
            assert_eq!(sentence, expected);
        };
        check(
            &[Seen::Shows, Seen::Lacks],
            "the name server 192.0.2.2 does",
        );
        check(
            &[Seen::Lacks, Seen::Lacks],
            "the name servers 192.0.2.1, 192.0.2.2 do",
        );
    }
}
