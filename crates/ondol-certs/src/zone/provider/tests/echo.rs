//! A provider that repeats all that it was sent.

use super::fake::Answer;
use super::fake::Asked;
use super::fake::Fake;
use super::fake::serve;
use super::*;
use crate::zone::provider::cloudflare::Cloudflare;
use crate::zone::provider::desec::Desec;
use crate::zone::provider::gandi::Gandi;
use crate::zone::provider::porkbun::Porkbun;
use crate::zone::provider::route53::Route53;

const SECRET: &str = "very-secret/token+1";

struct Echo;

impl Fake for Echo {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let sent = String::from_utf8_lossy(&asked.body);
        let header = asked.header("authorization");
        Answer {
            status: 418,
            retry_after: None,
            body: format!("no idea what this is: {header} {sent}"),
        }
    }

    fn texts(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test]
async fn what_it_says_repeats_no_secret() {
    let secrets = Secrets::new();
    let secret = &secrets.secret("secret", &format!("{SECRET}\n"));
    serve(Echo, async |base, _| {
        let record = Record {
            zone: Some(ZONE),
            name: NAME,
            text: "text",
        };
        let add = Change::Add;
        let said = [
            Cloudflare::new(&base, secret).change(add, record).await,
            Desec::new(&base, secret).change(add, record).await,
            Gandi::new(&base, secret).change(add, record).await,
            Porkbun::new(&base, secret, secret)
                .change(add, record)
                .await,
            Route53::new(&base, secret, secret)
                .change(add, record)
                .await,
        ];
        for said in &said[..4] {
            let sentence = &said.as_ref().unwrap_err().sentence;
            assert!(sentence.contains("no idea what this is"), "{sentence}");
            assert!(sentence.contains("***"), "{sentence}");
        }
        for said in said {
            let sentence = said.unwrap_err().sentence;
            assert!(!sentence.contains(SECRET), "{sentence}");
        }
    })
    .await;
}
