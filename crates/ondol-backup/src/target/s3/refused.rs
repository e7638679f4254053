//! What a service says when it does not do what was asked: for the program, and for the owner.

use http::StatusCode;
use ondol_base::clock;

use super::Doing;
use super::S3;
use super::TargetError;
use super::Trouble;
use super::xml;
use crate::http::Answer;

/// The longest message of a service that is shown.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// What a service said.
struct Said {
    code: String,
    message: String,
    /// Where the bucket is, when it is elsewhere.
    region: Option<String>,
}

impl Doing {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::List => ("list what is in", "s3:ListBucket"),
            Self::Read => ("read from", "s3:GetObject"),
            Self::Write => ("write to", "s3:PutObject"),
            Self::Remove => ("remove from", "s3:DeleteObject"),
        }
    }
}

impl S3 {
    /// Why an answer is not the one that was hoped for.
    pub(super) fn refused(&self, answer: &Answer, doing: Doing) -> TargetError {
        let said = Said::of(answer);
        let trouble = trouble(answer.status, &said);
        TargetError::new(trouble, self.clause(answer, &said, doing))
    }

    fn clause(&self, answer: &Answer, said: &Said, doing: Doing) -> String {
        let bucket = self.address.bucket();
        let shown = self.shown(answer.status, said);
        let (verb, permission) = doing.words();
        match &*said.code {
            "NoSuchBucket" => {
                format!("there is no bucket `{bucket}`: make it there, or correct `bucket`")
            }
            "NoSuchKey" | "NoSuchVersion" => "the server has no such object".to_owned(),
            "InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken" => format!(
                "the server does not know the access key, or not any more ({shown}): make a new one there, and put it into `key` and `secret`"
            ),
            "SignatureDoesNotMatch" => format!(
                "the server does not accept the secret of the access key ({shown}): `secret` must be the one that belongs to `key`"
            ),
            "RequestTimeTooSkewed" => format!(
                "the server does not take requests of this machine, whose clock {}: put it right",
                lag(answer)
            ),
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException"
            | "InvalidRegion" => match &said.region {
                Some(region) if *region != self.region => format!(
                    "the bucket `{bucket}` is in the region {region}: put that into `region` and, where the region is a part of it, `endpoint`"
                ),
                Some(_) | None => format!(
                    "the server is not where the bucket `{bucket}` is ({shown}): correct `endpoint` and `region`"
                ),
            },
            "InvalidObjectState" => format!(
                "the server has moved an object to an archive that can't be read at once ({shown}): bring it back there, and end the rule that moves objects"
            ),
            "MissingSecurityHeader" | "AccountProblem" | "AllAccessDisabled" | "NotSignedUp" => {
                format!("the server does not serve the account of the access key ({shown})")
            }
            _ if trouble(answer.status, said) == Trouble::Full => {
                format!("the server has no room left for this account ({shown})")
            }
            "BadDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody" => {
                format!("what arrived at the server is not what was sent ({shown})")
            }
            _ if answer.status.is_redirection() => format!(
                "the server points elsewhere ({shown}, {}): correct `endpoint`",
                answer
                    .header("location")
                    .unwrap_or("it does not say where to")
            ),
            "" if answer.status.is_client_error() => format!(
                "the server answered {shown}, and not as S3 services do: is `endpoint` right?"
            ),
            "AccessDenied" if doing == Doing::Remove => format!(
                "the server does not let the access key {verb} the bucket `{bucket}` ({shown}): allow it {permission}; where nothing is to be removed, say `append_only = true`"
            ),
            _ if answer.status == StatusCode::FORBIDDEN => format!(
                "the server does not let the access key {verb} the bucket `{bucket}` ({shown}): allow it {permission}"
            ),
            _ => format!("the server answered {shown}"),
        }
    }

    /// What the service said, without what is secret.
    fn shown(&self, status: StatusCode, said: &Said) -> String {
        let Said {
            code,
            message,
            region: _,
        } = said;
        let text = match (code.is_empty(), message.is_empty()) {
            (true, _) => return status.as_u16().to_string(),
            (false, true) => format!("{}, {code}", status.as_u16()),
            (false, false) => format!("{}, {code}: {message}", status.as_u16()),
        };
        let mut text = text;
        for secret in [&self.secret.0, &self.key] {
            if !secret.is_empty() {
                text = text.replace(secret.as_str(), "…");
            }
        }
        let is_long = text.chars().count() > SHOWN_CHARACTERS_MAX;
        let mut text: String = text
            .chars()
            .take(SHOWN_CHARACTERS_MAX)
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        if is_long {
            text.push('…');
        }
        text.trim_end_matches(['.', ' ']).to_owned()
    }
}

impl Said {
    fn of(answer: &Answer) -> Self {
        let element = xml::parse(&answer.body).filter(|element| element.name == "Error");
        let text = |name| {
            let text = element.as_ref().and_then(|element| element.text_of(name));
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let region = text("Region");
        let region = region.or_else(|| answer.header("x-amz-bucket-region").map(str::to_owned));
        Self {
            code: text("Code").unwrap_or_default(),
            message: text("Message").unwrap_or_default(),
            region,
        }
    }
}

/// What kind of trouble it is. What is not known is judged by its status.
fn trouble(status: StatusCode, said: &Said) -> Trouble {
    let message = said.message.to_ascii_lowercase();
    match &*said.code {
        "NoSuchKey" | "NoSuchVersion" => Trouble::Missing,
        "NoSuchBucket" => Trouble::Refused,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "ServiceUnavailable"
        | "InternalError"
        | "OperationAborted"
        | "RequestTimeout"
        | "Busy"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "TooManyRequestsException" => Trouble::Unreachable,
        // It was damaged on its way, and can be sent again.
        "BadDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody" => Trouble::Unreachable,
        code if code.contains("QuotaExceeded") || code.contains("StorageFull") => Trouble::Full,
        // Backblaze says so by AccessDenied.
        _ if message.contains("cap exceeded") || message.contains("quota exceeded") => {
            Trouble::Full
        }
        _ => match status {
            StatusCode::INSUFFICIENT_STORAGE => Trouble::Full,
            StatusCode::NOT_IMPLEMENTED => Trouble::Refused,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY => {
                Trouble::Unreachable
            }
            // Without the words of S3 it says nothing about objects.
            status if status.is_server_error() => Trouble::Unreachable,
            status if status.is_success() => Trouble::Wrong,
            _ => Trouble::Refused,
        },
    }
}

/// How far the clock of this machine is from that of who answered.
fn lag(answer: &Answer) -> String {
    let theirs = answer.header("date");
    let Some(Ok(theirs)) = theirs.map(httpdate::parse_http_date) else {
        return "is wrong".to_owned();
    };
    let ours = clock::wall();
    let (side, lag) = match ours.duration_since(theirs) {
        Ok(ahead) => ("ahead", ahead),
        Err(behind) => ("behind", behind.duration()),
    };
    format!("is {} min {side}", lag.as_secs().div_ceil(60))
}
