//! What ssh's and the server's complaints mean to the owner. Pure.

use std::io;

use super::super::TargetError;
use super::super::Trouble;

/// `ssh` could not be started.
pub(super) fn not_started(error: &io::Error) -> TargetError {
    let what = match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no `ssh` on this machine: install OpenSSH's client (`apt install openssh-client`)"
                .to_owned()
        }
        _ => format!("`ssh` could not be started: {error}"),
    };
    TargetError::new(Trouble::Other, what)
}

/// Why ssh ended, by what it wrote; the first line of the table that fits counts.
pub(super) fn explain(host: &str, said: &str) -> TargetError {
    let known = KNOWN.iter().find(|(text, ..)| said.contains(text));
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map_or("without a word", str::trim);
    match known {
        Some((_, trouble, meaning)) => {
            let what = meaning.replace("HOST", host);
            TargetError::new(*trouble, format!("{what} (ssh: {last})"))
        }
        None => TargetError::new(
            Trouble::Unreachable,
            format!("the connection to {host} ended (ssh: {last})"),
        ),
    }
}

const KNOWN: [(&str, Trouble, &str); 15] = [
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        Trouble::Refused,
        "HOST shows another host key than it had: it was set up anew, or somebody stands between; when you know \
         that the new key is right, remove the old one with `ssh-keygen -R HOST`, as the user that Ondol runs as",
    ),
    (
        "Host key verification failed",
        Trouble::Refused,
        "ssh does not know HOST yet: as the user that Ondol runs as, run `ssh HOST` once (with its port and user), \
         compare the fingerprint, and say yes",
    ),
    (
        "UNPROTECTED PRIVATE KEY FILE",
        Trouble::Refused,
        "the private key for HOST can be read by others, so ssh does not use it: `chmod 600` it",
    ),
    (
        "Permission denied",
        Trouble::Refused,
        "HOST does not let Ondol in: put the public key into `~/.ssh/authorized_keys` there, name the private one \
         with `identity`, and use one without a passphrase",
    ),
    (
        "Too many authentication failures",
        Trouble::Refused,
        "HOST was shown too many keys and closed: name the right one with `identity`",
    ),
    (
        "subsystem request failed",
        Trouble::Refused,
        "HOST offers no SFTP: its sshd_config needs the line `Subsystem sftp internal-sftp`",
    ),
    (
        "no matching ",
        Trouble::Refused,
        "this machine's ssh and that of HOST have no method in common: one of them is too old",
    ),
    (
        "Bad configuration option",
        Trouble::Other,
        "ssh does not understand its own configuration",
    ),
    (
        "Bad owner or permissions",
        Trouble::Other,
        "ssh's own configuration can be changed by others, so ssh does not use it",
    ),
    (
        "Could not resolve hostname",
        Trouble::Unreachable,
        "the name HOST is not known",
    ),
    (
        "Connection refused",
        Trouble::Unreachable,
        "HOST runs no ssh server at that port",
    ),
    ("timed out", Trouble::Unreachable, "HOST does not answer"),
    (
        "not responding",
        Trouble::Unreachable,
        "HOST does not answer any more",
    ),
    (
        "No route to host",
        Trouble::Unreachable,
        "there is no way to HOST",
    ),
    (
        "Network is unreachable",
        Trouble::Unreachable,
        "there is no way to HOST",
    ),
];

/// What a server's status means, for what was to be done.
pub(super) fn of_status(action: &str, code: u32, message: &str) -> TargetError {
    let (trouble, meaning) = match code {
        2 => (Trouble::Missing, "it is not there"),
        3 => (Trouble::Refused, "the user there may not do that"),
        6 | 7 => (Trouble::Unreachable, "the server lost its connection"),
        8 => (Trouble::Refused, "the server does not know how to do that"),
        _ => (Trouble::Other, "the server says no more about it"),
    };
    let said = message.trim_end_matches(['.', '\n', '\r']);
    let plain = ["No such file", "Permission denied", "Failure", ""];
    let what = if plain.contains(&said) {
        format!("could not {action}: {meaning}")
    } else {
        format!("could not {action}: the server says `{said}`")
    };
    TargetError::new(trouble, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_tells_whether_to_wait_and_what_to_do() {
        for (said, trouble, told) in [
            (
                "No ED25519 host key is known for nas and you have requested strict checking.\r\n\
                 Host key verification failed.\r\n",
                Trouble::Refused,
                "run `ssh nas` once",
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                Trouble::Refused,
                "`ssh-keygen -R nas`",
            ),
            (
                "me@nas: Permission denied (publickey).\r\n",
                Trouble::Refused,
                "authorized_keys",
            ),
            (
                "ssh: connect to host nas port 22: Connection refused\r\n",
                Trouble::Unreachable,
                "no ssh server",
            ),
            (
                "ssh: connect to host nas port 22: Connection timed out\r\n",
                Trouble::Unreachable,
                "does not answer",
            ),
            (
                "Timeout, server nas not responding.\r\n",
                Trouble::Unreachable,
                "any more",
            ),
            (
                "subsystem request failed on channel 0",
                Trouble::Refused,
                "internal-sftp",
            ),
            ("", Trouble::Unreachable, "without a word"),
            (
                "kex_exchange_identification: Connection closed by remote host\r\n",
                Trouble::Unreachable,
                "(ssh: kex_exchange_identification: Connection closed by remote host)",
            ),
        ] {
            let error = explain("nas", said);
            assert_eq!(error.trouble, trouble, "{error}");
            assert!(error.what.contains(told), "{error}");
        }
    }

    #[test]
    fn a_status_is_told_in_words() {
        let error = of_status("write config", 3, "Permission denied");
        assert_eq!(error.trouble, Trouble::Refused);
        assert_eq!(
            error.what,
            "could not write config: the user there may not do that"
        );
        let error = of_status("write config", 4, "Quota exceeded.");
        assert_eq!(
            error.what,
            "could not write config: the server says `Quota exceeded`"
        );
    }
}
