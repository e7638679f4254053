//! A sentence for everything that can be found, and for its end.

use super::*;
use crate::watch::Subject::*;

/// A place in the list of what can be found; the compiler asks for a new one.
fn number(what: &What) -> usize {
    match what {
        What::Status(..) => 0,
        What::NoAnswer => 1,
        What::Slow(..) => 2,
        What::Content => 3,
        What::AppFailed => 4,
        What::AppUnwell => 5,
        What::CertificateEnds(..) => 6,
        What::CertificateEnded(..) => 7,
        What::DomainEnds(..) => 8,
        What::DiskRoom(..) => 9,
        What::DiskInodes(..) => 10,
        What::DiskReadOnly => 11,
        What::DriveFailing => 12,
        What::DriveWorn(..) => 13,
        What::DriveErrors(..) => 14,
        What::Hot(..) => 15,
        What::MemoryPressure(..) => 16,
        What::ClockOff(..) => 17,
        What::ClockFree => 18,
        What::ServiceFailing => 19,
        What::StoreBroken => 20,
        What::NobodyServes => 21,
        What::BackupOld(..) => 22,
        What::BackupUnproven(..) => 23,
        What::BackupBroken => 24,
        What::NoLink => 25,
        What::RouterSilent => 26,
        What::InternetAway => 27,
        What::DnsSilent => 28,
        What::OnBattery(..) => 29,
        What::BatteryLow(..) => 30,
        What::UpsSilent(..) => 31,
        What::BatteryWorn => 32,
        What::UpsOverload => 33,
        What::Silent(..) => 34,
        What::ReportedFailure => 35,
        What::Undeliverable => 36,
        What::Unheard => 37,
        What::DrillUnanswered => 38,
        What::BackAfterPowerCut(..) => 39,
        What::BackAfterShutdown(..) => 40,
        What::BackAfterCrash(..) => 41,
        What::FileBroken => 42,
        What::Flapping => 43,
        What::Remembered => 44,
        What::CertificateMissing => 45,
    }
}

const NUMBERS: usize = 46;

