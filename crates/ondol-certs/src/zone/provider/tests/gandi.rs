//! Gandi LiveDNS in small.

use serde_json::json;

use super::fake::Answer;
use super::fake::Asked;
use super::fake::Fake;
use super::fake::serve;
use super::*;
use crate::zone::provider::gandi::Gandi;

const TOKEN: &str = "a-token";

/// One set, which is not there when it is empty.
struct Small {
    values: Vec<String>,
}

impl Small {
    fn new() -> Self {
        let values = vec!["\"someone's\"".to_owned()];
        Self { values }
    }
}

impl Fake for Small {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return Answer::new(401, json!({"message": "Unauthorized"}));
        }
        match (&*asked.method, &asked.parts()[..]) {
            ("GET", ["domains", ZONE]) => Answer::new(200, json!({"fqdn": ZONE})),
            ("GET", ["domains", "private.example.org"]) => {
                Answer::new(403, json!({"message": "Permission denied"}))
            }
            ("GET", ["domains", _]) => Answer::new(404, json!({"message": "Unknown domain"})),
            ("GET", ["domains", ZONE, "records", BELOW, "TXT"]) if self.values.is_empty() => {
                Answer::new(404, json!({"message": "Can't find the DNS record"}))
            }
            ("GET", ["domains", ZONE, "records", BELOW, "TXT"]) => Answer::new(
                200,
                json!({"rrset_values": self.values, "rrset_ttl": 1800, "rrset_type": "TXT"}),
            ),
            ("PUT", ["domains", ZONE, "records", BELOW, "TXT"]) => {
                let new = asked.json();
                // That of the set that was there, else the least that is allowed.
                let ttl = if self.values.is_empty() { 300 } else { 1800 };
                assert_eq!(new["rrset_ttl"], json!(ttl));
                self.values = serde_json::from_value(new["rrset_values"].clone()).unwrap();
                assert!(!self.values.is_empty());
                Answer::new(201, json!({"message": "DNS Record Created"}))
            }
            ("DELETE", ["domains", ZONE, "records", BELOW, "TXT"]) => {
                self.values.clear();
                Answer::new(204, "")
            }
            _ => panic!("{} {}", asked.method, asked.target),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.values
            .iter()
            .map(|text| unquoted(text).to_owned())
            .collect()
    }
}

#[tokio::test]
async fn texts_come_and_go() {
    let secrets = Secrets::new();
    let token = secrets.secret("token", TOKEN);
    serve(Small::new(), async |base, keeper| {
        let gandi = Gandi::new(&base, &token);
        let change = async |change, record: Record<'_>| gandi.change(change, record).await;
        come_and_go(change, async || keeper.texts().await).await;
        gandi
            .change(Change::Remove, record(None, "someone's"))
            .await
            .unwrap();
        assert!(keeper.texts().await.is_empty());
        gandi
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
    let check = async |token: &str, name: &str, expected: &str| {
        let token = secrets.secret("token", token);
        let failure = serve(Small::new(), async |base, _| {
            let record = Record {
                zone: None,
                name,
                text: "text",
            };
            Gandi::new(&base, &token)
                .change(Change::Add, record)
                .await
                .unwrap_err()
        });
        let expected = expected.replace("FILE", &secrets.path("token").display().to_string());
        assert_eq!(failure.await.sentence, expected);
    };
    check("old", NAME, "Gandi does not accept the token in FILE (`{\"message\":\"Unauthorized\"}`): make a new personal access token; they end after a year at most").await;
    check(TOKEN, "private.example.org", "Gandi does not let the token in FILE change private.example.org (`{\"message\":\"Permission denied\"}`): give it `Manage domain name technical configurations` for the domain").await;
    check(TOKEN, "withcoffee.app", "Gandi has no LiveDNS domain for withcoffee.app that the token in FILE may see: give the token `Manage domain name technical configurations` for it").await;
}
