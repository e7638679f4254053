//! Parts of the box are killed at any moment under load: what was under way in that part fails, and nothing else.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use rustix::process::Pid;
use rustix::process::Signal;

use crate::harness::eventually;
use crate::harness::get;

use super::Host;

/// Visitors that ask at the same time, each again and again.
const VISITORS: u64 = 4;
/// Kills, all parts together.
const KILLS: u64 = 20;

struct Visitors {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Visitors {
    fn come(host: &Host) -> Self {
        let (stop, http) = (Arc::new(AtomicBool::new(false)), host.http());
        let (answered, failed): (Arc<AtomicU64>, Arc<AtomicU64>) = Default::default();
        let visit = || {
            let (stop, answered, failed) = (stop.clone(), answered.clone(), failed.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let counter = match get(http, "a.test") {
                        Ok(answer) if answer.starts_with("version=") => &answered,
                        Ok(_) | Err(_) => &failed,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let threads = (0..VISITORS).map(|_| visit()).collect();
        Self {
            stop,
            answered,
            failed,
            threads,
        }
    }

    /// So many more answers.
    fn go_on(&self, answers: u64) {
        let until = self.answered.load(Ordering::Relaxed) + answers;
        eventually("more answers", || {
            (self.answered.load(Ordering::Relaxed) >= until).then_some(())
        });
    }

    fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn leave(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// The processes of the app.
fn instances(host: &Host) -> Vec<Pid> {
    let json: serde_json::Value = serde_json::from_str(&host.done(&["apps", "--json"])).unwrap();
    let instances = json["apps"][0]["instances"].as_array().unwrap();
    let pids = instances.iter().filter_map(|one| one["pid"].as_i64());
    let pids = pids.map(|pid| Pid::from_raw(i32::try_from(pid).unwrap()).unwrap());
    pids.collect()
}

/// Not twice the same order, and still the same in each run.
fn some(round: u64, of: u64) -> u64 {
    let mixed = (round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) % of
}

#[test]
fn only_what_was_under_way_in_the_killed_part_fails() {
    let mut host = Host::with("listen = \"fd\"\ninstances = 2\nhealth = { path = \"/up\" }");
    host.answers("1");
    // The next agent listens where this one did.
    let text = fs::read_to_string(host.path("ondol.toml")).unwrap();
    let text = text.replace("127.0.0.1:0", &host.http().to_string());
    host.running().folders.configure(&text);
    for round in 0..KILLS {
        eventually("both processes run", || {
            (instances(&host).len() == 2).then_some(())
        });
        let before: Vec<Pid> = instances(&host);
        let visitors = Visitors::come(&host);
        visitors.go_on(10 + some(round, 40));
        let failed = visitors.failed();
        assert_eq!(failed, 0, "round {round}: before anything was killed");
        match round % 3 {
            0 => {
                let one = before[usize::try_from(some(round, 2)).unwrap()];
                rustix::process::kill_process(one, Signal::KILL).unwrap();
            }
            1 => {
                let (_, plane) = host.running().generation();
                rustix::process::kill_process(plane, Signal::KILL).unwrap();
            }
            _ => {
                // With it goes the data plane, and nobody is there until the next agent is.
                let (_, plane) = host.running().generation();
                let running = host.running.take().unwrap();
                host.running = Some(running.start_after(|_| {
                    visitors.stop.store(true, Ordering::Relaxed);
                    // As a supervisor does, which waits for all of the service's processes.
                    eventually("its data plane ends", || {
                        rustix::process::test_kill_process(plane).err()
                    });
                }));
                visitors.leave();
                eventually("the next agent has the same processes", || {
                    (instances(&host) == before).then_some(())
                });
                let again = Visitors::come(&host);
                again.go_on(20);
                assert_eq!(
                    again.failed(),
                    0,
                    "round {round}: after the agent came back"
                );
                again.leave();
                continue;
            }
        }
        visitors.go_on(50);
        let failed = visitors.failed();
        visitors.leave();
        assert!(
            failed <= VISITORS,
            "round {round}: {failed} requests failed"
        );
        if round % 3 == 1 {
            assert_eq!(
                instances(&host),
                before,
                "round {round}: apps outlive a data plane"
            );
        } else {
            // It waits longer after each end; the owner need not.
            eventually("it is started again", || {
                host.done(&["start", "coffee"]);
                (instances(&host).len() == 2).then_some(())
            });
        }
    }
}
