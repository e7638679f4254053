//! The lists of a box that is well, and of one that is not.

use ondol_admin::api::HealthState;
use ondol_admin::api::WatchChannel;
use ondol_admin::api::WatchPerson;
use ondol_admin::api::WatchSubject;

use super::*;
use crate::output::Color;

/// 2026-03-01 04:05:06 UTC.
const NOW: i64 = 1_772_337_906;

fn ago(seconds: i64) -> Time {
    Time::from_unix_seconds(NOW - seconds)
}

fn shown(alarms: &Alarms, watch: &Watch) -> String {
    let view = View {
        now: NOW,
        zone: Some("UTC"),
        screen: Screen {
            width: Some(100),
            color: Color::Plain,
        },
    };
    view.render(alarms, watch)
}

fn people() -> Watch {
    let channel = |channel: &str, trouble: Option<&str>| WatchChannel {
        channel: channel.to_owned(),
        delivered_at: None,
        trouble: trouble.map(str::to_owned),
    };
    let me = WatchPerson {
        name: "me".to_owned(),
        channels: vec![channel("email", None), channel("ntfy", Some("404"))],
        answered_at: None,
    };
    Watch {
        people: vec![me],
        ..Watch::default()
    }
}

fn silenced_site() -> WatchSubject {
    WatchSubject {
        subject: "site:shop.example.com".to_owned(),
        kind: "site".to_owned(),
        name: "shop.example.com".to_owned(),
        state: HealthState::Pass,
        since: ago(600),
        sentence: String::new(),
        seen_at: None,
        took_ms: None,
        uptime: None,
        values: std::collections::BTreeMap::new(),
        silenced_until: Some(ago(-7_200)),
    }
}

#[test]
fn a_box_that_is_well_says_so_and_who_would_not_be_told() {
    assert_eq!(
        shown(&Alarms::default(), &Watch::default()),
        "\
Nothing is wrong.

! Nobody is told of anything: [people] in the configuration says who is.
"
    );
    let mut watch = people();
    watch.silenced_until = Some(ago(-3_600));
    watch.subjects = vec![silenced_site()];
    assert_eq!(
        shown(&Alarms::default(), &watch),
        "\
Nothing is wrong.

! Nobody is told of anything until 2026-03-01 05:05: `ondol alarm silence --off` ends that.
! Nobody is told of site:shop.example.com until 2026-03-01 06:05: `ondol alarm silence
  site:shop.example.com --off` ends that.
! me is not reached by ntfy: 404
"
    );
}

#[test]
fn what_is_wrong_stands_above_what_was_sent_about_it() {
    let mut watch = people();
    watch.people[0].channels[1].trouble = None;
    let open = Incident {
        id: 8,
        subject: "app:blog".to_owned(),
        also: vec!["site:blog.example.com".to_owned()],
        severity: AlarmSeverity::Critical,
        began_at: ago(600),
        ended_at: None,
        sentence: "blog ends again and again.".to_owned(),
        acknowledged_by: None,
        told: vec!["me".to_owned()],
    };
    let over = Incident {
        id: 7,
        subject: "internet".to_owned(),
        also: Vec::new(),
        sentence: String::new(),
        ended_at: Some(ago(80_000)),
        began_at: ago(86_400),
        acknowledged_by: Some("me".to_owned()),
        ..open.clone()
    };
    let message = |outcome: Option<&str>, error: Option<&str>| AlarmMessage {
        id: 1,
        incident: Some(8),
        person: "me".to_owned(),
        channel: "email".to_owned(),
        kind: "problem".to_owned(),
        severity: AlarmSeverity::Critical,
        title: "blog is down".to_owned(),
        text: String::new(),
        queued_at: ago(540),
        tries: 2,
        next_at: outcome.is_none().then(|| ago(-60)),
        outcome: outcome.map(str::to_owned),
        ended_at: outcome.map(|_| ago(500)),
        error: error.map(str::to_owned),
    };
    let alarms = Alarms {
        incidents: vec![open, over],
        messages: vec![
            message(None, Some("nobody answers at mail.example.com.")),
            message(Some("delivered"), None),
        ],
    };
    assert_eq!(
        shown(&alarms, &watch),
        "\
ID  SEVERITY  SINCE                          WHAT                                  TOLD  ANSWERED BY
 8  critical  10 min ago                     blog ends again and again. (with it   me    -
                                             site:blog.example.com)
 7  critical  2026-02-28 04:05, for 106 min  internet                              me    me

MESSAGE    TO         TITLE         QUEUED     WHAT BECAME OF IT
problem 8  me, email  blog is down  9 min ago  tried 2 times, again in 60 s: nobody answers at
                                               mail.example.com
problem 8  me, email  blog is down  9 min ago  arrived 8 min ago
"
    );
}
