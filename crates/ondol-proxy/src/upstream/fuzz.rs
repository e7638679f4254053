//! Millions of broken messages: none may end in a panic or hang, and none may mean one thing to us and
//! another to the server behind us.
//!
//! A bounded fuzzer inside the suite, so that it runs wherever the tests do (`cargo fuzz` needs another
//! compiler). It is deterministic; `FUZZ_CASES=10000000` makes it long, best with `--release`.

mod chunked;
mod mutate;
mod reference;
mod request;
mod response;

/// Cases of each kind in an ordinary run: under a second.
const CASES: u64 = 20_000;

/// Runs all cases of a kind, each with the number that makes it; a case says whether the message was
/// accepted. Where few are, the cases are too broken to show anything.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn each_case(mut case: impl FnMut(u64) -> bool) {
    let cases = std::env::var("FUZZ_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let accepted = (0..cases).filter(|number| case(*number)).count() as u64;
    assert!(
        accepted > cases / 4,
        "only {accepted} of {cases} were accepted"
    );
}

/// Bytes as a person can read them in a failed assertion.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
