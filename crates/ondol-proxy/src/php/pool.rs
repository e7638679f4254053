//! The php-fpm pool that an app is: held, woken and counted as any app, and asked in FastCGI.

use std::cell::RefCell;
use std::rc::Rc;

use ondol_model::Plan;
use ondol_model::app::AppName;
use ondol_model::plan::Proxy;
use ondol_model::upstream::KeptConnections;
use ondol_model::upstream::Upstream;

use crate::apps::Apps;
use crate::apps::Ready;
use crate::apps::Room;
use crate::upstream::Servers;
use crate::view::Pools;

/// A pool, of one worker.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) room: Rc<Room>,
    kept: KeptConnections,
    /// Those of the launch that was asked last, by its key.
    servers: RefCell<Option<(u64, Rc<Servers>)>>,
}

impl Pool {
    pub(super) fn new(app: &AppName, plan: &Plan, (apps, pools): (&Apps, &Pools)) -> Self {
        let known = plan.apps.iter().find(|known| known.name == *app);
        let children = known.and_then(|known| Some(known.php.as_ref()?.children));
        Self {
            room: apps.room(app, pools),
            kept: kept(children.unwrap_or(0), apps.workers()),
            servers: RefCell::default(),
        }
    }

    /// The servers of a launch, to be asked in FastCGI.
    pub(crate) fn servers(&self, ready: &Ready, pools: &Pools) -> Rc<Servers> {
        let key = ready.launched.key();
        let mut known = self.servers.borrow_mut();
        if let Some((of, servers)) = &*known {
            if *of == key {
                return Rc::clone(servers);
            }
            servers.close_idle(); // Those of the launch before may wait for it, to end.
        }
        let addresses = ready.addresses.iter().cloned();
        let upstreams = addresses.map(|address| Upstream::fast_cgi(address, self.kept));
        let servers = Rc::new(pools.servers(&Proxy::to(upstreams.collect())));
        *known = Some((key, Rc::clone(&servers)));
        servers
    }
}

/// How many connections each worker keeps: together no more than half of the processes, so that one is always
/// there for a worker that has none.
fn kept(children: u16, workers: usize) -> KeptConnections {
    let kept = usize::from(children / 2) / workers.max(1);
    KeptConnections(u16::try_from(kept).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_processes_are_nobodys() {
        for (children, workers, expected) in [
            (0, 2, 0),
            (1, 1, 0),
            (5, 2, 1),
            (5, 16, 0),
            (8, 2, 2),
            (64, 4, 8),
            (8, 0, 4),
        ] {
            let found = kept(children, workers);
            assert_eq!(found, KeptConnections(expected), "{children} {workers}");
        }
    }
}
