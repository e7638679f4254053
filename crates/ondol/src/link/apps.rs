//! What travels over the link about apps. Names and addresses travel as text; what can't be read is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_model::app;
use ondol_model::app::AppName;
use ondol_model::app::Launch;
use ondol_model::upstream::Address;
use ondol_model::upstream::Upstream;
use serde::Deserialize;
use serde::Serialize;

/// What visitors get of each app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// Whose sequence it is: another image of the agent may count from the beginning.
    pub(crate) agent: u64,
    /// See [`Traffic::applied`].
    pub(crate) sequence: u64,
    pub(crate) apps: BTreeMap<String, Endpoint>,
}

/// What visitors get of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) state: EndpointState,
    /// Launches that finish what they have.
    pub(crate) retiring: Vec<Launch>,
    /// Launches whose requests and tunnels end now.
    pub(crate) cut: Vec<Launch>,
}

/// See [`app::EndpointState`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum EndpointState {
    Ready {
        launch: Launch,
        servers: Vec<String>,
    },
    Held {
        wait_ms: u64,
    },
    Asleep {
        wait_ms: u64,
    },
    Failed,
    Stopped,
    /// Of a later version; visitors wait.
    #[serde(other)]
    Unknown,
}

/// What visitors of apps do. It is measured after `applied` was, so a launch that is not named by that value and
/// has nothing here will never have anything again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// Whose sequence it is.
    pub(crate) agent: u64,
    /// Every worker acts by the endpoints of this number.
    pub(crate) applied: u64,
    pub(crate) apps: BTreeMap<String, AppTraffic>,
}

/// What the visitors of one app do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppTraffic {
    /// Requests that wait.
    pub(crate) held: u32,
    pub(crate) launches: Vec<LaunchTraffic>,
}

/// The requests of one launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaunchTraffic {
    pub(crate) launch: Launch,
    pub(crate) in_flight: u32,
    pub(crate) tunnels: u32,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
}

impl Endpoints {
    /// The value of this image of the agent, as it travels.
    pub(crate) fn new(agent: u64, endpoints: &app::Endpoints) -> Self {
        let app::Endpoints { sequence, apps } = endpoints;
        let apps = apps.iter();
        let apps = apps.map(|(name, endpoint)| (name.to_string(), endpoint.into()));
        Self {
            agent,
            sequence: *sequence,
            apps: apps.collect(),
        }
    }

    /// The value as it arrived.
    pub(crate) fn into_model(self) -> app::Endpoints {
        let apps = self.apps.into_iter().filter_map(|(name, endpoint)| {
            let Endpoint {
                state,
                retiring,
                cut,
            } = endpoint;
            let endpoint = app::Endpoint {
                state: state.into_model()?,
                retiring,
                cut,
            };
            Some((AppName::parse(&name).ok()?, endpoint))
        });
        app::Endpoints {
            sequence: self.sequence,
            apps: apps.collect(),
        }
    }
}

impl From<&app::Endpoint> for Endpoint {
    fn from(endpoint: &app::Endpoint) -> Self {
        let app::Endpoint {
            state,
            retiring,
            cut,
        } = endpoint;
        Self {
            state: state.into(),
            retiring: retiring.clone(),
            cut: cut.clone(),
        }
    }
}

impl From<&app::EndpointState> for EndpointState {
    fn from(state: &app::EndpointState) -> Self {
        let milliseconds = |wait: &Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match state {
            app::EndpointState::Ready { launch, servers } => Self::Ready {
                launch: *launch,
                servers: servers.iter().map(text_of).collect(),
            },
            app::EndpointState::Held { wait } => Self::Held {
                wait_ms: milliseconds(wait),
            },
            app::EndpointState::Asleep { wait } => Self::Asleep {
                wait_ms: milliseconds(wait),
            },
            app::EndpointState::Failed => Self::Failed,
            app::EndpointState::Stopped => Self::Stopped,
        }
    }
}

impl EndpointState {
    fn into_model(self) -> Option<app::EndpointState> {
        Some(match self {
            Self::Ready { launch, servers } => app::EndpointState::Ready {
                launch,
                servers: servers.iter().filter_map(|it| address_of(it)).collect(),
            },
            Self::Held { wait_ms } => app::EndpointState::Held {
                wait: Duration::from_millis(wait_ms),
            },
            Self::Asleep { wait_ms } => app::EndpointState::Asleep {
                wait: Duration::from_millis(wait_ms),
            },
            Self::Failed => app::EndpointState::Failed,
            Self::Stopped => app::EndpointState::Stopped,
            Self::Unknown => return None,
        })
    }
}

