//! What counts as an answer.

/// The words by which somebody says that they look after it, as the first of what they write.
const WORDS: [&str; 5] = ["ack", "acked", "acknowledge", "acknowledged", "ok"];
/// The same in Korean, anywhere: words are inflected there.
const KOREAN: [&str; 2] = ["확인", "볼게"];

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The incident that it names; without one it is about all that the person was told of.
    pub(super) incident: Option<i64>,
}

impl Answer {
    /// The answer in a text (`ack 12`, `/ack@my_bot`, `확인했어요`); `None` when it is about something else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let words = || {
            text.split(|letter: char| letter.is_whitespace() || [',', '.', '!'].contains(&letter))
        };
        let first = words().find(|word| !word.is_empty())?;
        let first = first.trim_start_matches('/');
        let first = first.split('@').next().unwrap_or_default();
        let is_one = WORDS.contains(&first) || KOREAN.iter().any(|word| text.contains(word));
        let number = |word: &str| word.trim_start_matches('#').parse::<i64>().ok();
        is_one.then(|| Self {
            incident: words().find_map(number).filter(|number| *number > 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_chatter() {
        let of = |incident| Some(Answer { incident });
        for (text, expected) in [
            ("ack 12", of(Some(12))),
            ("ack", of(None)),
            ("/ack #7", of(Some(7))),
            ("/ack@home_box_bot 3", of(Some(3))),
            ("Ok, on my way", of(None)),
            ("확인", of(None)),
            ("네, 확인했어요!", of(None)),
            ("제가 볼게요", of(None)),
            ("확인 12", of(Some(12))),
            ("ack -4", of(None)),
            ("ack 99999999999999999999", of(None)),
            ("what is this?", None),
            ("back soon", None),
            ("", None),
            ("  ", None),
        ] {
            assert_eq!(Answer::parse(text), expected, "{text}");
        }
    }
}
