//! What was found, and that it is over, in Korean.

use super::Korean;
use crate::app::room::size;
use crate::plan::Role;
use crate::watch::Subject;
use crate::watch::What;
use crate::watch::words::Telling;
use crate::watch::words::tongue::Tongue;
use crate::watch::words::tongue::grouped;
use crate::watch::words::tongue::percent;
use crate::watch::words::tongue::seconds_of;

/// What was found, as a clause.
#[expect(clippy::too_many_lines, reason = "a table: a clause for each")]
pub(super) fn found(
    tongue: &Korean,
    telling: &Telling<'_>,
    subject: &Subject,
    what: &What,
) -> String {
    let thing = tongue.thing(telling, subject);
    let local = telling.local;
    if telling.role == Role::Hands
        && matches!(what, What::Status(_) | What::NoAnswer | What::Content)
    {
        return format!("{thing}가 열리지 않아요");
    }
    let clause = match *what {
        What::Status(status) => return format!("{thing}에서 오류 응답({status})이 와요"),
        What::NoAnswer => return format!("{thing}에서 응답이 없어요"),
        What::Slow(took, max) => {
            let (took, max) = (seconds_of(took), seconds_of(max));
            return format!("{thing}의 응답이 느려요: {took}초 걸렸고, 기준은 {max}초예요");
        }
        What::Content => return format!("{thing}에서 응답은 오지만 내용이 달라요"),
        What::AppFailed => return format!("{thing}이 시작해도 자꾸 꺼져요"),
        What::AppUnwell => return format!("{thing}의 상태가 좋지 않아요"),
        What::CertificateEnds(at) => {
            return format!("{thing}가 {}에 끝나는데, 아직 갱신되지 않았어요", local(at));
        }
        What::CertificateEnded(at) => return format!("{thing}가 {}에 끝났어요", local(at)),
        What::CertificateMissing => {
            return format!("{thing}가 아직 없어요. 발급해 준 곳이 없어요");
        }
        What::DomainEnds(at) => return format!("{thing}이 곧 끝나요 (만료: {})", local(at)),
        What::DiskRoom(free, total, full_at) => {
            let share = percent(free, total);
            let (free, total) = (size(free), size(total));
            let left = format!("{thing}의 남은 공간이 {total} 중 {free}({share}%)예요");
            return match full_at {
                Some(at) => format!("{left}, 이대로면 {}에 가득 차요", local(at)),
                None => left,
            };
        }
        What::DiskInodes(free, total) => {
            let share = percent(free, total);
            let free = grouped(free);
            return format!("{thing}에 파일을 {free}개({share}%)만 더 만들 수 있어요");
        }
        What::DiskReadOnly => return format!("{thing}에 저장할 수 없어요"),
        What::DriveFailing => return format!("{thing}가 고장 나고 있다고 알려요"),
        What::DriveWorn(share) => return format!("{thing}의 수명을 {share}% 썼어요"),
        What::DriveErrors(count) => {
            return format!("{thing}의 오류가 늘고 있어요: {}건", grouped(count));
        }
        What::Hot(degrees) => {
            return format!("{} 서버가 뜨거워요: {degrees} °C", telling.box_name);
        }
        What::MemoryPressure(share) => {
            return format!("메모리가 모자라요: 프로그램이 {share}%의 시간을 기다려요");
        }
        What::ClockOff(seconds) => {
            let by = tongue.span(seconds.unsigned_abs());
            let way = if seconds > 0 {
                "빨라요"
            } else {
                "느려요"
            };
            return format!("시계가 {by} {way}");
        }
        What::ClockFree => "시계를 맞춰 주는 것이 없어요",
        What::ServiceFailing => return format!("{thing}이 자꾸 실패해요"),
        What::StoreBroken => "Ondol 데이터베이스에 쓸 수 없거나 망가졌어요",
        What::NobodyServes => "웹 서비스가 멈춰서 방문자가 접속할 수 없어요",
        What::BackupOld(Some(at)) => {
            return format!("{thing}이 오래됐어요 (마지막: {})", local(at));
        }
        What::BackupOld(None) => return format!("{thing}이 아직 하나도 없어요"),
        What::BackupUnproven(Some(at)) => {
            return format!(
                "{thing}을 되살릴 수 있는지 {} 뒤로 확인하지 못했어요",
                local(at)
            );
        }
        What::BackupUnproven(None) => {
            return format!("{thing}을 되살릴 수 있는지 한 번도 확인하지 못했어요");
        }
        What::BackupBroken => return format!("{thing}을 되살릴 수 없어요"),
        What::NoLink => {
            return format!("{} 서버의 네트워크 연결이 끊겼어요", telling.box_name);
        }
        What::RouterSilent => "공유기가 응답하지 않아요",
        What::InternetAway => "인터넷이 끊겼어요",
        What::DnsSilent => "이름을 조회할 수 없어요 (DNS)",
        What::OnBattery(share, seconds) => {
            let left = battery(tongue, share, seconds);
            return format!(
                "정전이에요, {} 서버가 배터리로 돌고 있어요{left}",
                telling.box_name
            );
        }
        What::BatteryLow(share, seconds) => {
            let left = battery(tongue, share, seconds);
            return format!("정전이 이어져 배터리가 거의 바닥났어요{left}");
        }
        What::UpsSilent(at, true) => {
            return format!("배터리로 돌던 중에 UPS 소식이 끊겼어요 ({}부터)", local(at));
        }
        What::UpsSilent(at, false) => return format!("UPS 소식이 끊겼어요 ({}부터)", local(at)),
        What::BatteryWorn => "UPS 배터리를 바꿔야 해요",
        What::UpsOverload => "UPS에 너무 많은 것이 꽂혀 있어요",
        What::Silent(Some(at)) => return format!("{thing}가 끊겼어요 (마지막: {})", local(at)),
        What::Silent(None) => return format!("{thing}가 한 번도 오지 않았어요"),
        What::ReportedFailure => return format!("{thing}로 실패했다는 보고가 왔어요"),
        What::Undeliverable => return format!("{thing}을 전달할 수 없어요"),
        What::Unheard => {
            return format!(
                "{} 서버가 살아 있다는 신호가 바깥에 닿지 않아요",
                telling.box_name
            );
        }
        What::DrillUnanswered => {
            let person = subject.name().split('/').next().unwrap_or_default();
            return match person {
                "" => "아무도 훈련 메시지에 답하지 않았어요".to_owned(),
                _ => format!("{person} 님이 훈련 메시지에 답하지 않았어요"),
            };
        }
        What::BackAfterPowerCut(seconds) => {
            let lasted = tongue.span(seconds);
            return format!(
                "{} 서버가 갑자기 꺼져서 {lasted} 동안 멈췄었어요",
                telling.box_name
            );
        }
        What::BackAfterShutdown(seconds) => {
            let lasted = tongue.span(seconds);
            return format!("{} 서버를 {lasted} 동안 꺼 두었어요", telling.box_name);
        }
        What::BackAfterCrash(seconds) => {
            let lasted = tongue.span(seconds);
            return format!("Ondol이 갑자기 끝났다가 {lasted} 만에 다시 시작됐어요");
        }
        What::FileBroken => "켜진 뒤에 보니 망가진 파일이 있어요",
        What::Remembered => return format!("{thing}에 문제가 있어요"),
        What::Flapping => return format!("{thing}의 상태가 좋았다 나빴다 해요"),
    };
    clause.to_owned()
}

