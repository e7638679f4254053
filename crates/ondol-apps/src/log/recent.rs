//! The newest lines of each process, for the messages that tell why it failed.

use std::collections::VecDeque;
use std::sync::Arc;

use ondol_model::app::Launch;

use super::LogLine;

/// Lines of one process.
const LINES_MAX: usize = 200;
/// Their bytes.
const BYTES_MAX: usize = 64 * 1024;
/// Processes; the one that was silent for longest is forgotten.
const INSTANCES_MAX: usize = 32;

/// Who wrote a line.
type Writer = (Arc<str>, Option<Launch>);

/// The newest lines of an app's processes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Those that wrote last stand last.
    instances: Vec<(Writer, Ring)>,
}

/// The newest lines of one process.
#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<Arc<LogLine>>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, line: &Arc<LogLine>) {
        let mut known = self.instances.iter();
        let place =
            known.position(|((name, launch), _)| *name == line.instance && *launch == line.launch);
        let (writer, mut ring) = match place {
            Some(place) => self.instances.remove(place),
            None => {
                let writer = (Arc::clone(&line.instance), line.launch);
                (writer, Ring::default())
            }
        };
        ring.push(line);
        self.instances.push((writer, ring));
        if self.instances.len() > INSTANCES_MAX {
            self.instances.remove(0);
        }
    }

    /// The newest of those that are wanted, the newest last.
    pub(super) fn tail(&self, is_wanted: impl Fn(&LogLine) -> bool, lines: usize) -> Vec<String> {
        let all = self.instances.iter().flat_map(|(_, ring)| &ring.lines);
        let mut found: Vec<_> = all.filter(|line| is_wanted(line)).collect();
        // Stable, so that lines of one process stay in their order.
        found.sort_by_key(|line| line.at_ms);
        let first = found.len().saturating_sub(lines);
        found[first..]
            .iter()
            .map(|line| line.text.clone())
            .collect()
    }
}

impl Ring {
    fn push(&mut self, line: &Arc<LogLine>) {
        self.bytes += line.text.len();
        self.lines.push_back(Arc::clone(line));
        while self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= oldest.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at_ms: i64, instance: &str, text: &str) -> Arc<LogLine> {
        line_of(at_ms, (instance, None), text)
    }

    fn line_of(at_ms: i64, (instance, launch): (&str, Option<Launch>), text: &str) -> Arc<LogLine> {
        Arc::new(LogLine {
            at_ms,
            instance: instance.into(),
            launch,
            text: text.to_owned(),
        })
    }

    fn of(recent: &Recent, instance: &str, lines: usize) -> Vec<String> {
        recent.tail(|line| &*line.instance == instance, lines)
    }

    #[test]
    fn a_process_of_the_same_name_in_another_launch_is_another_one() {
        let mut recent = Recent::default();
        recent.push(&line_of(1, ("web.1", Some(1)), "old"));
        recent.push(&line_of(2, ("web.1", Some(2)), "new"));
        recent.push(&line_of(3, ("web.1", Some(1)), "old again"));
        assert_eq!(recent.tail(|line| line.launch == Some(2), 9), ["new"]);
        let old = recent.tail(|line| line.launch == Some(1), 9);
        assert_eq!(old, ["old", "old again"]);
    }

    #[test]
    fn a_chatty_process_does_not_hide_what_another_said() {
        let mut recent = Recent::default();
        recent.push(&line(0, "worker.1", "no such table"));
        for number in 0..10_000 {
            recent.push(&line(number, "web.1", "GET /"));
        }
        assert_eq!(of(&recent, "worker.1", 50), ["no such table"]);
        assert_eq!(recent.tail(|_| true, 50), ["GET /"; 50]);
        assert_eq!(recent.tail(|_| true, 10_000).len(), LINES_MAX + 1);
    }

    #[test]
    fn memory_is_bounded_in_lines_bytes_and_processes() {
        let mut recent = Recent::default();
        let long = "x".repeat(16 * 1024);
        for number in 0..100 {
            recent.push(&line(0, &format!("web.{number}"), "short"));
            for _ in 0..10 {
                recent.push(&line(0, &format!("web.{number}"), &long));
            }
        }
        assert_eq!(recent.instances.len(), INSTANCES_MAX);
        assert!(
            recent
                .instances
                .iter()
                .all(|(_, ring)| ring.bytes <= BYTES_MAX && ring.lines.len() <= 4)
        );
        assert!(of(&recent, "web.0", 1).is_empty());
    }
}
