//! Findings about who is told: secrets, programs, and whether anybody would hear an alarm.

use super::*;

/// A site, and sections in its third line and those below.
fn with(sections: &str) -> String {
    format!("[sites.\"a.test\"]\nfiles = \"www\"\n{sections}\n")
}

/// What is noted of a text.
fn notes(place: &Place, text: &str) -> Vec<String> {
    let findings = place.examine(text, &ServeUser::Own, NOW);
    let notes = findings.notes.into_iter();
    notes
        .filter(|note| !note.starts_with("Nothing is backed up"))
        .filter(|note| !note.starts_with("The drives of this machine"))
        .collect()
}

/// A program that tells somebody.
fn program(place: &Place, name: &str, mode: u32) {
    write(&place.path().join(name), "#!/bin/sh\n", mode);
}

#[test]
fn who_tells_nobody_is_told_how() {
    let place = Place::new();
    place.check(&with(""), &[], &[]);
    let said = notes(&place, &with(""));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0]
            .starts_with("Nobody is told when something is wrong. A section [people.me] with ntfy")
    );
    place.check(
        &with("[alarms]\nbudget = 3"),
        &[],
        &["3:1 nobody is told when something is wrong"],
    );
    assert_eq!(notes(&place, &with("[alarms]\nbudget = 3")), [""; 0]);
}

#[test]
fn one_way_to_reach_somebody_is_not_enough() {
    let place = Place::new();
    program(&place, "tell", 0o755);
    let one = |by: &str| format!("every alarm hangs on {by}: when that fails, none arrives");
    place.check(
        &with("[people.me]\nexec = \"./tell\""),
        &[],
        &[&format!("4:8 {}", one("`exec`"))],
    );
    let smtp = "[box]\nemail = \"me@a.test\"\n[alarms]\nsmtp = { host = \"127.0.0.1\", security = \"none\" }\n";
    place.check(&with(smtp), &[], &[&format!("6:8 {}", one("`email`"))]);
    place.check(
        &with(&format!(
            "{smtp}[people.me]\nemail = [\"a@a.test\", \"b@a.test\"]"
        )),
        &[],
        &[&format!("8:10 {}", one("the server of `smtp`"))],
    );
    place.check(
        &with(&format!(
            "{smtp}[people.me]\nemail = \"a@a.test\"\nexec = \"./tell\""
        )),
        &[],
        &[],
    );
}

#[test]
fn secrets_of_those_who_are_told_must_be_there_and_for_few_eyes() {
    let place = Place::new();
    write(&place.path().join("fine.key"), "secret", 0o600);
    write(&place.path().join("open.key"), "secret", 0o644);
    program(&place, "tell", 0o755);
    place.check(
        &with(
            "[people.me]\nexec = \"./tell\"\nslack = [{ file = \"fine.key\" }, { file = \"open.key\" }]\n\
             ntfy = { url = { file = \"missing\" }, token = { env = \"ONDOL_TEST_NO_SUCH_VARIABLE\" } }\n\
             webhook = { url = \"https://a.test\", headers = { X-Key = { file = \"missing\" } } }\n\
             [health]\ntoken = { file = \"missing\" }",
        ),
        &[
            "5:42 ~/open.key can be read by other users of this machine, so it is no secret; `chmod go= ~/open.key` ends that",
            "6:25 cannot read the secret in ~/missing: No such file or directory (os error 2)",
            "7:66 cannot read the secret in ~/missing: No such file or directory (os error 2)",
            "9:18 cannot read the secret in ~/missing: No such file or directory (os error 2)",
        ],
        &["6:54 the environment variable ONDOL_TEST_NO_SUCH_VARIABLE is not set, or empty"],
    );
}

#[test]
fn tokens_in_a_file_that_everyone_reads_are_none() {
    let place = Place::new();
    program(&place, "tell", 0o755);
    let text = with(
        "[people.me]\nexec = \"./tell\"\nntfy = \"https://ntfy.sh/ondol-1\"\nslack = \"https://a.test/x\"",
    );
    let file = place.path().join("ondol.toml");
    write(&file, &text, 0o640);
    place.check(&text, &[], &[]);
    write(&file, &text, 0o644);
    let expected = "5:8 everyone on this machine can read the tokens and addresses of alarms in ~/ondol.toml; `chmod o-r ~/ondol.toml` ends that";
    place.check(&text, &[], &[expected]);
}

#[test]
fn programs_that_tell_somebody_must_be_there() {
    let place = Place::new();
    program(&place, "tell", 0o644);
    for (exec, problem) in [
        ("./tell", "~/./tell cannot be run: it is not executable"),
        (
            "./gone",
            "~/./gone cannot be run: No such file or directory (os error 2)",
        ),
        (
            "ondol-no-such-program",
            "there is no program `ondol-no-such-program`",
        ),
    ] {
        let text = with(&format!(
            "[people.me]\nntfy = {{ url = {{ file = \"url\" }} }}\nexec = \"{exec}\""
        ));
        write(&place.path().join("url"), "https://ntfy.sh/x", 0o600);
        place.check(&text, &[&format!("5:8 {problem}")], &[]);
    }
    let text =
        with("[people.me]\nntfy = { url = { file = \"url\" } }\nexec = [\"sh\", \"-c\", \"true\"]");
    place.check(&text, &[], &[]);
}

#[test]
fn who_is_left_out_or_knows_nothing_is_named() {
    let place = Place::new();
    program(&place, "tell", 0o755);
    program(&place, "ring", 0o755);
    let text = with(
        "[people.me]\nexec = \"./tell\"\n[people.you]\nexec = \"./ring\"\nrole = \"hands\"\n[alarms]\nescalate = \"me\"",
    );
    place.check(
        &text,
        &[],
        &[
            "5:1 `you` is never told of what is critical: no step of `escalate` names them",
            "7:8 `you` would not know what to do: `hands` are told one thing, and `runbook` is missing",
        ],
    );
    let text = text.replace("\"me\"", "[\"me\", { after = \"1h\", to = \"everybody\" }]");
    let text = text.replace("\"hands\"", "\"hands\"\nrunbook = \"Press the button.\"");
    place.check(&text, &[], &[]);
    let said = notes(&place, &text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("Nobody notices when the whole house is dark"));
}

#[test]
fn quiet_hours_are_told_as_times_to_check() {
    let place = Place::new();
    let text = with("[box]\ntimezone = \"Asia/Seoul\"\n[alarms]\nquiet = \"23:30-07:00\"");
    let noon = 1_793_588_400; // 2026-11-02 03:00 UTC, noon in Seoul.
    let findings = place.examine(&text, &ServeUser::Own, noon);
    let expected = "What is not critical waits (Asia/Seoul): 2026-11-02 23:30 to 2026-11-03 07:00, 2026-11-03 23:30 to 2026-11-04 07:00, 2026-11-04 23:30 to 2026-11-05 07:00.";
    assert!(
        findings.notes.iter().any(|note| note == expected),
        "{:?}",
        findings.notes
    );
}
