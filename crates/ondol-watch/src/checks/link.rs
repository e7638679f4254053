//! Whether the cable is in, or the radio heard: on the way out of the house.

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;

use super::machine::Machine;
use super::routes;

const INTERFACES: &str = "/sys/class/net";

/// Looks at the interface of the default route, and remembers it: without a cable there is no route.
#[derive(Debug, Default)]
pub(super) struct LinkWatch {
    interface: Option<String>,
}

impl LinkWatch {
    /// Looks once.
    pub(super) async fn look(&mut self, machine: &Machine) -> Vec<Observation> {
        let before = self.interface.clone();
        let read = move |machine: &Machine| {
            let route = routes::default_route(machine);
            let interface = route.map(|route| route.interface).or(before);
            (observe(machine, interface.as_deref()), interface)
        };
        let Some((seen, interface)) = machine.read(read).await else {
            return Vec::new();
        };
        self.interface = interface;
        vec![seen]
    }
}

fn observe(machine: &Machine, interface: Option<&str>) -> Observation {
    let away = |interface: &str| {
        let no_link = Finding::saying(What::NoLink, interface);
        Observation::fail(Subject::Link, no_link)
    };
    match interface {
        Some(interface) if is_linked(machine, interface) => Observation::pass(Subject::Link),
        Some(interface) => away(interface),
        None => {
            let names = machine.names(INTERFACES);
            let physical: Vec<_> = names
                .iter()
                .filter(|name| {
                    machine
                        .path(&format!("{INTERFACES}/{name}/device"))
                        .exists()
                })
                .collect();
            match physical.first() {
                // A container, or a machine that is meant to be alone.
                None => Observation::unknown(Subject::Link),
                Some(_) if physical.iter().any(|name| is_linked(machine, name)) => {
                    Observation::pass(Subject::Link)
                }
                Some(first) => away(first),
            }
        }
    }
}

/// The carrier of an interface that is down can't be read; one that knows of none (a tunnel) is up without.
fn is_linked(machine: &Machine, interface: &str) -> bool {
    let text = |what: &str| machine.text(&format!("{INTERFACES}/{interface}/{what}"));
    match text("carrier").as_deref() {
        Some("1") => true,
        Some("0") => false,
        Some(_) | None => {
            let state = text("operstate");
            state.is_some_and(|state| state == "up" || state == "unknown")
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;

    use super::super::machine::tests::machine;
    use super::super::machine::tests::put;
    use super::*;

    #[tokio::test]
    async fn a_cable_that_is_pulled_takes_the_route_with_it() {
        let route = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
        let carrier = "/sys/class/net/eth0/carrier";
        let (_folder, machine) = machine(&[("/proc/net/route", route), (carrier, "1")]);
        let mut watch = LinkWatch::default();
        assert_eq!(watch.look(&machine).await[0].state, State::Pass);
        put(&machine, "/proc/net/route", "");
        put(&machine, carrier, "0");
        let seen = watch.look(&machine).await.remove(0);
        assert_eq!(seen.finding, Some(Finding::saying(What::NoLink, "eth0")));
        put(&machine, carrier, "1");
        assert_eq!(watch.look(&machine).await[0].state, State::Pass);
    }

    #[test]
    fn interfaces_without_a_route_count_when_they_are_real() {
        let (_folder, machine) = machine(&[("/sys/class/net/lo/carrier", "1")]);
        let state = |machine: &Machine| observe(machine, None).state;
        assert_eq!(state(&machine), State::Unknown);
        put(&machine, "/sys/class/net/eth0/device/vendor", "x");
        put(&machine, "/sys/class/net/eth0/operstate", "down");
        assert_eq!(state(&machine), State::Fail);
        put(&machine, "/sys/class/net/eth0/operstate", "unknown");
        assert_eq!(state(&machine), State::Pass);
    }
}
