//! Which parameters of an address are secrets.

/// What is left out of logs where nothing else is asked for: what frameworks and clouds put into
/// addresses that opens a door for whoever reads it.
pub const SECRETS: [&str; 19] = [
    "*token",
    "*password",
    "*passwd",
    "*secret",
    "*signature",
    "*sessionid",
    "*session_id",
    "*apikey",
    "*api_key",
    "*api-key",
    "*credential",
    "access_key",
    "auth",
    "code",
    "jwt",
    "key",
    "pass",
    "pwd",
    "sig",
];
const BYTES_MAX: usize = 64;

/// The name of a parameter, in any case: `token`, or with a `*` before or after it `*token`, `token*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// In lower case.
    text: Box<str>,
    ends: Ends,
}

/// Where more letters may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Nowhere,
    Before,
    After,
    Both,
}

impl SecretName {
    /// Reads a name; `None` when no parameter can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let (ends, name) = match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (None, None) => (Ends::Nowhere, text),
            (Some(rest), None) => (Ends::Before, rest),
            (None, Some(rest)) => (Ends::After, rest),
            (Some(rest), Some(_)) => (Ends::Both, rest.strip_suffix('*')?),
        };
        let is_fine = |byte: u8| byte.is_ascii_graphic() && !b"*&=;?#/%+".contains(&byte);
        let is_name = !name.is_empty() && name.len() <= BYTES_MAX && name.bytes().all(is_fine);
        is_name.then(|| Self {
            text: name.to_ascii_lowercase().into(),
            ends,
        })
    }

    /// Whether this is what a parameter is called.
    pub fn is(&self, name: &[u8]) -> bool {
        let Self { text, ends } = self;
        let text = text.as_bytes();
        let Some(more) = name.len().checked_sub(text.len()) else {
            return false;
        };
        match ends {
            Ends::Nowhere => more == 0 && name.eq_ignore_ascii_case(text),
            Ends::Before => name.split_at(more).1.eq_ignore_ascii_case(text),
            Ends::After => name.split_at(text.len()).0.eq_ignore_ascii_case(text),
            Ends::Both => name
                .windows(text.len())
                .any(|part| part.eq_ignore_ascii_case(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(pattern: &str, name: &str) -> bool {
        SecretName::parse(pattern).unwrap().is(name.as_bytes())
    }

    #[test]
    fn a_star_stands_for_any_letters_and_case_does_not_matter() {
        for (pattern, fitting, others) in [
            (
                "code",
                &["code", "Code"][..],
                &["", "codes", "zip_code", "cod"][..],
            ),
            (
                "*token",
                &["token", "access_TOKEN", "accessToken"],
                &["tokens", "oken"],
            ),
            ("Auth*", &["auth", "author"], &["oauth"]),
            ("*pass*", &["pass", "compass", "passport"], &["pas", "p"]),
        ] {
            for name in fitting {
                assert!(is(pattern, name), "{pattern} {name}");
            }
            for name in others {
                assert!(!is(pattern, name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn what_no_parameter_is_called_is_no_name() {
        for text in [
            "",
            "*",
            "**",
            "a*b",
            "a=b",
            "a&b",
            "a b",
            "é",
            "a%20",
            &"x".repeat(65),
        ] {
            assert_eq!(SecretName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_usual_secrets_are_names() {
        assert!(SECRETS.iter().all(|text| SecretName::parse(text).is_some()));
        let is_secret = |name: &str| SECRETS.iter().any(|secret| is(secret, name));
        for name in [
            "X-Amz-Signature",
            "X-Amz-Security-Token",
            "X-Amz-Credential",
            "client_secret",
            "JSESSIONID",
            "PHPSESSIONID",
            "checkout_session_id",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["page", "q", "country_code", "monkey", "utm_source", "state"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
