//! A restic REST server as a target (version 2 of its interface): rest-server, `rclone serve restic` and others.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use ondol_model::base64;
use serde::Deserialize;

use super::Folder;
use super::OBJECT_BYTES_MAX;
use super::Object;
use super::Pace;
use super::Pacing;
use super::Target;
use super::TargetError;
use super::Trouble;
use super::is_id;
use super::whole;
use crate::access::StorageAccess;
use crate::http::Answer;
use crate::http::Ask;
use crate::http::Http;
use crate::http::Origin;

/// What a listing has to be.
const VERSION_2: &str = "application/vnd.x.restic.rest.v2";
/// The longest listing: some 90 bytes for each of three million objects.
const LISTING_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The longest answer that is neither an object nor a listing.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;
/// The longest message of a server that is shown.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// See the file's own words.
struct Rest {
    http: Http,
    /// Of the repository, without a slash at its end.
    path: String,
    authorization: Option<HeaderValue>,
}

/// An object of a listing.
#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u64,
}

/// What is done there, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Read,
    Write,
    Remove,
}

/// The repository there, not asked yet.
pub(crate) fn open(access: &StorageAccess) -> Result<Arc<dyn Target>, TargetError> {
    let StorageAccess::Rest {
        url,
        user,
        password,
    } = access
    else {
        return Err(TargetError::new(Trouble::Other, "it is no REST server"));
    };
    let (origin, path) = Origin::of_url(url)?;
    let password = password.as_ref().map(|password| password.0.trim());
    let authorization = match (user.as_deref(), password) {
        (None, None) => None,
        (user, password) => Some(basic(
            user.unwrap_or_default(),
            password.unwrap_or_default(),
        )?),
    };
    Ok(Arc::new(Rest {
        http: Http::new(origin)?,
        path,
        authorization,
    }))
}

