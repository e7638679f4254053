//! What the pages say, in the languages that they are there in.

use http::HeaderMap;
use http::StatusCode;
use http::header;

/// What a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// What the status alone says.
    Status(StatusCode),
    /// An app is not ready yet, or changes its release.
    AppStarting,
    /// An app does not run.
    AppFailed,
    /// Its owner has stopped an app.
    AppStopped,
}

impl Topic {
    /// The status that its page has.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Status(status) => status,
            Self::AppStarting | Self::AppFailed | Self::AppStopped => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Korean,
}

impl Language {
    /// The one that the visitor likes better (RFC 9110 §12.5.4); of two liked the same, the first named.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(header::ACCEPT_LANGUAGE).iter();
        Self::liked(lists.filter_map(|list| list.to_str().ok()))
    }

    /// The same of a head that could not be read as such.
    pub(crate) fn of_unread(head: &[u8]) -> Self {
        const NAME: &[u8] = b"accept-language:";
        let mut lines = head.split(|byte| *byte == b'\n');
        let list = lines.find_map(|line| {
            let (name, list) = line.split_at_checked(NAME.len())?;
            let is_it = name.eq_ignore_ascii_case(NAME);
            str::from_utf8(list).ok().filter(|_| is_it)
        });
        Self::liked(list.into_iter())
    }

    fn liked<'l>(lists: impl Iterator<Item = &'l str>) -> Self {
        let ranges = lists.flat_map(|list| list.split(','));
        let mut best = (0.0, Self::English);
        for range in ranges {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::named) else {
                continue;
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            let quality: f32 = quality.unwrap_or(1.0);
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }

    fn named(range: &str) -> Option<Self> {
        let primary = range.split('-').next().unwrap_or_default().trim();
        match primary {
            _ if primary.eq_ignore_ascii_case("ko") => Some(Self::Korean),
            _ if primary.eq_ignore_ascii_case("en") => Some(Self::English),
            _ => None,
        }
    }

    /// Its tag in HTML (BCP 47).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// What stands before the id of a request.
    pub(super) fn request(self) -> &'static str {
        match self {
            Self::English => "Request",
            Self::Korean => "요청 번호",
        }
    }

    /// A title, and a sentence for the visitor.
    pub(super) fn words(self, topic: Topic) -> (&'static str, &'static str) {
        match (self, topic) {
            (Self::English, Topic::Status(status)) => english(status),
            (Self::Korean, Topic::Status(status)) => korean(status),
            (Self::English, Topic::AppStarting) => (
                "One moment",
                "This site is being started. Please try again in a few seconds.",
            ),
            (Self::Korean, Topic::AppStarting) => (
                "잠시만 기다려 주세요",
                "이 사이트를 시작하는 중입니다. 몇 초 뒤에 다시 시도해 주세요.",
            ),
            (Self::English, Topic::AppFailed) => (
                "Out of order",
                "The program behind this site does not run at the moment. It is tried again by itself; please come back in a few minutes.",
            ),
            (Self::Korean, Topic::AppFailed) => (
                "작동하지 않음",
                "지금은 이 사이트의 프로그램이 실행되지 않습니다. 자동으로 다시 시도하고 있으니 몇 분 뒤에 다시 방문해 주세요.",
            ),
            (Self::English, Topic::AppStopped) => (
                "Switched off",
                "The owner of this site has switched it off for now. Please come back later.",
            ),
            (Self::Korean, Topic::AppStopped) => (
                "꺼져 있음",
                "사이트 운영자가 지금은 이 사이트를 꺼 두었습니다. 나중에 다시 방문해 주세요.",
            ),
        }
    }
}