#[expect(clippy::too_many_lines, reason = "a table: a line for each")]
fn found() -> Vec<(Subject, What, &'static str, &'static str)> {
    vec![
        (
            Site("blog.example.com".into()),
            What::Status(502),
            "blog.example.com answers with status 502",
            "blog.example.com 사이트에서 오류 응답(502)이 와요",
        ),
        (
            Site("blog.example.com".into()),
            What::NoAnswer,
            "blog.example.com does not answer",
            "blog.example.com 사이트에서 응답이 없어요",
        ),
        (
            Site("blog.example.com".into()),
            What::Slow(3_240, 2_000),
            "blog.example.com is slow: it took 3.2 s to answer, not 2 s at most",
            "blog.example.com 사이트의 응답이 느려요: 3.2초 걸렸고, 기준은 2초예요",
        ),
        (
            Site("blog.example.com".into()),
            What::Content,
            "blog.example.com answers, but with the wrong content",
            "blog.example.com 사이트에서 응답은 오지만 내용이 달라요",
        ),
        (
            App("coffee".into()),
            What::AppFailed,
            "app coffee ends again and again",
            "coffee 앱이 시작해도 자꾸 꺼져요",
        ),
        (
            App("coffee".into()),
            What::AppUnwell,
            "app coffee is not well",
            "coffee 앱의 상태가 좋지 않아요",
        ),
        (
            Certificate("example.com".into()),
            What::CertificateEnds(at(30, 0)),
            "the certificate of example.com ends on 2026-11-22 06:00 and has not been renewed",
            "example.com 인증서가 2026-11-22 06:00에 끝나는데, 아직 갱신되지 않았어요",
        ),
        (
            Certificate("example.com".into()),
            What::CertificateEnded(at(9, 30)),
            "the certificate of example.com ended on 2026-11-21 09:30",
            "example.com 인증서가 2026-11-21 09:30에 끝났어요",
        ),
        (
            Domain("example.com".into()),
            What::DomainEnds(at(30, 0)),
            "the registration of example.com ends on 2026-11-22 06:00",
            "example.com 도메인 등록이 곧 끝나요 (만료: 2026-11-22 06:00)",
        ),
        (
            Disk("/srv".into()),
            What::DiskRoom(1_200_000_000, 50_000_000_000, None),
            "the disk at /srv has 1.2 GB of 50 GB left (2 %)",
            "/srv 디스크의 남은 공간이 50 GB 중 1.2 GB(2%)예요",
        ),
        (
            Disk("/srv".into()),
            What::DiskRoom(1_200_000_000, 50_000_000_000, Some(at(30, 0))),
            "the disk at /srv has 1.2 GB of 50 GB left (2 %), and will be full on 2026-11-22 06:00 at this pace",
            "/srv 디스크의 남은 공간이 50 GB 중 1.2 GB(2%)예요, 이대로면 2026-11-22 06:00에 가득 차요",
        ),
        (
            Disk("/srv".into()),
            What::DiskInodes(1_234, 65_536),
            "the disk at /srv has room for 1,234 more files only (1 %)",
            "/srv 디스크에 파일을 1,234개(1%)만 더 만들 수 있어요",
        ),
        (
            Disk("/srv".into()),
            What::DiskReadOnly,
            "the disk at /srv takes no data",
            "/srv 디스크에 저장할 수 없어요",
        ),
        (
            Drive("nvme0".into()),
            What::DriveFailing,
            "drive nvme0 says that it is failing",
            "nvme0 드라이브가 고장 나고 있다고 알려요",
        ),
        (
            Drive("nvme0".into()),
            What::DriveWorn(92),
            "drive nvme0 is worn: 92 % of its life is used",
            "nvme0 드라이브의 수명을 92% 썼어요",
        ),
        (
            Drive("nvme0".into()),
            What::DriveErrors(1),
            "drive nvme0 has a new error",
            "nvme0 드라이브의 오류가 늘고 있어요: 1건",
        ),
        (
            Drive("nvme0".into()),
            What::DriveErrors(1_048_576),
            "drive nvme0 has 1,048,576 errors, and more each time",
            "nvme0 드라이브의 오류가 늘고 있어요: 1,048,576건",
        ),
        (
            Temperature,
            What::Hot(93),
            "home is hot: 93 °C",
            "home 서버가 뜨거워요: 93 °C",
        ),
        (
            Memory,
            What::MemoryPressure(43),
            "memory is short: programs wait for it 43 % of the time",
            "메모리가 모자라요: 프로그램이 43%의 시간을 기다려요",
        ),
        (
            Clock,
            What::ClockOff(312),
            "the clock is 5 min fast",
            "시계가 5분 빨라요",
        ),
        (
            Clock,
            What::ClockOff(-7_500),
            "the clock is 2 h 5 min slow",
            "시계가 2시간 5분 느려요",
        ),
        (
            Clock,
            What::ClockFree,
            "nobody keeps the clock right",
            "시계를 맞춰 주는 것이 없어요",
        ),
        (
            Service("backups".into()),
            What::ServiceFailing,
            "Ondol's part \"backups\" fails again and again",
            "Ondol의 backups 기능이 자꾸 실패해요",
        ),
        (
            Store,
            What::StoreBroken,
            "Ondol's database can't be written, or was broken",
            "Ondol 데이터베이스에 쓸 수 없거나 망가졌어요",
        ),
        (
            DataPlane,
            What::NobodyServes,
            "nothing serves visitors",
            "웹 서비스가 멈춰서 방문자가 접속할 수 없어요",
        ),
        (
            Backup("nas".into()),
            What::BackupOld(Some(at(-30, 0))),
            "backups at nas are old: the newest is of 2026-11-19 18:00",
            "nas 백업이 오래됐어요 (마지막: 2026-11-19 18:00)",
        ),
        (
            Backup("nas".into()),
            What::BackupOld(None),
            "backups at nas are missing: there is none yet",
            "nas 백업이 아직 하나도 없어요",
        ),
        (
            Backup("nas".into()),
            What::BackupUnproven(Some(at(-30, 0))),
            "backups at nas were last shown to be restorable on 2026-11-19 18:00",
            "nas 백업을 되살릴 수 있는지 2026-11-19 18:00 뒤로 확인하지 못했어요",
        ),
        (
            Backup("nas".into()),
            What::BackupUnproven(None),
            "backups at nas have never been shown to be restorable",
            "nas 백업을 되살릴 수 있는지 한 번도 확인하지 못했어요",
        ),
        (
            Backup("nas".into()),
            What::BackupBroken,
            "backups at nas can't be restored",
            "nas 백업을 되살릴 수 없어요",
        ),
        (
            Link,
            What::NoLink,
            "home has no network: no cable, no radio",
            "home 서버의 네트워크 연결이 끊겼어요",
        ),
        (
            Router,
            What::RouterSilent,
            "the router does not answer",
            "공유기가 응답하지 않아요",
        ),
        (
            Internet,
            What::InternetAway,
            "the internet can't be reached",
            "인터넷이 끊겼어요",
        ),
        (
            Dns,
            What::DnsSilent,
            "names can't be looked up (DNS)",
            "이름을 조회할 수 없어요 (DNS)",
        ),
        (
            Power,
            What::OnBattery(Some(80), Some(1_500)),
            "the power is out, home runs on its battery (80 % left, for about 25 min)",
            "정전이에요, home 서버가 배터리로 돌고 있어요 (80% 남음, 약 25분)",
        ),
        (
            Power,
            What::OnBattery(None, None),
            "the power is out, home runs on its battery",
            "정전이에요, home 서버가 배터리로 돌고 있어요",
        ),
        (
            Power,
            What::BatteryLow(Some(9), None),
            "the power is out, and the battery is nearly empty (9 % left)",
            "정전이 이어져 배터리가 거의 바닥났어요 (9% 남음)",
        ),
        (
            Power,
            What::BatteryLow(None, Some(90)),
            "the power is out, and the battery is nearly empty (it lasts for about 1 min)",
            "정전이 이어져 배터리가 거의 바닥났어요 (약 1분 남음)",
        ),
        (
            Power,
            What::UpsSilent(at(1, 5), true),
            "the UPS was on battery, and says nothing since 2026-11-21 01:05",
            "배터리로 돌던 중에 UPS 소식이 끊겼어요 (2026-11-21 01:05부터)",
        ),
        (
            Power,
            What::UpsSilent(at(1, 5), false),
            "the UPS says nothing since 2026-11-21 01:05",
            "UPS 소식이 끊겼어요 (2026-11-21 01:05부터)",
        ),
        (
            Power,
            What::BatteryWorn,
            "the battery of the UPS wants to be replaced",
            "UPS 배터리를 바꿔야 해요",
        ),
        (
            Power,
            What::UpsOverload,
            "the UPS carries more than it can",
            "UPS에 너무 많은 것이 꽂혀 있어요",
        ),
        (
            Heartbeat("parents".into()),
            What::Silent(Some(at(1, 5))),
            "heartbeat parents has not reported since 2026-11-21 01:05",
            "parents 생존 신호가 끊겼어요 (마지막: 2026-11-21 01:05)",
        ),
        (
            Heartbeat("parents".into()),
            What::Silent(None),
            "heartbeat parents has never reported",
            "parents 생존 신호가 한 번도 오지 않았어요",
        ),
        (
            Heartbeat("parents".into()),
            What::ReportedFailure,
            "heartbeat parents reports a failure",
            "parents 생존 신호로 실패했다는 보고가 왔어요",
        ),
        (
            Channel("me/email".into()),
            What::Undeliverable,
            "messages by email to me do not arrive",
            "me 님의 email 알림을 전달할 수 없어요",
        ),
        (
            Subject::outside(),
            What::Unheard,
            "nobody outside hears that home lives",
            "home 서버가 살아 있다는 신호가 바깥에 닿지 않아요",
        ),
        (
            Channel("spouse/ntfy".into()),
            What::DrillUnanswered,
            "spouse has not answered the drill",
            "spouse 님이 훈련 메시지에 답하지 않았어요",
        ),
        (
            Box,
            What::DrillUnanswered,
            "nobody answered the drill",
            "아무도 훈련 메시지에 답하지 않았어요",
        ),
        (
            Box,
            What::BackAfterPowerCut(25_920),
            "home was off for 7 h 12 min and had not been shut down",
            "home 서버가 갑자기 꺼져서 7시간 12분 동안 멈췄었어요",
        ),
        (
            Box,
            What::BackAfterShutdown(720),
            "home was shut down for 12 min",
            "home 서버를 12분 동안 꺼 두었어요",
        ),
        (
            Box,
            What::BackAfterCrash(10),
            "Ondol ended without being told to, and runs again after 10 s",
            "Ondol이 갑자기 끝났다가 10초 만에 다시 시작됐어요",
        ),
        (
            Store,
            What::FileBroken,
            "a file was found broken after the start",
            "켜진 뒤에 보니 망가진 파일이 있어요",
        ),
        (
            Site("blog.example.com".into()),
            What::Flapping,
            "blog.example.com keeps changing between well and not well",
            "blog.example.com 사이트의 상태가 좋았다 나빴다 해요",
        ),
        (
            Router,
            What::Remembered,
            "the router is not well",
            "공유기에 문제가 있어요",
        ),
        (
            Certificate("example.com".into()),
            What::CertificateMissing,
            "the certificate of example.com is not there yet: no issuer has given one",
            "example.com 인증서가 아직 없어요. 발급해 준 곳이 없어요",
        ),
    ]
}

