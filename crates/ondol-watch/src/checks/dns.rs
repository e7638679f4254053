//! Whether names can be looked up, by the resolver that the programs of this box use.

use std::time::Duration;

use ondol_base::tasks;
use ondol_model::Plan;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A name that is always there, for who has none of their own (RFC 2606).
const ALWAYS: &str = "example.com";
const LIMIT: Duration = Duration::from_secs(10);

/// Asks the resolver; a question that hangs is not asked again until it ends.
#[derive(Debug, Default)]
pub(super) struct DnsWatch {
    hanging: Option<JoinHandle<Result<(), String>>>,
}

impl DnsWatch {
    /// Looks once. Where nobody far away is to be asked, neither is a resolver.
    pub(super) async fn look(&mut self, plan: &Plan) -> Vec<Observation> {
        if plan.care.watch.internet.is_empty() {
            return vec![Observation::pass(Subject::Dns)];
        }
        let own = own_name(plan);
        let asked = own.clone().unwrap_or_else(|| ALWAYS.to_owned());
        let mut found = self.find(asked).await;
        if found.is_err() && own.is_some() {
            // The name may be gone, and the resolver well.
            found = self.find(ALWAYS.to_owned()).await;
        }
        vec![match found {
            Ok(()) => Observation::pass(Subject::Dns),
            Err(detail) => {
                let silent = Finding::saying(What::DnsSilent, detail);
                Observation::warn(Subject::Dns, silent)
            }
        }]
    }

    async fn find(&mut self, name: String) -> Result<(), String> {
        let mut question = match self.hanging.take() {
            Some(hanging) => hanging,
            None => tasks::spawn_blocking(move || resolve(&name)),
        };
        match timeout(LIMIT, &mut question).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                self.hanging = Some(question);
                Err(format!(
                    "the resolver did not answer within {} s",
                    LIMIT.as_secs()
                ))
            }
        }
    }
}

/// Blocks for as long as the system's resolver likes.
fn resolve(name: &str) -> Result<(), String> {
    let found = std::net::ToSocketAddrs::to_socket_addrs(&(name, 443));
    found.map(|_| ()).map_err(|error| error.to_string())
}

/// The first name of the box that everybody can look up.
fn own_name(plan: &Plan) -> Option<String> {
    let names = plan.sites.iter().filter_map(|site| site.name.exact());
    let mut public = names.filter(|name| !name.is_private() && !name.is_reserved());
    public.next().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use ondol_model::plan::Scheme;
    use ondol_model::watch::State;

    use super::super::sample;
    use super::*;

    #[test]
    fn a_name_that_everybody_knows_is_asked_for() {
        let plan = |names: &[&str]| {
            let sites = names.iter().map(|name| sample::site(name, Scheme::Https));
            sample::plan(sites.collect())
        };
        let name = own_name(&plan(&["nas.lan", "*.mine.kr", "blog.mine.kr"]));
        assert_eq!(name.as_deref(), Some("blog.mine.kr"));
        assert_eq!(own_name(&plan(&["nas.lan", "a.example.com"])), None);
    }

    #[tokio::test]
    async fn a_question_that_hangs_is_not_asked_twice() {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let hanging = tasks::spawn_blocking(move || wait.recv().map_err(|error| error.to_string()));
        let mut watch = DnsWatch {
            hanging: Some(hanging),
        };
        go.send(()).unwrap();
        assert_eq!(watch.find("no.invalid".to_owned()).await, Ok(()));
        assert!(watch.hanging.is_none());
    }

    #[tokio::test]
    async fn where_nobody_far_away_is_asked_no_resolver_is() {
        let mut plan = sample::plan(Vec::new());
        plan.care.watch.internet.clear();
        let seen = DnsWatch::default().look(&plan).await.remove(0);
        assert_eq!(seen.state, State::Pass);
    }
}