/// A title, and a sentence for the visitor. Neither has characters that HTML would read as its own.
#[expect(clippy::too_many_lines, reason = "a table")]
fn english(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => (
            "Bad request",
            "Your browser sent something that this server could not understand.",
        ),
        401 => (
            "Login needed",
            "This page is only for those who log in with a name and a password.",
        ),
        403 => ("Forbidden", "You are not allowed to see this page."),
        404 => (
            "Not found",
            "There is nothing at this address. It may have moved, or the link may have a typo.",
        ),
        405 => (
            "Method not allowed",
            "This address does not accept that kind of request.",
        ),
        408 => (
            "Request timeout",
            "Your request took too long to arrive. Please try again.",
        ),
        411 => (
            "Length required",
            "What you tried to send did not say how large it is, and this site needs to know.",
        ),
        413 => (
            "Too large",
            "What you tried to send is larger than this site accepts.",
        ),
        414 => (
            "Address too long",
            "The address you asked for is longer than this server accepts.",
        ),
        421 => (
            "Misdirected request",
            "This server does not serve that site over this connection. Please reload the page.",
        ),
        429 => (
            "Too many requests",
            "Please wait a moment before you try again.",
        ),
        431 => (
            "Headers too large",
            "Your browser sent too many or too large headers. Clearing the cookies of this site may help.",
        ),
        500 => (
            "Server error",
            "Something went wrong on this server, and it is not your fault. Please try again later.",
        ),
        502 => (
            "Bad gateway",
            "This site is not answering properly at the moment. Please try again in a minute.",
        ),
        503 => (
            "Unavailable",
            "This site is busy or being worked on. Please try again in a moment.",
        ),
        504 => (
            "Gateway timeout",
            "This site took too long to answer. Please try again in a minute.",
        ),
        code if code < 500 => (
            "Request refused",
            "This server could not accept your request.",
        ),
        _ => (
            "Server error",
            "This server could not answer your request. Please try again later.",
        ),
    }
}

/// The same in Korean.
fn korean(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => (
            "잘못된 요청",
            "브라우저가 보낸 내용을 서버가 이해하지 못했습니다.",
        ),
        401 => (
            "로그인 필요",
            "이 페이지는 이름과 암호로 로그인한 사람만 볼 수 있습니다.",
        ),
        403 => ("접근할 수 없음", "이 페이지를 볼 권한이 없습니다."),
        404 => (
            "페이지를 찾을 수 없음",
            "이 주소에는 아무것도 없습니다. 페이지가 옮겨졌거나 주소에 오타가 있을 수 있습니다.",
        ),
        405 => (
            "허용되지 않는 방식",
            "이 주소는 그런 방식의 요청을 받지 않습니다.",
        ),
        408 => (
            "요청 시간 초과",
            "요청이 도착하는 데 너무 오래 걸렸습니다. 다시 시도해 주세요.",
        ),
        411 => (
            "길이 필요",
            "보내려는 내용의 크기를 알 수 없습니다. 이 사이트는 크기를 먼저 알아야 합니다.",
        ),
        413 => (
            "너무 큰 내용",
            "보내려는 내용이 이 사이트가 받는 크기보다 큽니다.",
        ),
        414 => (
            "너무 긴 주소",
            "요청한 주소가 이 서버가 받는 길이보다 깁니다.",
        ),
        421 => (
            "잘못 찾아온 요청",
            "이 서버는 지금 연결로는 그 사이트를 제공하지 않습니다. 페이지를 새로 고쳐 주세요.",
        ),
        429 => ("너무 많은 요청", "잠시 기다렸다가 다시 시도해 주세요."),
        431 => (
            "너무 큰 헤더",
            "브라우저가 보낸 헤더가 너무 많거나 큽니다. 이 사이트의 쿠키를 지우면 나아질 수 있습니다.",
        ),
        500 => (
            "서버 오류",
            "서버에 문제가 생겼습니다. 방문자의 잘못이 아닙니다. 잠시 후 다시 시도해 주세요.",
        ),
        502 => (
            "사이트가 응답하지 않음",
            "지금 이 사이트가 제대로 응답하지 않습니다. 1분쯤 뒤에 다시 시도해 주세요.",
        ),
        503 => (
            "잠시 이용할 수 없음",
            "이 사이트는 지금 붐비거나 점검 중입니다. 잠시 후 다시 시도해 주세요.",
        ),
        504 => (
            "응답 시간 초과",
            "이 사이트의 응답이 너무 오래 걸렸습니다. 1분쯤 뒤에 다시 시도해 주세요.",
        ),
        code if code < 500 => ("거절된 요청", "서버가 요청을 받아들일 수 없었습니다."),
        _ => (
            "서버 오류",
            "서버가 요청에 답하지 못했습니다. 나중에 다시 시도해 주세요.",
        ),
    }
}