impl Traffic {
    /// What a data plane says, by the sequence of this image of the agent.
    pub(crate) fn new(agent: u64, traffic: &app::Traffic) -> Self {
        let app::Traffic {
            applied,
            apps,
            held,
        } = traffic;
        let mut all = BTreeMap::<_, AppTraffic>::new();
        for (app, launches) in apps {
            let launches = launches.iter();
            let launches = launches.map(|(launch, traffic)| LaunchTraffic::new(*launch, *traffic));
            all.entry(app.to_string()).or_default().launches = launches.collect();
        }
        for (app, held) in held {
            all.entry(app.to_string()).or_default().held = *held;
        }
        Self {
            agent,
            applied: *applied,
            apps: all,
        }
    }

    /// The same, as it arrived.
    pub(crate) fn into_model(self) -> app::Traffic {
        let mut traffic = app::Traffic {
            applied: self.applied,
            ..app::Traffic::default()
        };
        for (name, AppTraffic { held, launches }) in self.apps {
            let Ok(name) = AppName::parse(&name) else {
                continue;
            };
            if held > 0 {
                traffic.held.insert(name.clone(), held);
            }
            let launches = launches.into_iter().map(LaunchTraffic::into_model);
            traffic.apps.insert(name, launches.collect());
        }
        traffic
    }
}

impl LaunchTraffic {
    fn new(launch: Launch, traffic: app::LaunchTraffic) -> Self {
        let app::LaunchTraffic {
            in_flight,
            tunnels,
            requests,
            failed,
        } = traffic;
        Self {
            launch,
            in_flight,
            tunnels,
            requests,
            failed,
        }
    }

    fn into_model(self) -> (Launch, app::LaunchTraffic) {
        let Self {
            launch,
            in_flight,
            tunnels,
            requests,
            failed,
        } = self;
        let traffic = app::LaunchTraffic {
            in_flight,
            tunnels,
            requests,
            failed,
        };
        (launch, traffic)
    }
}

fn text_of(address: &Address) -> String {
    Upstream::from(address.clone()).to_string()
}

fn address_of(text: &str) -> Option<Address> {
    Upstream::parse(text).map(|upstream| upstream.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AppName {
        AppName::parse(text).unwrap()
    }

    #[test]
    fn endpoints_arrive_as_they_were_sent() {
        let wait = Duration::from_millis(1_500);
        let tcp = Address::Tcp {
            host: "::1".to_owned(),
            port: 80,
        };
        let servers = vec![Address::Unix("/run/ondol/a b".into()), tcp];
        let states = [
            app::EndpointState::Ready { launch: 7, servers },
            app::EndpointState::Held { wait },
            app::EndpointState::Asleep { wait },
            app::EndpointState::Failed,
            app::EndpointState::Stopped,
        ];
        let apps = states.into_iter().enumerate().map(|(index, state)| {
            let endpoint = app::Endpoint {
                state,
                retiring: vec![5, 6],
                cut: vec![5],
            };
            (name(&format!("app-{index}")), endpoint)
        });
        let endpoints = app::Endpoints {
            sequence: 9,
            apps: apps.collect(),
        };
        let text = serde_json::to_string(&Endpoints::new(3, &endpoints)).unwrap();
        let arrived: Endpoints = serde_json::from_str(&text).unwrap();
        assert_eq!(arrived.agent, 3);
        assert_eq!(arrived.into_model(), endpoints);
    }

    #[test]
    fn a_state_of_a_later_version_makes_visitors_wait() {
        let text = r#"{"agent":1,"sequence":2,"apps":{"a":{"state":{"is":"dancing","steps":2},"retiring":[],"cut":[]}}}"#;
        let arrived: Endpoints = serde_json::from_str(text).unwrap();
        let endpoints = arrived.into_model();
        assert!(endpoints.sequence == 2 && endpoints.apps.is_empty());
    }

    #[test]
    fn traffic_arrives_as_it_was_sent() {
        let busy = app::LaunchTraffic {
            in_flight: 1,
            tunnels: 2,
            requests: 3,
            failed: 4,
        };
        let traffic = app::Traffic {
            applied: 8,
            apps: BTreeMap::from([(name("a"), BTreeMap::from([(1, busy), (2, busy)]))]),
            held: BTreeMap::from([(name("a"), 5)]),
        };
        let text = serde_json::to_string(&Traffic::new(3, &traffic)).unwrap();
        let arrived: Traffic = serde_json::from_str(&text).unwrap();
        assert_eq!(arrived.agent, 3);
        assert_eq!(arrived.into_model(), traffic);
    }
}
