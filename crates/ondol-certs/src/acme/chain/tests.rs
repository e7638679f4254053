//! Certificates that are not what was ordered.

use super::*;
use crate::sample::Sample;

const DAY: i64 = 24 * 3600;

fn check(
    sample: &Sample,
    chain: &str,
    names: &[&str],
    clock_ahead: Option<i64>,
) -> Result<(), String> {
    let names: Vec<_> = names
        .iter()
        .map(|name| HostPattern::parse(name).unwrap())
        .collect();
    let sender = Sender {
        issuer: "ca",
        clock_ahead,
    };
    let checked = sender.check(chain, &sample.key, &names);
    checked.map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::WrongCertificate);
        failure.sentence
    })
}

fn lasting(from: i64, until: i64) -> Sample {
    let now = clock::unix_seconds();
    Sample::with(&["app.example.com"], now + from, now + until)
}

#[test]
fn what_was_ordered_is_taken() {
    let sample = lasting(-DAY, DAY);
    assert_eq!(
        check(&sample, &sample.chain(), &["app.example.com"], None),
        Ok(())
    );
    // The clock of the issuer may be a little ahead.
    let sample = lasting(60, DAY);
    assert_eq!(
        check(&sample, &sample.chain(), &["app.example.com"], None),
        Ok(())
    );
}

#[test]
fn all_else_is_not() {
    let sample = lasting(-DAY, DAY);
    let other = lasting(-DAY, DAY);
    let name = ["app.example.com"];
    let sentence = |chain: &str, names: &[&str]| check(&sample, chain, names, None).unwrap_err();
    assert_eq!(
        sentence(&sample.chain(), &["app.example.com", "www.example.com"]),
        "ca sent a certificate that does not cover www.example.com; it was not kept"
    );
    let broken = format!("{}{}", sample.leaf, other.leaf);
    assert_eq!(
        sentence(&broken, &name),
        "ca sent a certificate that does not lead to its issuer, certificate by certificate; it was not kept"
    );
    for chain in [&*other.chain(), "no PEM", ""] {
        let sentence = sentence(chain, &name);
        assert!(
            sentence.starts_with("ca sent a certificate that cannot be used ("),
            "{sentence}"
        );
    }
}

#[test]
fn dates_that_do_not_fit_tell_of_the_clock_that_is_wrong() {
    let name = ["app.example.com"];
    let year = 365 * DAY;
    let sample = lasting(year, year + DAY);
    let sentence = check(&sample, &sample.chain(), &name, Some(year)).unwrap_err();
    assert!(sentence.contains("begins on 20"), "{sentence}");
    assert!(
        sentence.contains(": this machine's clock says 20"),
        "{sentence}"
    );
    assert!(sentence.contains(", that of ca 20"), "{sentence}");
    let sample = lasting(-2 * DAY, -DAY);
    let sentence = check(&sample, &sample.chain(), &name, Some(0)).unwrap_err();
    assert!(
        sentence.contains("ended on 20") && !sentence.contains("clock"),
        "{sentence}"
    );
}
