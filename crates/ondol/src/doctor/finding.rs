//! What was found, and in what order it is told. Pure.

use serde::Serialize;

/// Something that was found: what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What part of the box it is about.
    pub(super) area: String,
    pub(super) weight: Weight,
    /// What is wrong, as sentences.
    pub(super) problem: String,
    /// What to do, as sentences; empty where the problem says it.
    pub(super) advice: String,
}

/// How bad it is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Weight {
    /// Something does not work.
    Bad,
    /// Something will not work, or is open to others.
    Warning,
    /// It could be safer; nothing is wrong.
    Advice,
}

impl Finding {
    /// Something does not work.
    pub(super) fn bad(problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(Weight::Bad, problem, advice)
    }

    /// Something will not work, or is open to others.
    pub(super) fn warning(problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(Weight::Warning, problem, advice)
    }

    /// It could be safer.
    pub(super) fn advice(problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(Weight::Advice, problem, advice)
    }

    fn of(weight: Weight, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            area: String::new(),
            weight,
            problem: problem.into(),
            advice: advice.into(),
        }
    }
}

/// All that was found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    /// The findings, the worst first.
    pub(super) findings: Vec<Finding>,
    /// Parts of the box in which nothing was found.
    pub(super) well: Vec<String>,
    /// What could not be looked at, a few words each.
    pub(super) skipped: Vec<String>,
}

impl Report {
    /// Takes what was found in a part of the box; nothing is good.
    pub(super) fn found(&mut self, area: &str, findings: Vec<Finding>) {
        if findings.is_empty() {
            let is_troubled = self.findings.iter().any(|finding| finding.area == area);
            if !is_troubled && !self.well.iter().any(|well| well == area) {
                self.well.push(area.to_owned());
            }
        }
        for finding in findings {
            self.well.retain(|well| well != area);
            let is_told = self
                .findings
                .iter()
                .any(|other| other.problem == finding.problem);
            if !is_told {
                let area = area.to_owned();
                self.findings.push(Finding { area, ..finding });
            }
        }
    }

    /// Notes what could not be looked at.
    pub(super) fn skipped(&mut self, what: &str) {
        self.skipped.push(what.to_owned());
    }

    /// The worst first; those alike stay in the order in which they were found.
    pub(super) fn sort(&mut self) {
        self.findings.sort_by_key(|finding| finding.weight);
    }

    /// Whether something is wrong; advice is for better days.
    pub(super) fn is_wrong(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.weight < Weight::Advice)
    }
}
