//! What the loop knows, without an issuer.

use ondol_model::event::EventKind;

use super::super::attempt::Ended;
use super::*;
use crate::failure::Failure;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;

/// A desk with a store of its own, and sites that want certificates from Let's Encrypt.
struct Office {
    _disk: Disk,
    certificates: Certificates,
    tools: Tools,
    desk: Desk,
    news: mpsc::Receiver<News>,
    workers: Group,
}

impl Office {
    async fn new() -> Self {
        let disk = Disk::new();
        let store = ondol_store::open(&disk.path().join("ondol.db")).unwrap();
        let (notices, _) = mpsc::channel(8);
        let (sender, news) = mpsc::channel(64);
        let certificates = Certificates::open(disk.path(), "seocho", notices).unwrap();
        let (board, _reader) = Board::new();
        let handle = store.store.handle();
        let (service, _handle) = Issuing::new(certificates.clone(), handle.clone(), board);
        let (said, _heard) = mpsc::channel(HEARD_MAX);
        let set = Arc::clone(&certificates.subscribe().borrow());
        Self {
            _disk: disk,
            tools: Tools::new(&service, said),
            desk: Desk::new(Ledger::open(handle, &[]).await, sender, set),
            certificates,
            news,
            workers: Group::default(),
        }
    }

    async fn reload(&mut self, names: &[&str]) {
        let sites = names.iter().map(|name| fixture::site(&[name], None));
        let plan = Arc::new(fixture::plan(sites.collect(), &[]));
        let set = self.certificates.take_up(plan).await.unwrap();
        self.desk.take_up(set);
    }

    /// Begins what is due, without workers; their names.
    async fn begin(&mut self) -> Vec<(HostPattern, TryId)> {
        self.begin_at(clock::unix_seconds()).await
    }

    async fn begin_at(&mut self, now: i64) -> Vec<(HostPattern, TryId)> {
        let mut begun = Vec::new();
        for errand in self.desk.due(now, AT_ONCE) {
            let Errand::Try(errand) = errand else {
                continue;
            };
            let id = self.desk.begin(&errand).await.unwrap();
            begun.push((errand.wanted.name().clone(), id));
        }
        begun
    }

    async fn fail(&mut self, begun: (HostPattern, TryId), sentence: &str) {
        let (name, id) = begun;
        let ended = Ended {
            id,
            name,
            issuer: "letsencrypt".into(),
            environment: Environment::Production,
            outcome: Err(Failure::new(FailureKind::Unreachable, sentence)),
        };
        let heard = Heard::Ended(Box::new(ended));
        self.desk.hear(heard, &self.tools, &mut self.workers).await;
    }

    fn failures(&mut self) -> usize {
        let news = std::iter::from_fn(|| self.news.try_recv().ok());
        news.filter(|news| news.kind == EventKind::CertificateFailed)
            .count()
    }
}

#[tokio::test]
async fn what_is_not_wanted_any_more_goes_with_its_try() {
    let mut office = Office::new().await;
    office.reload(&["a.org", "b.org"]).await;
    let begun = office.begin().await;
    assert_eq!(begun.len(), 2);
    office.reload(&["b.org"]).await;
    assert_eq!(office.desk.managed().len(), 2, "the try goes on");
    let [a, b] = begun.try_into().unwrap();
    office.fail(a, "no answer").await;
    office.fail(b, "no answer").await;
    let managed = office.desk.managed();
    assert_eq!(managed.len(), 1);
    assert_eq!(managed[0].names, [fixture::pattern("b.org")]);
    assert_eq!(managed[0].failures, 1);
}

#[tokio::test]
async fn the_end_of_an_earlier_try_is_not_that_of_the_next() {
    let mut office = Office::new().await;
    office.reload(&["a.org"]).await;
    let first = office.begin().await.remove(0);
    office.fail(first.clone(), "no answer").await;
    let soon = clock::unix_seconds() + 1;
    for entry in office.desk.entries.values_mut() {
        entry.asks_again(soon);
    }
    let second = office.begin_at(soon).await;
    assert_eq!(second.len(), 1, "{:?}", office.desk.entries);
    let second = second[0].clone();
    assert_ne!(first.1, second.1);
    office.fail(first, "no answer").await;
    assert!(office.begin_at(soon).await.is_empty());
    assert!(matches!(
        office.desk.managed()[0].state,
        State::Ordering { .. }
    ));
}

#[tokio::test]
async fn a_hundred_that_fail_alike_are_one_event() {
    let mut office = Office::new().await;
    let names: Vec<_> = (0..100).map(|number| format!("s{number}.org")).collect();
    let names: Vec<_> = names.iter().map(|name| &**name).collect();
    office.reload(&names).await;
    let mut failed = 0;
    loop {
        let begun = office.begin().await;
        if begun.is_empty() {
            break;
        }
        for one in begun {
            failed += 1;
            office.fail(one, "letsencrypt cannot be reached").await;
        }
    }
    assert!(failed >= 2);
    assert_eq!(office.failures(), 1);
    let one = fixture::pattern("s0.org");
    let now = clock::unix_seconds();
    let ledger = &office.desk.ledger;
    assert!(!ledger.is_news("letsencrypt", "letsencrypt cannot be reached", now + 3600));
    assert!(ledger.is_news(
        "letsencrypt",
        "letsencrypt cannot be reached",
        now + 25 * 3600
    ));
    assert!(ledger.is_news("letsencrypt", "something else", now));
    assert!(ledger.last(&one).1 <= 1);
}

#[tokio::test]
async fn a_wildcard_without_a_way_says_what_it_needs() {
    let mut office = Office::new().await;
    office.reload(&["*.a.org"]).await;
    assert!(office.begin().await.is_empty());
    let State::Nobody { why } = office.desk.managed().remove(0).state else {
        panic!("something is done");
    };
    assert!(
        why.starts_with("*.a.org needs a record in its zone"),
        "{why}"
    );
}
