//! A name and a password, asked for by the browser (RFC 7617).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header;
use http::request::Parts;
use ondol_model::Site;
use ondol_model::base64;
use ondol_model::limits::PASSWORD_BYTES_MAX;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::Authorization;
use ondol_model::plan::auth::BasicAuth;

use super::Admitted;
use super::Refusal;
use super::passwords::Claim;
use super::passwords::Verdict;
use crate::admission;
use crate::failure::Failure;
use crate::visit::Visit;

/// How soon a visitor may try again who met too many others.
const BUSY: Duration = Duration::from_secs(1);

/// A route's `basic_auth`, made ready once.
#[derive(Debug)]
pub(super) struct Basic {
    /// `WWW-Authenticate`.
    challenge: HeaderValue,
    authorization: Authorization,
    user_header: Option<HeaderName>,
}

impl Basic {
    pub(super) fn new(basic: &BasicAuth, site: &Site) -> Self {
        let user_header = basic.user_header.as_deref();
        Self {
            challenge: challenge(&match &basic.realm {
                Some(realm) => realm.clone(),
                None => site.name.to_string(),
            }),
            authorization: basic.authorization,
            user_header: user_header.and_then(|name| HeaderName::try_from(name).ok()),
        }
    }

    /// The header that the target does not see. The password is no business of an app, and many fail at
    /// an `Authorization` that they did not ask for.
    pub(super) fn strips(&self) -> Option<&'static str> {
        match self.authorization {
            Authorization::Strip => Some("authorization"),
            Authorization::Pass => None,
        }
    }

    /// Lets a request with a right name and password through. A preflight of a browser (`OPTIONS` from the
    /// page of another site) has neither, and is refused like everything else without.
    pub(super) async fn check(
        &self,
        visit: &Visit,
        parts: &Parts,
        (auth, client): (&Arc<Auth>, IpAddr),
        admitted: &mut Admitted,
    ) -> Result<(), Failure> {
        let AuthBy::Basic(basic) = &auth.by else {
            return Err(self.unauthorized("the site has no users"));
        };
        let Some((name, password)) = credentials(&parts.headers) else {
            return Err(self.unauthorized("no name and password were given"));
        };
        let user = basic.users.find(&name);
        // Who is not known waits as long as who is, so that names can't be found out.
        let Some(hash) = user.or(basic.users.first()).map(|user| &user.hash) else {
            return Err(self.unauthorized("the site has no users"));
        };
        let worker = &visit.connection.worker;
        let claim = Claim {
            client: admission::network_of(client),
            name: &name,
            password: &password,
            hash,
            is_known: user.is_some(),
        };
        match worker.passwords.check(claim).await {
            Verdict::Right => {}
            Verdict::Wrong { delayed_after } => {
                if let Some(failures) = delayed_after
                    && worker.may_warn()
                {
                    let site = visit.site.map_or("", |site| visit.view.site_name(site));
                    tracing::warn!(
                        site,
                        %client,
                        "{client} failed to log in {failures} times, so its next tries are delayed"
                    );
                }
                return Err(self.unauthorized("the name or the password is wrong"));
            }
            Verdict::Later(wait) => {
                let why = "too many wrong passwords came from this address";
                return Err(later(StatusCode::TOO_MANY_REQUESTS, why, wait));
            }
            Verdict::Busy => {
                let why = "too many passwords are to be checked at once";
                return Err(later(StatusCode::SERVICE_UNAVAILABLE, why, BUSY));
            }
        }
        if let Some(header) = &self.user_header
            && let Ok(value) = HeaderValue::from_bytes(&name)
        {
            admitted.changes.add.push((header.clone(), value));
        }
        admitted.user = Some(name.into_boxed_slice());
        Ok(())
    }

    fn unauthorized(&self, why: &'static str) -> Failure {
        let field = (header::WWW_AUTHENTICATE, self.challenge.clone());
        Refusal::failure(StatusCode::UNAUTHORIZED, why, Some(field))
    }
}

fn later(status: StatusCode, why: &'static str, wait: Duration) -> Failure {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let field = (header::RETRY_AFTER, HeaderValue::from(seconds));
    Refusal::failure(status, why, Some(field))
}

fn challenge(realm: &str) -> HeaderValue {
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
    let challenge = format!("Basic realm=\"{quoted}\", charset=\"UTF-8\"");
    HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Basic realm=\"\""))
}

/// The name and the password of the one header that has them.
fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (field, None) = (fields.next()?.to_str().ok()?, fields.next()) else {
        return None;
    };
    let (scheme, text) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || text.len() > PASSWORD_BYTES_MAX * 2 {
        return None;
    }
    let mut name = base64::decode(text.trim_matches(' ').trim_end_matches('='))?;
    let colon = name.iter().position(|byte| *byte == b':')?;
    let password = name.split_off(colon + 1);
    name.truncate(colon);
    (password.len() <= PASSWORD_BYTES_MAX).then_some((name, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(fields: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for field in fields {
            let value = HeaderValue::from_str(field).expect("a test's own value");
            headers.append(header::AUTHORIZATION, value);
        }
        let text = |bytes| String::from_utf8(bytes).expect("a test's own text");
        credentials(&headers).map(|(name, password)| (text(name), text(password)))
    }

    #[test]
    fn credentials_are_read_as_they_are_written() {
        let expected = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(
            parsed(&["Basic YWxpY2U6aHVudGVyMg=="]),
            expected("alice", "hunter2")
        );
        assert_eq!(
            parsed(&["basic  YWxpY2U6aHVudGVyMg"]),
            expected("alice", "hunter2")
        );
        assert_eq!(parsed(&["Basic YTpiOmM="]), expected("a", "b:c"));
        assert_eq!(parsed(&["Basic Og=="]), expected("", ""));
        for odd in [
            "Basic",
            "Basic ",
            "Basic YQ==",
            "Bearer YTpi",
            "Basic YTpi!",
            "YTpi",
        ] {
            assert_eq!(parsed(&[odd]), None, "{odd}");
        }
        assert_eq!(parsed(&["Basic YTpi", "Basic YTpi"]), None);
        let long = format!("Basic {}", "YTpi".repeat(2000));
        assert_eq!(parsed(&[&long]), None);
    }

    #[test]
    fn a_realm_is_quoted() {
        assert_eq!(
            challenge("a\"b\\c").to_str().ok(),
            Some("Basic realm=\"a\\\"b\\\\c\", charset=\"UTF-8\"")
        );
    }
}