/// The value of `Authorization` for a user and a password.
fn basic(user: &str, password: &str) -> Result<HeaderValue, TargetError> {
    let text = base64::encode(format!("{user}:{password}").as_bytes());
    let padding = "=".repeat(text.len().next_multiple_of(4) - text.len());
    let value = HeaderValue::from_str(&format!("Basic {text}{padding}"));
    let mut value = value.map_err(|error| TargetError::new(Trouble::Other, error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Rest {
    fn ask(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        (body, answer_bytes_max): (&[Bytes], u64),
    ) -> Result<Answer, TargetError> {
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        self.http.send(&Ask {
            method,
            path: &format!("{}/{path}", self.path),
            headers,
            body,
            answer_bytes_max,
        })
    }

    fn get(&self, object: &Object, range: Option<(u64, u64)>) -> Result<Bytes, TargetError> {
        let mut headers = HeaderMap::new();
        if let Some((offset, length)) = range {
            headers.insert(header::RANGE, whole::range(offset, length)?);
        }
        let bytes_max = range.map_or(OBJECT_BYTES_MAX, |(_, length)| length.max(TEXT_BYTES_MAX));
        let answer = self.ask(Method::GET, &path_of(object), headers, (&[], bytes_max))?;
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                whole::content(object, range, answer)
            }
            _ => Err(self.refused(&answer, Doing::Read)),
        }
    }

    fn post(&self, object: &Object, content: &[Bytes]) -> Result<Answer, TargetError> {
        let mut headers = HeaderMap::new();
        let bytes = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, bytes);
        self.ask(
            Method::POST,
            &path_of(object),
            headers,
            (content, TEXT_BYTES_MAX),
        )
    }

    /// Whether the object is there already, with just this content.
    fn has(&self, object: &Object, content: &[Bytes]) -> Result<bool, TargetError> {
        let there = match self.get(object, None) {
            Ok(there) => there,
            Err(error) if error.trouble == Trouble::Missing => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut rest = &there[..];
        let is_same = content.iter().all(|part| {
            rest.strip_prefix(&part[..])
                .map(|behind| rest = behind)
                .is_some()
        });
        Ok(is_same && rest.is_empty())
    }

    /// Why an answer is not the one that was hoped for.
    fn refused(&self, answer: &Answer, doing: Doing) -> TargetError {
        let shown = shown(answer);
        let (trouble, what) = match answer.status {
            StatusCode::NOT_FOUND if doing == Doing::Write => (
                Trouble::Refused,
                format!(
                    "the server has no place for the repository at {}/ ({shown})",
                    self.path
                ),
            ),
            StatusCode::NOT_FOUND => (Trouble::Missing, "the server has no such object".to_owned()),
            StatusCode::UNAUTHORIZED if self.authorization.is_none() => (
                Trouble::Refused,
                format!("the server wants to know who asks ({shown}): give `user` and `password`"),
            ),
            StatusCode::UNAUTHORIZED => (
                Trouble::Refused,
                format!("the server does not accept the user and the password ({shown})"),
            ),
            StatusCode::FORBIDDEN if doing == Doing::Read => (
                Trouble::Refused,
                format!(
                    "the server does not let this user read {}/ ({shown})",
                    self.path
                ),
            ),
            StatusCode::FORBIDDEN => (
                Trouble::Refused,
                format!(
                    "the server does not let this user change or remove what is in {}/ ({shown}): it may be append-only, then say `append_only = true`",
                    self.path
                ),
            ),
            StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE => (
                Trouble::Full,
                format!("the server has no room left for this repository ({shown})"),
            ),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY => {
                (Trouble::Unreachable, format!("the server answered {shown}"))
            }
            status if status.is_server_error() => {
                (Trouble::Unreachable, format!("the server answered {shown}"))
            }
            status if status.is_redirection() => (
                Trouble::Refused,
                format!(
                    "the server points elsewhere ({shown}, {}): correct the address",
                    answer
                        .header("location")
                        .unwrap_or("it does not say where to")
                ),
            ),
            status if status.is_success() => (
                Trouble::Wrong,
                format!("the server answered {shown}, and not as a restic REST server does"),
            ),
            _ => (
                Trouble::Refused,
                format!(
                    "the server answered {shown}; is there a restic REST server at {}/?",
                    self.path
                ),
            ),
        };
        TargetError::new(trouble, what)
    }
}

impl Target for Rest {
    fn place(&self) -> String {
        format!("{}{}/", self.http.origin(), self.path)
    }

    fn create(&self) -> Result<(), TargetError> {
        let nothing = (&[][..], TEXT_BYTES_MAX);
        let answer = self.ask(Method::POST, "?create=true", HeaderMap::new(), nothing)?;
        match answer.status {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.refused(&answer, Doing::Write)),
        }
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        let version = HeaderValue::from_static(VERSION_2);
        let headers = HeaderMap::from_iter([(header::ACCEPT, version)]);
        let path = format!("{}/", folder.word());
        let answer = self.ask(Method::GET, &path, headers, (&[], LISTING_BYTES_MAX))?;
        match answer.status {
            StatusCode::OK => {}
            // Some have no folder until something is in it. That the repository is there shows that not all of it is
            // gone, or elsewhere.
            StatusCode::NOT_FOUND => {
                self.read(&Object::Config)?;
                return Ok(Vec::new());
            }
            _ => return Err(self.refused(&answer, Doing::Read)),
        }
        let kind = answer.header("content-type").unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some(VERSION_2) {
            return Err(wrong(
                "does not list objects with their sizes: it is no restic REST server, or one of before 2018",
            ));
        }
        let listed = serde_json::from_slice::<Option<Vec<Listed>>>(&answer.body);
        let listed = listed.map_err(|_| wrong("answered with something that is no listing"))?;
        // Where nothing is in a folder some say `null`.
        let listed = listed.unwrap_or_default().into_iter();
        let objects = listed.filter(|object| is_id(&object.name));
        Ok(objects.map(|object| (object.name, object.size)).collect())
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        self.get(object, None)
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.get(object, Some((offset, length)))
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        let answer = self.post(object, content)?;
        if answer.status == StatusCode::OK {
            return Ok(());
        }
        // It is not overwritten: perhaps it came whole before, when the answer was lost.
        let may_be_there = [StatusCode::FORBIDDEN, StatusCode::CONFLICT].contains(&answer.status);
        if !may_be_there {
            return Err(self.refused(&answer, Doing::Write));
        }
        if self.has(object, content)? {
            return Ok(());
        }
        let refused = self.refused(&answer, Doing::Write);
        // One that may not remove is told why it could not write.
        self.remove(object).map_err(|_| refused)?;
        let answer = self.post(object, content)?;
        match answer.status {
            StatusCode::OK => Ok(()),
            _ => Err(self.refused(&answer, Doing::Write)),
        }
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        let nothing = (&[][..], TEXT_BYTES_MAX);
        let answer = self.ask(Method::DELETE, &path_of(object), HeaderMap::new(), nothing)?;
        match answer.status {
            StatusCode::OK | StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            _ => Err(self.refused(&answer, Doing::Remove)),
        }
    }

    fn pace(&self, pace: &Arc<Pace>) -> Pacing {
        self.http.keep_to(pace);
        Pacing::ByPiece
    }
}

fn wrong(what: &str) -> TargetError {
    TargetError::new(Trouble::Wrong, format!("the server {what}"))
}

/// All objects of a folder lie side by side here.
fn path_of(object: &Object) -> String {
    match object {
        Object::Config => "config".to_owned(),
        Object::In(folder, id) => format!("{}/{id}", folder.word()),
    }
}

/// What a server said, in short.
fn shown(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    let text = String::from_utf8_lossy(&answer.body);
    let line = text.lines().next().unwrap_or_default().trim();
    let is_plain = answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/plain"));
    if line.is_empty() || !is_plain {
        return match answer.status.canonical_reason() {
            Some(reason) => format!("{status} ({reason})"),
            None => status.to_string(),
        };
    }
    let line: String = line
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .filter(|letter| !letter.is_control())
        .collect();
    format!("{status} ({line})")
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("http", &self.http)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
