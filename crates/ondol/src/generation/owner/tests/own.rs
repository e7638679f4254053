//! What data planes are told to answer by themselves, and the reports that come in by it.

use ondol_model::watch::PingKind;
use ondol_watch::Ping;
use ondol_watch::Request;

use super::*;
use crate::link::Own;
use crate::link::TakesPings;

/// What is answered, where reports arrive, and the owner's end.
pub(super) fn ends() -> (watch::Sender<Arc<Own>>, mpsc::Receiver<Request>, OwnReader) {
    let (told, own) = watch::channel(Arc::default());
    let (requests, asked) = mpsc::channel(2);
    (told, asked, OwnReader { own, requests })
}

fn own(state: &str) -> Own {
    let takes = TakesPings {
        site: "a.com".to_owned(),
        token: "secret-token".to_owned(),
        name: "parents".to_owned(),
    };
    Own {
        state: state.to_owned(),
        health: vec![("a.com".to_owned(), "/health".to_owned())],
        pings: vec![takes],
    }
}

impl Played {
    /// Waits until it is told what to answer by itself.
    async fn told_own(&mut self) -> Own {
        loop {
            if let Down::Own(own) = self.link.next().await.unwrap() {
                return own;
            }
        }
    }
}

fn ping(says: &str) -> Up {
    Up::Ping(link::Ping {
        name: "parents".to_owned(),
        says: says.to_owned(),
        said: "all is well".to_owned(),
    })
}

#[tokio::test]
async fn every_data_plane_is_told_what_to_answer_also_one_that_drains() {
    let (mut draining, first) = Played::new(6, Phase::Draining);
    let (mut serving, second) = Played::new(7, Phase::Serving);
    let (_, apps) = endpoints::pair();
    let (told, _asked, reader) = ends();
    told.send_replace(Arc::new(own("pass")));
    let owner = at_work_with_own("info", vec![first, second], apps, reader);
    for played in [&mut draining, &mut serving] {
        // Any word of it shows that it reads.
        played.says(&[Up::Counters(Counters::default())]).await;
        assert_eq!(played.told_own().await, own("pass"));
    }
    told.send_replace(Arc::new(own("fail")));
    for played in [&mut draining, &mut serving] {
        played.says(&[Up::Counters(Counters::default())]).await;
        assert_eq!(played.told_own().await, own("fail"));
    }
    drop(owner);
}

#[tokio::test]
async fn a_report_goes_to_who_judges_it_and_too_many_break_nothing() {
    let (mut serving, adopted) = Played::new(7, Phase::Serving);
    let (_, apps) = endpoints::pair();
    let (_told, mut asked, reader) = ends();
    let owner = at_work_with_own("info", vec![adopted], apps, reader);
    let mut next = async |says: &str| {
        serving.says(&[ping(says)]).await;
        let Some(Request::Ping(Ping { name, kind, body })) = asked.recv().await else {
            panic!("something else was asked");
        };
        assert_eq!((&*name, &*body), ("parents", "all is well"));
        kind
    };
    assert_eq!(next("").await, PingKind::Success);
    assert_eq!(next("start").await, PingKind::Start);
    assert_eq!(next("7").await, PingKind::Exit(7));
    assert_eq!(next("of a later version").await, PingKind::Log);
    let many: Vec<_> = (0..20).map(|_| ping("fail")).collect();
    serving.says(&many).await;
    assert!(asked.recv().await.is_some());
    drop(owner);
}

#[test]
fn a_token_is_in_no_log() {
    let shown = format!("{:?}", Down::Own(own("pass")));
    assert!(
        shown.contains("parents") && !shown.contains("secret-token"),
        "{shown}"
    );
}
