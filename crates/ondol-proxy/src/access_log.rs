//! One line per request, written off the request path.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ondol_model::HostPattern;
use ondol_model::plan::AccessLogFormat;

use crate::request_id::RequestId;

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) at_unix_ms: i64,
    pub(crate) client: &'a str,
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) version: http::Version,
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    pub(crate) duration: Duration,
    pub(crate) host: &'a str,
    pub(crate) site: Option<&'a HostPattern>,
    pub(crate) referer: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) request_id: RequestId,
    pub(crate) tls: bool,
    pub(crate) failure: Option<&'a str>,
}
#[derive(Debug)]
pub(crate) struct Recorder;
impl Recorder {
    pub(crate) fn record(&self, _: &Entry<'_>) {}
    pub(crate) fn flush(&self) {}
}
#[derive(Debug)]
pub(crate) struct AccessLog;
#[derive(Debug)]
pub(crate) struct AccessLogFailure;
impl std::fmt::Display for AccessLogFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
    }
}
impl AccessLog {
    pub(crate) fn start(
        _: PathBuf,
        _: AccessLogFormat,
        _: impl Fn(AccessLogFailure) + Send + 'static,
    ) -> io::Result<Self> {
        Ok(Self)
    }
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder
    }
    pub(crate) fn set_format(&self, _: AccessLogFormat) {}
    pub(crate) fn lines_dropped(&self) -> u64 {
        0
    }
    pub(crate) fn reopen(&self) {}
    pub(crate) fn close(self) {}
}
