//! Rest: an app that nobody asks for ends until somebody does.

use ondol_base::clock;
use ondol_model::app::Look;

use super::App;
use super::job::Job;
use super::scene::Mode;

impl App {
    /// Looks at what nobody announces.
    pub(super) fn look(&mut self) {
        if self.again_at.is_some_and(|at| at <= clock::now()) {
            self.again_at = None;
            if self.scene.what() == Mode::Fail {
                self.jobs.push_back(Job::Begin);
            }
        }
        let wanted = self.wanted();
        let Some(limit) = wanted.app.idle_stop else {
            return;
        };
        let is_free = self.running.is_none() && self.jobs.is_empty();
        let live = self.scene.live();
        let Some(live) = live.filter(|_| is_free && self.scene.what() == Mode::Serve) else {
            return;
        };
        let usages = live.statuses().into_iter().map(|one| one.usage);
        let used = usages
            .map(|usage| usage.map(|usage| usage.cpu_us))
            .sum::<Option<u64>>();
        let idle = self.idle.look(Look {
            at: std::time::Duration::from_micros(clock::monotonic_us()),
            traffic: self.scene.stage.traffic(live.launch()),
            held: self.scene.stage.held(),
            cpu_us: used,
        });
        if idle >= limit {
            self.jobs.push_back(Job::Sleep);
        }
    }

    /// A visitor asks for it.
    pub(super) fn wake(&mut self) {
        let is_asked = self.jobs.iter().any(|job| matches!(job, Job::Wake));
        let sleeps = self.scene.what() == Mode::Sleep;
        if sleeps && !is_asked {
            self.jobs.push_back(Job::Wake);
        }
    }
}
