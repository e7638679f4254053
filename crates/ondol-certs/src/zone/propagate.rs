//! Waits until the name servers of a zone show a record: issuers ask any of them, and remember a no.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use ondol_base::clock;

use super::failed;
use crate::failure::Failure;
use crate::lookup::Lookup;

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

/// Returns when every name server that answers shows the text at the name.
pub(super) async fn wait(
    lookup: &Lookup,
    servers: &[SocketAddr],
    name: &str,
    text: &str,
) -> Result<(), Failure> {
    let mut all: Vec<_> = servers
        .iter()
        .map(|server| (*server, Seen::Silent(0)))
        .collect();
    let deadline = clock::now() + LIMIT;
    loop {
        let next = clock::now() + EVERY;
        let asked = all
            .iter()
            .map(|(server, seen)| look(lookup, *server, *seen, name, text));
        let seen = join_all(asked).await;
        for ((_, known), seen) in all.iter_mut().zip(seen) {
            *known = seen;
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

async fn look(lookup: &Lookup, server: SocketAddr, seen: Seen, name: &str, text: &str) -> Seen {
    let before = match seen {
        Seen::Shows => return seen,
        Seen::Silent(before) => Some(before),
        Seen::Lacks => None,
    };
    match (lookup.texts_at(server, name).await, before) {
        (Ok(texts), _) if texts.iter().any(|shown| shown == text) => Seen::Shows,
        (Ok(_), _) | (Err(_), None) => Seen::Lacks,
        (Err(_), Some(before)) => Seen::Silent(before + 1),
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
    use super::*;

    fn servers(seen: &[Seen]) -> Vec<(SocketAddr, Seen)> {
        let addresses = (1..).map(|last| SocketAddr::from(([192, 0, 2, last], 53)));
        addresses.zip(seen.iter().copied()).collect()
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
