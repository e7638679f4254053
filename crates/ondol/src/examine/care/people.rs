//! Whether somebody would hear an alarm.

use std::collections::BTreeSet;

use ondol_config::KeyPath;
use ondol_model::plan::Channel;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::plan::To;

use super::channel_keys;
use crate::examine::Findings;
use crate::examine::Subject;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let people = &subject.plan.care.people;
    if people.is_empty() {
        nobody(subject, findings);
        return;
    }
    hangs_on_one(subject, findings);
    for person in people {
        never_told(subject, person, findings);
        without_runbook(subject, person, findings);
    }
    if subject.plan.care.alarms.heartbeat.is_empty() {
        findings.notes.push(
            "Nobody notices when the whole house is dark: `heartbeat` in [alarms] takes a URL elsewhere (https://healthchecks.io, free of charge, or a friend's Ondol) that tells you.".to_owned(),
        );
    }
}

/// Said by the way to who has not thought of it, and aloud to who has.
fn nobody(subject: Subject<'_>, findings: &mut Findings) {
    let enough = "ntfy = \"https://ntfy.sh/ondol-…\" (an app for phones, free of charge; the name is one that nobody can guess) is enough";
    let sections = ["people", "alarms"].map(KeyPath::section);
    let thought_of = sections.iter().find(|key| subject.origins.has(key));
    match thought_of {
        Some(key) => findings.warn(
            subject,
            key,
            "nobody is told when something is wrong".to_owned(),
            format!("a section [people.me] with {enough}"),
        ),
        None => findings.notes.push(format!(
            "Nobody is told when something is wrong. A section [people.me] with {enough}."
        )),
    }
}

/// One server, one account or one phone that fails, and no alarm arrives.
fn hangs_on_one(subject: Subject<'_>, findings: &mut Findings) {
    let people = &subject.plan.care.people;
    let channels: Vec<_> = people.iter().flat_map(|person| &person.channels).collect();
    let kinds: BTreeSet<_> = channels.iter().map(|channel| channel.word()).collect();
    let Some(first) = channels.first() else {
        return;
    };
    let by = match (first, channels.len(), kinds.len()) {
        (_, 1, _) => format!("`{}`", first.word()),
        (Channel::Email(_), _, 1) => "the server of `smtp`".to_owned(),
        (Channel::Telegram(_), _, 1) => "one bot of Telegram".to_owned(),
        (Channel::Pushover(_), _, 1) => "one application of Pushover".to_owned(),
        _ => return,
    };
    let key = people.first().and_then(|person| {
        let written = KeyPath::section("people");
        let keys = channel_keys(person).into_iter().next();
        keys.filter(|_| subject.origins.has(&written))
    });
    let key = key.unwrap_or_else(|| KeyPath::section("alarms").key("smtp"));
    findings.warn(
        subject,
        &key,
        format!("every alarm hangs on {by}: when that fails, none arrives"),
        "add a second way that has nothing to do with it, such as ntfy = \"https://ntfy.sh/ondol-…\" beside mail",
    );
}

/// An escalation that leaves somebody out was not meant so.
fn never_told(subject: Subject<'_>, person: &Person, findings: &mut Findings) {
    let steps = &subject.plan.care.alarms.escalate;
    let is_told = |to: &To| match to {
        To::Everybody => true,
        To::Person(name) => *name == person.name,
    };
    if steps.is_empty() || steps.iter().any(|step| is_told(&step.to)) {
        return;
    }
    let PersonName(name) = &person.name;
    findings.warn(
        subject,
        &KeyPath::section("people").key(name),
        format!("`{name}` is never told of what is critical: no step of `escalate` names them"),
        format!("add a last step: {{ after = \"45m\", to = \"{name}\" }}, or to = \"everybody\""),
    );
}

/// Whoever is asked to do something must know what.
fn without_runbook(subject: Subject<'_>, person: &Person, findings: &mut Findings) {
    if person.role != Role::Hands || person.runbook.is_some() {
        return;
    }
    let PersonName(name) = &person.name;
    findings.warn(
        subject,
        &KeyPath::section("people").key(name).key("role"),
        format!("`{name}` would not know what to do: `hands` are told one thing, and `runbook` is missing"),
        "runbook = \"Press the button of the black box beside the router.\"",
    );
}
