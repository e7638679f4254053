//! Who asks how the box is, and how much that one is told.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_base::secret::SecretError;
use ondol_base::secret::SecretText;
use ondol_base::tasks;
use ondol_model::plan::Secret;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// Somebody on the admin socket, which lets in the owner alone.
    Owner,
    /// A program of this machine, and what it could show where it speaks for somebody else.
    Machine(Option<Secret>),
    /// A machine of the local network, and what it must show to see more than the status.
    Neighbor(Option<Secret>),
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Everything.
    Full,
    /// Whether it is well, and nothing else.
    Status,
}

/// Fields that a proxy adds: behind one of this machine there may be anybody.
const FORWARDED: [&str; 5] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
];

impl Asker {
    /// How much is told to whoever sends these fields.
    pub(super) async fn trust(&self, headers: &HeaderMap) -> Trust {
        let is_forwarded = || FORWARDED.iter().any(|name| headers.contains_key(*name));
        let token = match self {
            Self::Owner => return Trust::Full,
            Self::Machine(_) if !is_forwarded() => return Trust::Full,
            Self::Machine(token) | Self::Neighbor(token) => token,
        };
        match (token, shown(headers)) {
            (Some(place), Some(shown)) if is_same(place, shown).await => Trust::Full,
            _ => Trust::Status,
        }
    }

    /// The answer where nothing can be told of what is asked for.
    pub(super) fn refusal(&self) -> Response {
        let (Self::Machine(token) | Self::Neighbor(token)) = self else {
            return StatusCode::FORBIDDEN.into_response();
        };
        if token.is_some() {
            let bearer = HeaderValue::from_static("Bearer");
            let message = "Send the token of `health.token` as `Authorization: Bearer TOKEN`.\n";
            let fields = [(header::WWW_AUTHENTICATE, bearer)];
            return (StatusCode::UNAUTHORIZED, fields, message).into_response();
        }
        let message = "Only programs of the box itself may see this. To let others in, set `health.token` in \
                       ondol.toml, and send it as `Authorization: Bearer TOKEN`.\n";
        (StatusCode::FORBIDDEN, message).into_response()
    }
}

/// The token that came with a request.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Whether it is the token. Read anew each time, so that another one counts at once.
async fn is_same(place: &Secret, shown: &str) -> bool {
    let place = place.clone();
    let reading = tasks::spawn_blocking(move || read(&place)).await;
    match reading {
        Ok(Ok(token)) => takes_as_long(token.as_str().as_bytes(), shown.as_bytes()),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "`health.token` could not be read: nobody is let in by it");
            false
        }
        Err(_) => false,
    }
}

fn read(place: &Secret) -> Result<SecretText, SecretError> {
    match place {
        Secret::Environment(name) => secret::from_environment(name),
        Secret::File(path) => secret::from_file(path),
    }
}

/// Whether two texts are the same, in a time that does not tell how much of them is.
fn takes_as_long(token: &[u8], shown: &[u8]) -> bool {
    let differs = token.iter().enumerate().fold(0, |differs, (index, byte)| {
        differs | (byte ^ shown.get(index).copied().unwrap_or(!byte))
    });
    std::hint::black_box(differs) == 0 && token.len() == shown.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_same_or_it_is_not() {
        for (token, shown, expected) in [
            ("secret", "secret", true),
            ("secret", "secreT", false),
            ("secret", "secret ", false),
            ("secret", "secre", false),
            ("secret", "", false),
        ] {
            assert_eq!(
                takes_as_long(token.as_bytes(), shown.as_bytes()),
                expected,
                "{shown}"
            );
        }
    }
}
