//! What people are told, in Korean. A noun of ours stands between each name and what is said of it, so that no particle
//! depends on how a name is read.

use super::Away;
use super::Telling;
use super::tongue::Tongue;
use super::tongue::units;
use crate::plan::Role;
use crate::watch::Subject;
use crate::watch::What;

mod advice;
mod deed;
mod found;

/// Korean.
pub(super) struct Korean;

impl Tongue for Korean {
    fn thing(&self, telling: &Telling<'_>, subject: &Subject) -> String {
        let word = match subject {
            Subject::Power => "전원",
            Subject::Link => "네트워크 연결",
            Subject::Router => "공유기",
            Subject::Internet => "인터넷",
            Subject::Dns => "이름 조회(DNS)",
            Subject::Clock => "시계",
            Subject::Memory => "메모리",
            Subject::Temperature => "온도",
            Subject::Store => "Ondol 데이터베이스",
            Subject::DataPlane => "웹 서비스",
            Subject::Disk(folder) => return format!("{folder} 디스크"),
            Subject::Drive(name) => return format!("{name} 드라이브"),
            Subject::Service(name) => return format!("Ondol의 {name} 기능"),
            Subject::App(name) => return format!("{name} 앱"),
            Subject::Site(name) => return format!("{name} 사이트"),
            Subject::Certificate(name) => return format!("{name} 인증서"),
            Subject::Domain(name) => return format!("{name} 도메인 등록"),
            Subject::Backup(target) => return format!("{target} 백업"),
            Subject::Heartbeat(name) => return format!("{name} 생존 신호"),
            it if *it == Subject::outside() => "바깥으로 보내는 생존 신호",
            Subject::Channel(name) => {
                let (person, channel) = name.split_once('/').unwrap_or((name, "메시지"));
                return format!("{person} 님의 {channel} 알림");
            }
            Subject::Box => return format!("{} 서버", telling.box_name),
        };
        word.to_owned()
    }

    fn found(&self, telling: &Telling<'_>, subject: &Subject, what: &What) -> String {
        found::found(self, telling, subject, what)
    }

    fn well(&self, telling: &Telling<'_>, subject: &Subject, what: &What) -> String {
        found::well(self, telling, subject, what)
    }

