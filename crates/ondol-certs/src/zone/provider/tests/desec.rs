//! deSEC in small.

use serde_json::json;

use super::fake::Answer;
use super::fake::Asked;
use super::fake::Fake;
use super::fake::serve;
use super::*;
use crate::zone::provider::desec::Desec;

const TOKEN: &str = "a-token";

/// One set, which is not there when it is empty.
struct Small {
    records: Vec<String>,
    /// What comes before each answer, as long as there is some.
    waits: Vec<u32>,
}

impl Small {
    fn new(waits: &[u32]) -> Self {
        let records = vec!["\"someone's\"".to_owned()];
        let waits = waits.to_vec();
        Self { records, waits }
    }
}

impl Fake for Small {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.header("authorization") != format!("Token {TOKEN}") {
            return Answer::new(401, json!({"detail": "Invalid token."}));
        }
        if let Some(seconds) = self.waits.pop() {
            return Answer::busy(seconds);
        }
        match (&*asked.method, &asked.parts()[..]) {
            ("GET", ["domains"]) if asked.query["owns_qname"].ends_with(ZONE) => {
                Answer::new(200, json!([{"name": ZONE, "minimum_ttl": 3600}]))
            }
            ("GET", ["domains"]) => Answer::new(200, "[]"),
            ("GET", ["domains", ZONE, "rrsets", BELOW, "TXT"]) if self.records.is_empty() => {
                Answer::new(404, json!({"detail": "Not found."}))
            }
            ("GET", ["domains", ZONE, "rrsets", BELOW, "TXT"]) => {
                Answer::new(200, json!({"records": self.records, "ttl": 7200}))
            }
            ("PUT", ["domains", ZONE, "rrsets"]) => {
                let new = &asked.json()[0];
                assert_eq!(
                    (&new["type"], &new["subname"]),
                    (&json!("TXT"), &json!(BELOW))
                );
                // That of the set that was there, else the least that is allowed.
                let ttl = if self.records.is_empty() { 3600 } else { 7200 };
                assert_eq!(new["ttl"], json!(ttl));
                self.records = serde_json::from_value(new["records"].clone()).unwrap();
                Answer::new(200, asked.json())
            }
            _ => panic!("{} {}", asked.method, asked.target),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.records
            .iter()
            .map(|text| unquoted(text).to_owned())
            .collect()
    }
}

#[tokio::test]
async fn texts_come_and_go() {
    let secrets = Secrets::new();
    let token = secrets.secret("token", TOKEN);
    serve(Small::new(&[0, 0]), async |base, keeper| {
        let desec = Desec::new(&base, &token);
        let change = async |change, record: Record<'_>| desec.change(change, record).await;
        come_and_go(change, async || keeper.texts().await).await;
        desec
            .change(Change::Remove, record(None, "someone's"))
            .await
            .unwrap();
        assert!(keeper.texts().await.is_empty());
        desec
            .change(Change::Add, record(None, "alone"))
            .await
            .unwrap();
        assert_eq!(keeper.texts().await, ["alone"]);
    })
    .await;
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let secrets = Secrets::new();
    let check = async |token: &str, name: &str, waits: &[u32], expected: &str| {
        let token = secrets.secret("token", token);
        let failure = serve(Small::new(waits), async |base, _| {
            let record = Record {
                zone: None,
                name,
                text: "text",
            };
            Desec::new(&base, &token)
                .change(Change::Add, record)
                .await
                .unwrap_err()
        });
        let failure = failure.await;
        let expected = expected.replace("FILE", &secrets.path("token").display().to_string());
        assert_eq!(failure.sentence, expected);
        failure
    };
    check("old", NAME, &[], "deSEC does not accept the token in FILE (`{\"detail\":\"Invalid token.\"}`): make a new one in its token management").await;
    check(TOKEN, "_acme-challenge.withcoffee.app", &[], "deSEC has no domain for _acme-challenge.withcoffee.app in the account of the token in FILE: add it there, or use a token of the account that has it").await;
    let before = ondol_base::clock::unix_seconds();
    let failure = check(TOKEN, NAME, &[86_400], "deSEC takes no more requests for now (429 Too Many Requests): it wants to be asked again in 86400 s").await;
    assert!(failure.retry_at.unwrap() >= before + 86_400);
    check(TOKEN, NAME, &[0; 4], "deSEC takes no more requests for now (429 Too Many Requests): it wants to be asked again in 0 s").await;
}