#[test]
fn everything_that_can_be_found_is_a_sentence_in_both_languages() {
    for (subject, what, english, korean) in found() {
        let finding = Finding::of(what);
        for (language, expected) in LANGUAGES.into_iter().zip([english, korean]) {
            let telling = telling(language, Role::Operator);
            assert_eq!(sentence(&telling, &subject, &finding), expected);
        }
    }
    let mut told: Vec<_> = found().iter().map(|row| number(&row.1)).collect();
    told.dedup();
    assert_eq!(
        told,
        Vec::from_iter(0..NUMBERS),
        "each finding, in its order"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table: a line for each")]
fn everything_that_is_over_is_a_sentence_in_both_languages() {
    let rows: Vec<(Subject, What, &str, &str)> = vec![
        (
            Site("blog.example.com".into()),
            What::Status(502),
            "blog.example.com is well again",
            "blog.example.com 사이트가 다시 정상이에요",
        ),
        (
            App("coffee".into()),
            What::AppFailed,
            "app coffee is well again",
            "coffee 앱이 다시 정상이에요",
        ),
        (
            Certificate("example.com".into()),
            What::CertificateEnds(at(30, 0)),
            "the certificate of example.com is well again",
            "example.com 인증서가 다시 정상이에요",
        ),
        (
            Domain("example.com".into()),
            What::DomainEnds(at(30, 0)),
            "the registration of example.com is well again",
            "example.com 도메인 등록이 다시 정상이에요",
        ),
        (
            Disk("/srv".into()),
            What::DiskRoom(1_200_000_000, 50_000_000_000, None),
            "the disk at /srv is well again",
            "/srv 디스크가 다시 정상이에요",
        ),
        (
            Drive("nvme0".into()),
            What::DriveFailing,
            "drive nvme0 is well again",
            "nvme0 드라이브가 다시 정상이에요",
        ),
        (
            Temperature,
            What::Hot(93),
            "home is cool enough again",
            "home 서버가 다시 식었어요",
        ),
        (
            Memory,
            What::MemoryPressure(43),
            "there is enough memory again",
            "메모리가 다시 넉넉해요",
        ),
        (
            Clock,
            What::ClockOff(312),
            "the clock is right again",
            "시계가 다시 맞아요",
        ),
        (
            Service("backups".into()),
            What::ServiceFailing,
            "Ondol's part \"backups\" works again",
            "Ondol의 backups 기능이 다시 잘 돼요",
        ),
        (
            Store,
            What::StoreBroken,
            "Ondol's database works again",
            "Ondol 데이터베이스가 다시 정상이에요",
        ),
        (
            DataPlane,
            What::NobodyServes,
            "visitors are served again",
            "방문자가 다시 접속할 수 있어요",
        ),
        (
            Backup("nas".into()),
            What::BackupOld(Some(at(-30, 0))),
            "backups at nas are well again",
            "nas 백업이 다시 정상이에요",
        ),
        (
            Link,
            What::NoLink,
            "the network link is back",
            "네트워크가 다시 연결됐어요",
        ),
        (
            Router,
            What::RouterSilent,
            "the router answers again",
            "공유기가 다시 응답해요",
        ),
        (
            Internet,
            What::InternetAway,
            "the internet is back",
            "인터넷이 다시 연결됐어요",
        ),
        (
            Dns,
            What::DnsSilent,
            "names can be looked up again",
            "이름 조회(DNS)가 다시 돼요",
        ),
        (
            Power,
            What::OnBattery(Some(80), Some(1_500)),
            "the power is back",
            "전기가 다시 들어왔어요",
        ),
        (
            Power,
            What::UpsSilent(at(1, 5), true),
            "the UPS answers again",
            "UPS가 다시 응답해요",
        ),
        (
            Power,
            What::BatteryWorn,
            "the UPS is well again",
            "UPS가 다시 정상이에요",
        ),
        (
            Heartbeat("parents".into()),
            What::Silent(Some(at(1, 5))),
            "heartbeat parents reports that all is well",
            "parents 생존 신호가 다시 와요",
        ),
        (
            Channel("me/email".into()),
            What::Undeliverable,
            "messages by email to me arrive again",
            "me 님의 email 알림이 다시 전달돼요",
        ),
        (
            Subject::outside(),
            What::Unheard,
            "the outside hears again that home lives",
            "home 서버의 생존 신호가 바깥에 다시 닿아요",
        ),
        (
            Channel("spouse/ntfy".into()),
            What::DrillUnanswered,
            "spouse answered",
            "spouse 님이 답했어요",
        ),
        (
            Box,
            What::DrillUnanswered,
            "home is well again",
            "home 서버가 다시 정상이에요",
        ),
    ];
    for (subject, what, english, korean) in rows {
        for (language, expected) in LANGUAGES.into_iter().zip([english, korean]) {
            let telling = telling(language, Role::Operator);
            let well = telling.tongue().well(&telling, &subject, &what);
            assert_eq!(well, expected);
        }
    }
}

/// Whatever is found, each part of a message is there, without a place left empty.
#[test]
fn every_message_says_what_happened_and_what_to_do() {
    for (subject, what, _, _) in found() {
        let finding = Finding::saying(what, "it said");
        for language in LANGUAGES {
            for role in [Role::Operator, Role::Hands] {
                let telling = telling(language, role);
                let story = story(&subject, &finding);
                let words = problem(&telling, &story);
                let lines = words.text.lines().count();
                let least = if role == Role::Operator { 4 } else { 3 };
                assert!(lines >= least, "{}", words.text);
                let blank = words
                    .text
                    .lines()
                    .any(|line| line.ends_with(": ") || line.is_empty());
                assert!(!blank && !words.title.contains('\n'), "{words:?}");
                assert_eq!(words.text.contains("t said"), role == Role::Operator);
                let broken = ["  ", "..", "{", "()", ": :"];
                let is_broken = broken.iter().any(|it| words.text.contains(it));
                assert!(!is_broken, "{}", words.text);
            }
        }
    }
}

/// What is known of it is only what was told before.
#[test]
fn a_remembered_finding_is_told_as_it_was() {
    let finding = Finding::saying(What::Remembered, "the router does not answer");
    let telling = telling(Language::English, Role::Operator);
    assert_eq!(sentence(&telling, &Router, &finding), finding.detail);
    let words = problem(&telling, &story(&Router, &finding));
    assert_eq!(words.title, "home: the router does not answer");
}

#[test]
fn somebodys_own_words_are_one_short_line() {
    let telling = telling(Language::English, Role::Operator);
    let site = Site("a.com".into());
    let said = |detail: &str| sentence(&telling, &site, &Finding::saying(What::NoAnswer, detail));
    assert_eq!(said(""), "a.com does not answer");
    assert_eq!(
        said(" connection\nrefused\t\u{1b}[1m "),
        "a.com does not answer: connection refused [1m"
    );
    let long = said(&"가".repeat(1_000));
    assert!(long.ends_with("가…") && long.chars().count() < 330);
    let slow = Finding::saying(What::Slow(900, 500), "by 10.0.0.2");
    assert_eq!(
        sentence(&telling, &site, &slow),
        "a.com is slow: it took 0.9 s to answer, not 0.5 s at most (by 10.0.0.2)"
    );
}