/// That it is well again, as a clause.
pub(super) fn well(
    tongue: &Korean,
    telling: &Telling<'_>,
    subject: &Subject,
    what: &What,
) -> String {
    let thing = tongue.thing(telling, subject);
    let clause = match subject {
        Subject::Power if matches!(what, What::OnBattery(..) | What::BatteryLow(..)) => {
            "전기가 다시 들어왔어요"
        }
        Subject::Power if matches!(what, What::UpsSilent(..)) => "UPS가 다시 응답해요",
        Subject::Power => "UPS가 다시 정상이에요",
        Subject::Link => "네트워크가 다시 연결됐어요",
        Subject::Internet => "인터넷이 다시 연결됐어요",
        Subject::Router => "공유기가 다시 응답해요",
        Subject::Dns => "이름 조회(DNS)가 다시 돼요",
        Subject::Clock => "시계가 다시 맞아요",
        Subject::Memory => "메모리가 다시 넉넉해요",
        Subject::Temperature => return format!("{} 서버가 다시 식었어요", telling.box_name),
        Subject::Service(_) => return format!("{thing}이 다시 잘 돼요"),
        Subject::DataPlane => "방문자가 다시 접속할 수 있어요",
        Subject::Heartbeat(_) => return format!("{thing}가 다시 와요"),
        Subject::Channel(name) if *what == What::DrillUnanswered => {
            let person = name.split('/').next().unwrap_or_default();
            return format!("{person} 님이 답했어요");
        }
        Subject::Channel(_) if *what == What::Unheard => {
            return format!("{} 서버의 생존 신호가 바깥에 다시 닿아요", telling.box_name);
        }
        Subject::Channel(_) if *what == What::Undeliverable => {
            return format!("{thing}이 다시 전달돼요");
        }
        Subject::Backup(_) | Subject::App(_) | Subject::Domain(_) | Subject::Channel(_) => {
            return format!("{thing}이 다시 정상이에요");
        }
        Subject::Disk(_)
        | Subject::Drive(_)
        | Subject::Site(_)
        | Subject::Certificate(_)
        | Subject::Store
        | Subject::Box => return format!("{thing}가 다시 정상이에요"),
    };
    clause.to_owned()
}

fn battery(tongue: &Korean, share: Option<u8>, seconds: Option<u64>) -> String {
    match (share, seconds) {
        (Some(share), Some(seconds)) => {
            format!(" ({share}% 남음, 약 {})", tongue.span(seconds))
        }
        (Some(share), None) => format!(" ({share}% 남음)"),
        (None, Some(seconds)) => format!(" (약 {} 남음)", tongue.span(seconds)),
        (None, None) => String::new(),
    }
}
