//! What is left of addresses with secrets.

use ondol_model::plan::AccessLog;
use proptest::prelude::*;

use super::*;

fn usual() -> Redaction {
    Redaction::of(&AccessLog::default().redact)
}

fn address(text: &[u8]) -> String {
    let mut logged = Vec::new();
    usual().address(text, |part| logged.extend_from_slice(part));
    String::from_utf8_lossy(&logged).into_owned()
}

#[test]
fn secrets_are_left_out_and_the_rest_stays() {
    for (sent, logged) in [
        ("/", "/"),
        ("/a?b=c", "/a?b=c"),
        ("/a?token=x", "/a?token=REDACTED"),
        (
            "/a?b=c&access_token=x.y-z&d=e",
            "/a?b=c&access_token=REDACTED&d=e",
        ),
        (
            "/a?accessToken=x&Password=y",
            "/a?accessToken=REDACTED&Password=REDACTED",
        ),
        ("/a?code=x;state=s", "/a?code=REDACTED;state=s"),
        ("/a?country_code=kr&monkey=1", "/a?country_code=kr&monkey=1"),
        ("/a?token=a=b=c", "/a?token=REDACTED"),
        ("/a?token=&b=c", "/a?token=&b=c"),
        ("/a?token", "/a?token"),
        ("/a?token=x?token=y", "/a?token=REDACTED?token=REDACTED"),
        ("/a?%74oken=x", "/a?%74oken=REDACTED"),
        ("/a?user[password]=x", "/a?user[password]=REDACTED"),
        ("/a?user%5Bpassword%5D=x", "/a?user%5Bpassword%5D=REDACTED"),
        ("/a;jsessionid=x/b?c=d", "/a;jsessionid=REDACTED/b?c=d"),
        (
            "/a;v=1;jsessionid=x?token=y",
            "/a;v=1;jsessionid=REDACTED?token=REDACTED",
        ),
        ("/token=x", "/token=x"),
        ("/a?b=/c&token=x/y", "/a?b=/c&token=REDACTED"),
        ("/a?#token=x", "/a?#token=REDACTED"),
        ("/a#token=x&state=s", "/a#token=REDACTED&state=s"),
        ("/a#/b?token=x", "/a#/b?token=REDACTED"),
        ("/a;token=x#b", "/a;token=REDACTED#b"),
        ("https://a.test/#code=x", "https://a.test/#code=REDACTED"),
        (
            "/a?token[]=x&password[0]=y",
            "/a?token[]=REDACTED&password[0]=REDACTED",
        ),
        (
            "/a?user%5bapi_key%5d%5b%5d=x",
            "/a?user%5bapi_key%5d%5b%5d=REDACTED",
        ),
        ("/a?filter[page]=1", "/a?filter[page]=1"),
        ("/a?&&token=x&", "/a?&&token=REDACTED&"),
        ("https://a.test/?key=x", "https://a.test/?key=REDACTED"),
        ("https://me:word@a.test/b", "https://REDACTED@a.test/b"),
        (
            "https://me@a.test?sig=x",
            "https://REDACTED@a.test?sig=REDACTED",
        ),
        ("https://a.test/me@b", "https://a.test/me@b"),
        ("https:/a:b@c", "https:/a:b@c"),
        ("://a:b@c@d/?e", "://REDACTED@d/?e"),
        ("", ""),
        ("?", "?"),
        (";", ";"),
        ("?=", "?="),
        ("?=x", "?=x"),
    ] {
        assert_eq!(address(sent.as_bytes()), logged, "{sent}");
    }
}

#[test]
fn a_list_of_nothing_leaves_the_parameters() {
    let none = Redaction::of(&[]);
    assert!(!none.may_concern(b"/a?token=x"));
}

proptest! {
    #[test]
    fn no_address_is_too_odd(text: Vec<u8>) {
        address(&text);
    }

    #[test]
    fn an_address_without_secrets_stays_as_it_is(text in "[a-d/?;&=%#]{0,40}") {
        prop_assert_eq!(address(text.as_bytes()), text);
    }

    #[test]
    fn a_secret_is_gone_wherever_it_stands(before in "[a-d/;&=%]{0,20}", after in "[&;][a-d/?&=%]{0,20}") {
        let logged = address(format!("/{before}?{before}&token=S3CR3T{after}").as_bytes());
        prop_assert!(!logged.contains("S3CR3T"), "{}", logged);
        prop_assert!(logged.ends_with(&format!("token=REDACTED{after}")), "{}", logged);
    }
}
