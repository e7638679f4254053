//! Pages as visitors get them.

use std::collections::HashSet;

use super::*;
use crate::request_id::RequestId;

const LANGUAGES: [Language; 2] = [Language::English, Language::Korean];

fn page(status: u16, wants: Wants) -> (Response<Body>, String) {
    page_in(Language::English, status, wants)
}

fn page_in(language: Language, status: u16, wants: Wants) -> (Response<Body>, String) {
    let topic = Topic::Status(StatusCode::from_u16(status).unwrap());
    page_about(language, topic, wants)
}

fn page_about(language: Language, topic: Topic, wants: Wants) -> (Response<Body>, String) {
    let mut response = error_page(topic, RequestId(0xbeef), wants, language);
    let Body::Full(bytes) = std::mem::replace(response.body_mut(), Body::Empty) else {
        panic!("a page is in memory");
    };
    (response, String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn every_page_is_small_complete_in_itself_and_shows_its_id() {
    for (language, status) in LANGUAGES
        .into_iter()
        .flat_map(|it| (400..600).map(move |s| (it, s)))
    {
        let (response, text) = page_in(language, status, Wants::Html);
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=utf-8"
        );
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(text.len() < 2048, "{status} has {} bytes", text.len());
        assert!(text.contains("<code>000000000000beef</code>"));
        assert!(text.contains(&format!("<b>{status}</b>")));
        for outside in ["http:", "https:", "src=", "href=", "url(", "{{"] {
            assert!(!text.contains(outside), "{status} has {outside}");
        }
    }
}

#[test]
fn pages_about_apps_are_their_own() {
    let mut sentences = HashSet::new();
    for topic in [Topic::AppStarting, Topic::AppFailed, Topic::AppStopped] {
        for language in LANGUAGES {
            let (response, text) = page_about(language, topic, Wants::Html);
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(text.len() < 2048, "{topic:?} has {} bytes", text.len());
            let (title, sentence) = language.words(topic);
            assert!(text.contains(title) && text.contains(sentence));
            assert!(!sentence.contains(['<', '&', '>']));
            sentences.insert(sentence);
        }
    }
    assert_eq!(sentences.len(), 6);
}

#[test]
fn a_program_gets_the_same_words_without_markup() {
    for status in 400..600 {
        let (response, text) = page(status, Wants::Plain);
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert!(text.starts_with(&format!("{status} ")));
        assert!(text.ends_with("Request 000000000000beef\n"));
        assert!(!text.contains(['<', '&', '>']), "{text}");
        let sentence = text.lines().nth(2).unwrap();
        assert!(page(status, Wants::Html).1.contains(sentence));
    }
}

#[test]
fn the_statuses_that_visitors_meet_have_words_of_their_own() {
    let statuses = [
        400, 403, 404, 405, 408, 411, 413, 414, 421, 431, 500, 502, 503, 504, 499, 599,
    ];
    for language in LANGUAGES {
        let sentences: HashSet<&str> = statuses
            .iter()
            .map(|status| {
                language
                    .words(Topic::Status(StatusCode::from_u16(*status).unwrap()))
                    .1
            })
            .collect();
        assert_eq!(sentences.len(), statuses.len());
    }
}

#[test]
fn html_is_for_those_who_name_it() {
    for (accept, expected) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", Wants::Html),
        ("application/json, TEXT/HTML;q=0.1", Wants::Html),
        ("application/xhtml+xml", Wants::Html),
        ("*/*", Wants::Plain),
        ("application/json", Wants::Plain),
        ("text/html;q=0", Wants::Plain),
        ("text/html; q=0.000", Wants::Plain),
        ("text/html;level=1;q=0.05", Wants::Html),
        ("text/*", Wants::Plain),
        ("", Wants::Plain),
    ] {
        let headers = [(header::ACCEPT, accept.parse().unwrap())]
            .into_iter()
            .collect();
        assert_eq!(Wants::of(&headers), expected, "{accept:?}");
    }
    assert_eq!(Wants::of(&HeaderMap::new()), Wants::Plain);
}

#[test]
fn a_page_is_in_the_language_that_the_visitor_likes_better() {
    for (accept, expected) in [
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Language::Korean),
        ("KO", Language::Korean),
        ("en-US,en;q=0.9,ko;q=0.8", Language::English),
        ("de,ko;q=0.5", Language::Korean),
        ("de", Language::English),
        ("ko;q=0", Language::English),
        ("en;q=0.5, ko;q=0.5", Language::English),
        ("kok", Language::English),
        ("*", Language::English),
        ("", Language::English),
    ] {
        let headers = [(header::ACCEPT_LANGUAGE, accept.parse().unwrap())];
        let headers = headers.into_iter().collect();
        assert_eq!(Language::of(&headers), expected, "{accept:?}");
        let head = format!("GET / HTTP/1.1\r\nbroken\r\nAccept-Language:{accept}\r\n");
        assert_eq!(Language::of_unread(head.as_bytes()), expected, "{accept:?}");
    }
    let (_, text) = page_in(Language::Korean, 404, Wants::Html);
    assert!(text.contains("<html lang=\"ko\">") && text.contains("<h1>페이지를 찾을 수 없음</h1>"));
}

/// For the eye: run with `--run-ignored` and open the files in a browser.
#[test]
#[ignore = "writes pages to look at"]
fn pages_to_look_at() {
    for (language, status) in [(Language::English, 404), (Language::Korean, 503)] {
        let path = std::env::temp_dir().join(format!("ondol-error-{status}.html"));
        let (_, page) = page_in(language, status, Wants::Html);
        ondol_base::file::replace(&path, page.as_bytes(), 0o644).unwrap();
    }
}
