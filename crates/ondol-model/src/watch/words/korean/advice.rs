//! What to do, in Korean.

use crate::watch::Subject;
use crate::watch::What;

/// What somebody who knows the box can do.
#[expect(clippy::too_many_lines, reason = "a table: a line for each")]
pub(super) fn advice(subject: &Subject, what: &What) -> String {
    let name = subject.name();
    let advice = match what {
        What::Status(_) | What::NoAnswer | What::Slow(..) | What::Content => {
            "`ondol status`와 `ondol logs`를 보고, 사이트 뒤의 프로그램이 돌고 있는지 확인하세요."
        }
        What::AppFailed | What::AppUnwell => {
            return format!(
                "`ondol logs {name}`에서 이유를 보세요. 이전 릴리스로 돌아가려면: `ondol rollback {name}`"
            );
        }
        What::CertificateEnds(_) | What::CertificateEnded(_) | What::CertificateMissing => {
            return format!(
                "`ondol certs`에서 이유를 본 다음 갱신하세요: `ondol certs renew {name}`"
            );
        }
        What::DomainEnds(_) => {
            "도메인을 산 곳에서 연장하세요. 끝나면 아무도 사이트를 찾을 수 없어요."
        }
        What::DiskRoom(..) => {
            "필요 없는 것을 지우거나 디스크를 늘리세요. `ondol doctor`가 아는 것을 보여 줘요."
        }
        What::DiskInodes(..) => "작은 파일이 아주 많은 폴더(캐시, 세션, 메일)를 정리하세요.",
        What::DiskReadOnly => {
            "`journalctl -k`에서 드라이브 오류를 보고, 백업이 온전한지 확인한 뒤(`ondol backups`), 다시 켜거나 바꾸세요."
        }
        What::DriveFailing | What::DriveErrors(_) => {
            "백업이 온전한지 확인하고(`ondol backups`), 드라이브를 곧 바꾸세요."
        }
        What::DriveWorn(_) => "드라이브를 바꿀 계획을 세우세요.",
        What::Hot(_) => "팬이 도는지, 먼지나 햇빛은 없는지 보세요.",
        What::MemoryPressure(_) => {
            "`ondol apps`에서 많이 쓰는 앱을 찾아 한도를 정하거나, 메모리를 늘리세요."
        }
        What::ClockOff(_) | What::ClockFree => {
            "`timedatectl set-ntp true`로 시간 맞추기를 켜세요. 인증서와 로그인에는 맞는 시간이 필요해요."
        }
        What::ServiceFailing => {
            "`ondol events`와 `journalctl -u ondol`에서 이유를 보고, `ondol reload`를 해 보세요."
        }
        What::StoreBroken => {
            "디스크가 가득 찼는지, 고장인지 `ondol doctor`로 보세요. 잃은 것은 `ondol restore`로 되돌려요."
        }
        What::NobodyServes => "`ondol events`와 `journalctl -u ondol`에서 이유를 보세요.",
        What::BackupOld(_) | What::BackupUnproven(_) => {
            "`ondol backups`에서 이유를 보고, 백업할 곳에 연결되는지, 공간이 있는지 확인하세요."
        }
        What::BackupBroken => {
            "`ondol backups`에서 어느 것인지 보고, `ondol backup`으로 지금 새로 만드세요."
        }
        What::NoLink => "서버와 공유기에 랜선이 꽂혀 있는지 보세요.",
        What::RouterSilent => "공유기에 전원이 들어오는지 보고, 껐다 켜 보세요.",
        What::InternetAway => "공유기를 껐다 켜 보세요. 그래도 안 되면 통신사에 문의하세요.",
        What::DnsSilent => "서버가 쓰는 이름 서버(`resolvectl status`)가 응답하는지 보세요.",
        What::OnBattery(..) | What::BatteryLow(..) => {
            "동네 전체가 정전이면 기다리면 돼요. 아니면 차단기와 UPS 플러그를 보세요."
        }
        What::UpsSilent(..) => "UPS 케이블이 꽂혀 있는지, UPS 서비스가 도는지(`upsc`) 보세요.",
        What::BatteryWorn => "UPS 배터리를 새로 사서 바꾸세요.",
        What::UpsOverload => "UPS에 꽂지 않아도 되는 것을 빼세요.",
        What::Silent(_) | What::ReportedFailure => {
            "신호를 보내는 기계에서 작업이 돌았는지, 이 서버에 연결되는지 보세요."
        }
        What::Undeliverable => {
            "`ondol alarm list`에서 이유를 보고, 설정을 고친 뒤 `ondol alarm test`를 해 보세요."
        }
        What::Unheard => {
            "`alarms.heartbeat`의 URL이 서비스가 보여 주는 것과 같은지, 서비스가 살아 있는지 보세요."
        }
        What::DrillUnanswered => {
            "메시지를 받았는지 물어보세요. 못 받았다면 `ondol alarm test`로 어디서 막히는지 볼 수 있어요."
        }
        What::FileBroken => {
            "되도록 아무것도 쓰지 말고, 백업에서 되돌리세요 (`ondol backups`, `ondol restore`)."
        }
        What::BackAfterPowerCut(_) => "지금은 없어요. UPS가 있으면 짧은 정전은 넘길 수 있어요.",
        What::BackAfterShutdown(_) => "없어요.",
        What::BackAfterCrash(_) => "`journalctl -u ondol`에서 이유를 보세요.",
        What::Remembered => "`ondol status`에서 지금 상태를 보세요.",
        What::Flapping => {
            "`ondol events`에서 언제, 왜 그런지 보세요. 무언가 느리거나 모자란 경우가 많아요."
        }
    };
    advice.to_owned()
}

/// What somebody near the box can do, where the owner has not said it.
pub(super) fn instruction(what: &What) -> &'static str {
    match what {
        What::NoLink => "서버와 공유기에 랜선이 잘 꽂혀 있는지 봐 주세요.",
        What::RouterSilent | What::InternetAway => "공유기 전원을 뽑고 10초 뒤에 다시 꽂아 주세요.",
        What::OnBattery(..) | What::BatteryLow(..) => {
            "우리 집만 정전이면 차단기를 봐 주세요. 동네 전체라면 기다리면 돼요."
        }
        What::Hot(_) => "서버 위에 덮인 것이 없는지, 팬이 도는지 봐 주세요.",
        What::Status(_)
        | What::NoAnswer
        | What::Slow(..)
        | What::Content
        | What::AppFailed
        | What::AppUnwell
        | What::CertificateEnds(_)
        | What::CertificateEnded(_)
        | What::CertificateMissing
        | What::DomainEnds(_)
        | What::DiskRoom(..)
        | What::DiskInodes(..)
        | What::DiskReadOnly
        | What::DriveFailing
        | What::DriveWorn(_)
        | What::DriveErrors(_)
        | What::MemoryPressure(_)
        | What::ClockOff(_)
        | What::ClockFree
        | What::ServiceFailing
        | What::StoreBroken
        | What::NobodyServes
        | What::BackupOld(_)
        | What::BackupUnproven(_)
        | What::BackupBroken
        | What::DnsSilent
        | What::UpsSilent(..)
        | What::BatteryWorn
        | What::UpsOverload
        | What::Silent(_)
        | What::ReportedFailure
        | What::Undeliverable
        | What::Unheard
        | What::DrillUnanswered
        | What::BackAfterPowerCut(_)
        | What::BackAfterShutdown(_)
        | What::BackAfterCrash(_)
        | What::FileBroken
        | What::Flapping
        | What::Remembered => "서버를 돌보는 사람에게 알려 주세요.",
    }
}
