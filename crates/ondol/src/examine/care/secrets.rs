//! The secrets of those who are told: there, and for few eyes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_base::secret::SecretError;
use ondol_config::KeyPath;
use ondol_model::plan::Channel;
use ondol_model::plan::Secret;
use ondol_model::plan::Value;

use super::channel_keys;
use crate::examine::Findings;
use crate::examine::Subject;

/// What others may do with a file: a bit of its mode.
const OTHERS_READ: u32 = 0o004;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let (values, mut secrets) = all(subject);
    let mut plain = Vec::new();
    for (value, key) in values {
        match value {
            Value::Secret(secret) => secrets.push((secret, key)),
            Value::Plain(_) => plain.push(key),
        }
    }
    for (secret, key) in secrets {
        let read = match secret {
            Secret::Environment(name) => secret::from_environment(name),
            Secret::File(path) => secret::from_file(path),
        };
        if let Err(error) = read {
            tell(subject, secret, key, &error, findings);
        }
    }
    readable(subject, &plain, findings);
}

type Values<'p> = Vec<(&'p Value, KeyPath)>;
type Secrets<'p> = Vec<(&'p Secret, KeyPath)>;

/// What may be a secret, and what is one.
fn all(subject: Subject<'_>) -> (Values<'_>, Secrets<'_>) {
    let care = &subject.plan.care;
    let alarms = || KeyPath::section("alarms");
    let mut values: Values<'_> = Vec::new();
    for (value, word) in [
        (&care.alarms.telegram, "telegram"),
        (&care.alarms.pushover, "pushover"),
    ] {
        values.extend(value.iter().map(|value| (value, alarms().key(word))));
    }
    let heartbeat = care.alarms.heartbeat.iter().enumerate();
    values.extend(heartbeat.map(|(index, url)| (url, alarms().key("heartbeat").index(index))));
    for person in &care.people {
        for (channel, key) in person.channels.iter().zip(channel_keys(person)) {
            values.extend(of_channel(channel, &key));
        }
    }
    for heartbeat in &care.heartbeats {
        let key = KeyPath::section("heartbeats").key(&heartbeat.name);
        values.push((&heartbeat.token, key.key("token")));
    }
    let mut secrets: Secrets<'_> = Vec::new();
    let smtp = care.alarms.smtp.as_ref();
    let password = smtp.and_then(|smtp| smtp.password.as_ref());
    secrets.extend(password.map(|it| (it, alarms().key("smtp").key("password"))));
    let token = care.health.token.iter();
    secrets.extend(token.map(|it| (it, KeyPath::section("health").key("token"))));
    (values, secrets)
}

fn of_channel<'p>(channel: &'p Channel, key: &KeyPath) -> Values<'p> {
    match channel {
        Channel::Slack(value) | Channel::Discord(value) | Channel::Pushover(value) => {
            vec![(value, key.clone())]
        }
        Channel::Ntfy(topic) => {
            let token = topic.token.iter();
            let token = token.map(|token| (token, key.clone().key("token")));
            let url = (&topic.url, key.clone().key("url"));
            std::iter::once(url).chain(token).collect()
        }
        Channel::Webhook(hook) => {
            let headers = || key.clone().key("headers");
            let headers = hook
                .headers
                .iter()
                .map(|(name, value)| (value, headers().key(name)));
            // Many are of this house, and none of them says anything.
            let url = match &hook.url {
                Value::Secret(_) => Some((&hook.url, key.clone().key("url"))),
                Value::Plain(_) => None,
            };
            url.into_iter().chain(headers).collect()
        }
        Channel::Email(_) | Channel::Telegram(_) | Channel::Exec(_) => Vec::new(),
    }
}

fn tell(
    subject: Subject<'_>,
    secret: &Secret,
    key: KeyPath,
    error: &SecretError,
    findings: &mut Findings,
) {
    let problem = Chain(error).to_string();
    match secret {
        // `ondol check` has the environment of whoever runs it, not the agent's.
        Secret::Environment(_) => {
            let help = "`ondol run` must have it when somebody is told: the service has those of /etc/ondol/environment (NAME=value), since its start; { file = \"…\" } does without";
            findings.warn(subject, &key.key("env"), problem, help);
        }
        Secret::File(path) => {
            let shown = path.display();
            let help = match error {
                SecretError::Exposed { .. } => {
                    format!("then change the secret: who could read {shown} may have it")
                }
                SecretError::NoVariable { .. }
                | SecretError::Read { .. }
                | SecretError::TooLarge { .. }
                | SecretError::Empty { .. }
                | SecretError::NoText { .. } => format!(
                    "put the secret there, alone, for the eyes of Ondol's user (`chmod 600 {shown}`)"
                ),
            };
            findings.mistake(subject, &key.key("file"), problem, help);
        }
    }
}

/// Tokens in a configuration that everyone can read; one warning for each file.
fn readable(subject: Subject<'_>, plain: &[KeyPath], findings: &mut Findings) {
    let mut files = BTreeSet::new();
    for key in plain {
        let place = subject.origins.mistake(key, String::new(), None);
        let file = place.file();
        let mode = fs::metadata(file).map_or(0, |metadata| metadata.mode());
        if mode & OTHERS_READ == 0 || !files.insert(file.to_owned()) {
            continue;
        }
        let shown = file.display();
        findings.warn(
            subject,
            key,
            format!("everyone on this machine can read the tokens and addresses of alarms in {shown}; `chmod o-r {shown}` ends that"),
            "or keep each in a file of its own, { file = \"…\" }: who knows a token or a topic reads along, or sends false alarms".to_owned(),
        );
    }
}
