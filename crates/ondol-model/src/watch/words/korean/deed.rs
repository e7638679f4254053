//! What Ondol did, or does, in Korean.

use crate::watch::Subject;
use crate::watch::What;

/// What Ondol did, or does.
pub(super) fn deed(subject: &Subject, what: &What) -> &'static str {
    match what {
        What::AppFailed => {
            "Ondol이 꺼질 때마다 다시 켰고, 지금도 가끔 다시 켜 봐요. 방문자에게는 안내 페이지가 보여요."
        }
        What::CertificateEnds(_) => "Ondol이 계속 갱신을 시도하고, 그때까지는 지금 인증서를 써요.",
        What::CertificateEnded(_) => {
            "Ondol이 계속 갱신을 시도해요. 그때까지 방문자의 브라우저가 경고를 보여요."
        }
        What::CertificateMissing => {
            "우선 Ondol 자체 인증서를 써서 방문자의 브라우저가 경고를 보여요. Ondol이 계속 발급을 요청해요."
        }
        What::DiskRoom(..) | What::DiskInodes(..) => {
            "Ondol은 아무것도 지우지 않았고, 공간이 다시 생기면 알려 드려요."
        }
        What::DiskReadOnly => "사이트는 계속 열려 있고, 저장하지 못한 것은 Ondol이 다시 시도해요.",
        What::ServiceFailing => "Ondol이 계속 다시 시작하고 있고, 다른 기능은 그대로 돌아가요.",
        What::StoreBroken => "사이트는 계속 열려 있고, 알림도 그대로 보내요.",
        What::NobodyServes => "Ondol이 계속 다시 시작하고 있어요.",
        What::BackupOld(_) => "Ondol이 알아서 다시 시도해요.",
        What::BackupUnproven(_) => "Ondol이 알아서 다시 확인해요.",
        What::BackupBroken => {
            "온전한 백업이 확인될 때까지 Ondol은 그곳의 예전 백업을 지우지 않아요."
        }
        What::NoLink | What::RouterSilent | What::InternetAway | What::DnsSilent => {
            "집 안에서는 사이트가 계속 열려 있고, 못 보낸 알림은 다시 연결되면 보내요."
        }
        What::OnBattery(..) | What::UpsSilent(_, true) => {
            "사이트는 계속 열려 있고, 백업 같은 무거운 일은 전기가 들어올 때까지 쉬어요."
        }
        What::BatteryLow(..) => {
            "꺼져도 망가지는 것이 없게, Ondol이 앱과 데이터베이스를 안전하게 멈추고 있어요."
        }
        What::Undeliverable => {
            "Ondol이 메시지를 보관하고 계속 다시 보내요. 다른 방법은 그대로 쓰고 있어요."
        }
        What::Unheard => {
            "Ondol이 계속 보내고 있어요. 그동안 바깥에서 서버가 꺼졌다는 알림이 올 수 있어요."
        }
        What::DrillUnanswered => "알림은 지금까지처럼 모두에게 보내요.",
        What::FileBroken => "Ondol은 그 파일을 건드리지 않았어요.",
        What::BackAfterPowerCut(_) | What::BackAfterShutdown(_) | What::BackAfterCrash(_) => {
            "Ondol이 모두 다시 시작했어요."
        }
        What::Flapping => "한동안 안정될 때까지 Ondol은 이 일로 더 알리지 않아요.",
        What::Status(_)
        | What::NoAnswer
        | What::Slow(..)
        | What::Content
        | What::AppUnwell
        | What::DomainEnds(_)
        | What::DriveFailing
        | What::DriveWorn(_)
        | What::DriveErrors(_)
        | What::Hot(_)
        | What::MemoryPressure(_)
        | What::ClockOff(_)
        | What::ClockFree
        | What::UpsSilent(_, false)
        | What::BatteryWorn
        | What::UpsOverload
        | What::Silent(_)
        | What::ReportedFailure
        | What::Remembered => match subject {
            Subject::Heartbeat(_) => "Ondol이 계속 기다리고, 신호가 다시 오면 알려 드려요.",
            _ => "Ondol이 계속 확인하고, 다시 좋아지면 알려 드려요.",
        },
    }
}
