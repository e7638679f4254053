//! What addresses of people look like. Whether somebody has them is for who takes messages there.

use crate::file::machine::is_email;
use crate::file::value::Wrong;

/// What a name of a person and its host can have at most (RFC 5321 §4.5.3.1.3).
const EMAIL_BYTES_MAX: usize = 254;
/// What keys of Pushover have (https://pushover.net/api).
const PUSHOVER_CHARACTERS: usize = 30;

/// Whether a text is an address that mail can be sent to, alone.
pub(in crate::file) fn is_address(text: &str) -> bool {
    is_email(text)
        && text.len() <= EMAIL_BYTES_MAX
        && !text.contains(['<', '>', '(', ')', ',', ';', ':', '"', '\\'])
}

/// Whether a text is a chat of Telegram: a number, or the name of a channel.
pub(in crate::file) fn check_chat(text: &str) -> Result<(), Wrong> {
    let number = text.strip_prefix('-').unwrap_or(text);
    let is_number = (1..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let name = text.strip_prefix('@');
    let is_name =
        name.is_some_and(|name| (4..=32).contains(&name.len()) && name.bytes().all(is_letter));
    if is_number || is_name {
        return Ok(());
    }
    let help = match check_bot(text) {
        Ok(()) => {
            "that is the token of a bot, which belongs to `telegram` of `[alarms]`; here stands the number of a chat, such as 123456789"
        }
        Err(_) => {
            "accepted: the number of a chat, such as 123456789: write to your bot, then https://api.telegram.org/botTOKEN/getUpdates shows it as `chat.id`; or the name of a channel, such as \"@name\""
        }
    };
    Err(Wrong::new("is not a chat of Telegram", help))
}

/// Whether a text is the token of a bot of Telegram.
pub(in crate::file) fn check_bot(text: &str) -> Result<(), Wrong> {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_token = text.split_once(':').is_some_and(|(number, secret)| {
        !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
            && (20..=128).contains(&secret.len())
            && secret.bytes().all(is_letter)
    });
    match is_token {
        true => Ok(()),
        false => Err(Wrong::new(
            "is not the token of a bot",
            "@BotFather tells it when a bot is made: a number, a colon and 35 letters; best in a file: { file = \"/etc/ondol/telegram.token\" }",
        )),
    }
}

/// Whether a text is a key of Pushover: of a user, a group, or an application.
pub(in crate::file) fn check_pushover(text: &str) -> Result<(), Wrong> {
    let is_key =
        text.len() == PUSHOVER_CHARACTERS && text.bytes().all(|b| b.is_ascii_alphanumeric());
    match is_key {
        true => Ok(()),
        false => Err(Wrong::new(
            "is not a key of Pushover",
            "it has 30 letters and digits: https://pushover.net shows that of a user, and gives one to an application",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_and_bots_are_told_apart() {
        let bot = "123456789:AAF0abcdefghijklmnopqrstuvwxyz-_012";
        for text in ["123456789", "-1001234567890", "@family_alarms"] {
            assert_eq!(check_chat(text), Ok(()), "{text}");
            assert!(check_bot(text).is_err(), "{text}");
        }
        assert_eq!(check_bot(bot), Ok(()));
        assert!(check_chat(bot).unwrap_err().help.contains("token of a bot"));
        for text in ["", "-", "@", "@a b", "me", "12 34", "--1"] {
            assert!(
                check_chat(text).is_err() && check_bot(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn mail_goes_to_one_address() {
        for text in ["me@example.com", "me+box@example.com", "나@example.com"] {
            assert!(is_address(text), "{text}");
        }
        for text in [
            "",
            "me",
            "Me <me@example.com>",
            "a@b,c@d",
            "a@b@c",
            "a b@c",
            "me@example.com\n",
        ] {
            assert!(!is_address(text), "{text}");
        }
    }
}