    fn deed(&self, subject: &Subject, what: &What) -> &'static str {
        deed::deed(subject, what)
    }

    fn advice(&self, subject: &Subject, what: &What) -> String {
        advice::advice(subject, what)
    }

    fn instruction(&self, what: &What) -> &'static str {
        advice::instruction(what)
    }

    fn span(&self, seconds: u64) -> String {
        let word = |(count, unit): (u64, usize)| {
            let word = match unit {
                0 => "일",
                1 => "시간",
                2 => "분",
                _ => "초",
            };
            format!("{count}{word}")
        };
        let [first, second] = units(seconds);
        match second.0 {
            0 => word(first),
            _ => format!("{} {}", word(first), word(second)),
        }
    }

    fn line(&self, clause: &str, _: &Subject, _: &Telling<'_>) -> String {
        format!("{clause}.")
    }

    fn since(&self, at: &str, lasts: &str) -> String {
        match lasts {
            "" => format!("시작: {at}"),
            _ => format!("시작: {at} ({lasts}째)"),
        }
    }

    fn also(&self, names: &str, more: usize) -> String {
        match more {
            0 => format!("함께 멈춘 것: {names}"),
            _ => format!("함께 멈춘 것: {names} 외 {more}개"),
        }
    }

    fn to_do(&self, advice: &str) -> String {
        format!("할 일: {advice}")
    }

    fn please(&self, instruction: &str) -> String {
        format!("부탁해요: {instruction}")
    }

    fn still(&self, clause: &str, lasts: &str) -> String {
        format!("{lasts}째 아직도: {clause}")
    }

    fn lasted(&self, range: &str, lasted: &str) -> String {
        format!("{range}, {lasted} 동안이었어요.")
    }

    fn it_was(&self, sentence: &str) -> String {
        format!("있었던 일: {sentence}")
    }

    fn nothing_to_do(&self) -> &'static str {
        "이제 하실 일은 없어요."
    }

    fn alone(&self, clause: &str, is_over: bool) -> String {
        match is_over {
            true => format!("해결됨: {clause}"),
            false => clause.to_owned(),
        }
    }

    fn summary_title(&self, count: usize, open: usize) -> String {
        match (count, open) {
            (0, _) => "알림이 다시 전달돼요".to_owned(),
            (_, 0) => format!("그동안 문제 {count}건, 지금은 모두 정상이에요"),
            (_, _) => format!("그동안 문제 {count}건, {open}건은 아직 남아 있어요"),
        }
    }

    fn nobody_could_be_told(&self, range: &str, lasted: &str) -> String {
        format!("{range}, {lasted} 동안 알림을 보낼 수 없었어요.")
    }

    fn summary_lead(&self, count: usize, open: usize) -> String {
        match (count, open) {
            (0, _) => "그동안 문제는 없었어요.".to_owned(),
            (_, 0) => format!("그동안 문제가 {count}건 있었고, 지금은 모두 정상이에요."),
            (_, _) => format!("그동안 문제가 {count}건 있었고, {open}건은 아직 남아 있어요."),
        }
    }

    fn open_since(&self, at: &str) -> String {
        format!("{at}부터, 아직 남아 있어요")
    }

    fn more(&self, count: usize) -> String {
        format!("그 밖에 {count}건 (`ondol alarm list --all`)")
    }

    fn digest_title(&self, count: usize) -> String {
        format!("급하지 않은 소식 {count}건")
    }

    fn digest_lead(&self) -> &'static str {
        "급하지 않아서 한 번에 모아 보내요."
    }

    fn late(&self, by: &str) -> String {
        format!("이 메시지는 {by} 늦었어요. 그 전에는 보낼 수 없었어요.")
    }

    fn test_title(&self) -> &'static str {
        "시험 메시지, 모두 정상이에요"
    }

    fn test_text(&self, box_name: &str) -> String {
        format!(
            "{box_name} 서버가 보낸 시험 메시지예요. 이 메시지가 왔으니 알림도 잘 도착해요.\n\
             하실 일은 없어요."
        )
    }

    fn drill_title(&self) -> &'static str {
        "훈련이에요, 답해 주세요"
    }

    fn drill_text(&self, box_name: &str, role: Role) -> String {
        let how = match role {
            Role::Operator => {
                "버튼을 누르거나, \"확인\"이라고 답장하거나, `ondol alarm ack`를 실행해 주세요."
            }
            Role::Hands => "버튼을 누르거나 \"확인\"이라고 답장해 주세요.",
        };
        format!(
            "문제가 생긴 것은 아니에요. {box_name} 서버가 알림이 잘 도착하는지, 보고 답해 주시는지 가끔 확인해요.\n\
             {how}"
        )
    }

    fn back_title(&self, away: Away, lasted: &str, not_back: usize) -> String {
        let what = match away {
            Away::PowerCut | Away::Rest | Away::Shutdown => "만에 다시 켜졌어요",
            Away::Crash => "만에 Ondol이 다시 시작됐어요",
        };
        match not_back {
            0 => format!("{lasted} {what}"),
            _ => format!("{lasted} {what}, {not_back}가지는 아직이에요"),
        }
    }

    fn was_away(&self, box_name: &str, away: Away, lasted: &str) -> String {
        match away {
            Away::PowerCut => format!(
                "{box_name} 서버가 {lasted} 동안 꺼져 있었어요. 정상 종료가 아니라 정전이나 고장으로 꺼졌어요."
            ),
            Away::Shutdown => {
                format!("{box_name} 서버가 {lasted} 동안 꺼져 있었어요. 정상적으로 종료했었어요.")
            }
            Away::Rest => format!(
                "{box_name} 서버가 {lasted} 동안 꺼져 있었어요. 배터리가 거의 바닥나서, 꺼지기 전에 모두 안전하게 멈춰 두었어요."
            ),
            Away::Crash => {
                format!("{box_name} 서버의 Ondol이 갑자기 끝났다가 {lasted} 만에 다시 시작됐어요.")
            }
        }
    }

    fn undamaged(&self) -> &'static str {
        "Ondol이 아는 데이터베이스를 살펴봤고, 모두 온전해요."
    }

    fn damaged(&self) -> &'static str {
        "망가진 것이 있어요:"
    }

    fn mend(&self) -> &'static str {
        "할 일: 되도록 아무것도 쓰지 말고, 백업에서 되돌리세요 (`ondol backups`, `ondol restore`)."
    }

    fn all_back(&self) -> &'static str {
        "모두 다시 돌아왔어요."
    }

    fn not_back(&self) -> &'static str {
        "아직 돌아오지 않은 것이 있어요. Ondol이 계속 시도하고 있어요:"
    }

    fn not_all_back(&self) -> &'static str {
        "아직 다 되지는 않아요. 서버를 돌보는 사람에게 알려 주세요."
    }
}
