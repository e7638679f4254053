//! Porkbun in small.

use serde_json::json;

use super::fake::Answer;
use super::fake::Asked;
use super::fake::Fake;
use super::fake::serve;
use super::*;
use crate::zone::provider::porkbun::Porkbun;

/// Records with their ids.
struct Small {
    records: Vec<(u32, String)>,
}

impl Small {
    fn new() -> Self {
        let records = vec![(1, "someone's".to_owned())];
        Self { records }
    }
}

fn refused(message: &str) -> Answer {
    Answer::new(400, json!({"status": "ERROR", "message": message}))
}

impl Fake for Small {
    fn answer(&mut self, asked: &Asked) -> Answer {
        assert_eq!(asked.method, "POST");
        let body = asked.json();
        if (&body["apikey"], &body["secretapikey"]) != (&json!("pk1"), &json!("sk1")) {
            return refused("Invalid API key. (002)");
        }
        match asked.parts()[..] {
            ["dns", "retrieveByNameType", ZONE, "TXT", BELOW] => {
                let rows = self.records.iter();
                let rows = rows.map(|(id, content)| match id {
                    1 | 2 => json!({"id": id.to_string(), "content": content}),
                    _ => json!({"id": id, "content": content}),
                });
                Answer::new(
                    200,
                    json!({"status": "SUCCESS", "records": rows.collect::<Vec<_>>()}),
                )
            }
            ["dns", "create", ZONE] => {
                assert_eq!(
                    (&body["type"], &body["name"], &body["ttl"]),
                    (&json!("TXT"), &json!(BELOW), &json!("600"))
                );
                let id = self.records.iter().map(|(id, _)| id + 1).max().unwrap_or(1);
                self.records
                    .push((id, body["content"].as_str().unwrap().to_owned()));
                Answer::new(200, json!({"status": "SUCCESS", "id": id}))
            }
            ["dns", "delete", ZONE, id] => {
                let at = self
                    .records
                    .iter()
                    .position(|(known, _)| known.to_string() == id);
                self.records.remove(at.unwrap());
                Answer::new(200, json!({"status": "SUCCESS"}))
            }
            ["dns", "retrieveByNameType", "closed.example.org", ..] => {
                refused("Domain is not opted in to API access.")
            }
            ["dns", "retrieveByNameType", ..] => refused("Invalid domain."),
            _ => panic!("{}", asked.target),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.records
            .iter()
            .map(|(_, content)| content.clone())
            .collect()
    }
}

#[tokio::test]
async fn records_come_and_go() {
    let secrets = Secrets::new();
    let (api, secret) = (
        secrets.secret("api", "pk1"),
        secrets.secret("secret", "sk1\n"),
    );
    serve(Small::new(), async |base, keeper| {
        let porkbun = Porkbun::new(&base, &api, &secret);
        let change = async |change, record: Record<'_>| porkbun.change(change, record).await;
        come_and_go(change, async || keeper.texts().await).await;
    })
    .await;
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let secrets = Secrets::new();
    let check = async |key: &str, name: &str, expected: &str| {
        let (api, secret) = (secrets.secret("api", "pk1"), secrets.secret("secret", key));
        let failure = serve(Small::new(), async |base, _| {
            let record = Record {
                zone: Some(name),
                name,
                text: "text",
            };
            Porkbun::new(&base, &api, &secret)
                .change(Change::Add, record)
                .await
                .unwrap_err()
        });
        let expected = expected.replace("DIR", &secrets.0.path().display().to_string());
        assert_eq!(failure.await.sentence, expected);
    };
    check("old", NAME, "Porkbun does not accept the keys in DIR/api and DIR/secret (`Invalid API key. (002)`): make new ones under API Access").await;
    let hint =
        "the domain must be in the account of the keys, with API Access switched on in its details";
    check("sk1", "closed.example.org", &format!("Porkbun did not change closed.example.org (`Domain is not opted in to API access.`): {hint}")).await;
    check(
        "sk1",
        "withcoffee.app",
        &format!("Porkbun did not change withcoffee.app (`Invalid domain.`): {hint}"),
    )
    .await;
}
