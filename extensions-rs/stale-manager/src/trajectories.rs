//! Decisions joined with what became of them: the outcome of the task and of its run, the parts of a reward, and what the
//! run is worth. The schema stands in `docs/guides/retention.md`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use serde_json::{Value as Json, json};
use symphony_protocol::{ExportTrajectories, Exported, NodeView, ReadRun, RunView, decode};
use symphony_sdk::Error;
use symphony_sdk::clock::wall_ms;

use crate::archive::Archive;
use crate::catalogue::EVERYBODY;
use crate::core::worth::Worth;
use crate::decisions::Fields;
use crate::service::State;

/// Runs whose records are kept unpacked: those whose decisions lie near one another.
const RUNS_MAX: usize = 256;

/// An archived run, as far as its decisions are joined with it.
struct Outcome {
    view: RunView,
    retried: u64,
}

struct Join {
    worths: HashMap<String, (Worth, String)>,
    outcomes: HashMap<String, Option<Outcome>>,
}

/// Write a time span's decisions, joined. The archive is locked a record at a time only.
pub(crate) fn export(state: &Arc<State>, ask: &ExportTrajectories) -> Result<Exported, Error> {
    let now_ms = wall_ms();
    let locked = || state.archive.lock().unwrap_or_else(PoisonError::into_inner);
    let mut joined = Join::new(&locked(), now_ms)?;
    state.decisions.export(ask, now_ms, |entry| {
        let run = entry
            .get("run")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        if !joined.outcomes.contains_key(&run) {
            joined.read(&locked(), &run)?;
        }
        joined.add(entry, &run);
        Ok(())
    })
}

impl Join {
    fn new(archive: &Archive, now_ms: u64) -> Result<Self, Error> {
        let (facts, plan) = archive.judge(&archive.policy, now_ms)?;
        let each = facts.into_iter().zip(plan.judged);
        Ok(Self {
            worths: each
                .map(|(fact, judged)| (fact.run, (judged.worth, fact.shape.name())))
                .collect(),
            outcomes: HashMap::new(),
        })
    }

    fn read(&mut self, archive: &Archive, run: &str) -> Result<(), Error> {
        if self.outcomes.len() >= RUNS_MAX {
            self.outcomes.clear();
        }
        let ask = ReadRun {
            run: run.to_owned(),
            ..Default::default()
        };
        let found = archive.read(&ask, EVERYBODY)?;
        let view = found.view.and_then(|view| decode::<RunView>(&view).ok());
        let retried = found.summary.map_or(0, |summary| summary.tasks.retried);
        self.outcomes
            .insert(run.to_owned(), view.map(|view| Outcome { view, retried }));
        Ok(())
    }

    fn add(&self, entry: &mut Fields, run: &str) {
        if let Some((worth, shape)) = self.worths.get(run) {
            let mut told: Fields = worth
                .parts()
                .map(|(name, part)| (name.to_owned(), json!(part)))
                .into_iter()
                .collect();
            told.insert("value".to_owned(), json!(worth.value));
            told.insert("shape".to_owned(), json!(shape));
            entry.insert("worth".to_owned(), Json::Object(told));
        }
        let Some(Some(outcome)) = self.outcomes.get(run) else {
            return;
        };
        let task = entry.get("task").and_then(Json::as_str);
        let node = outcome
            .view
            .nodes
            .iter()
            .find(|node| Some(node.task.as_str()) == task);
        entry.insert("outcome".to_owned(), outcome.told(node));
        entry.insert("reward".to_owned(), outcome.reward(node));
    }
}

impl Outcome {
    fn told(&self, node: Option<&NodeView>) -> Json {
        let error = node
            .and_then(|node| node.error.as_ref())
            .or(self.view.error.as_ref());
        json!({
            "run_status": self.view.status,
            "task_status": node.map(|node| &node.status),
            "attempts": node.map(|node| node.attempts),
            "error_kind": error.map(|error| &error.kind),
        })
    }

    /// Seconds count against it: what is larger is better.
    fn reward(&self, node: Option<&NodeView>) -> Json {
        let seconds = |micros: u64| -(micros as f64 / 1e6);
        json!({
            "success": f64::from(u8::from(self.view.status == "succeeded")),
            "task_success": node.map(|node| f64::from(u8::from(matches!(node.status.as_str(), "succeeded" | "cached")))),
            "waited": node.map(|node| seconds(node.queued_us)),
            "worked": node.map(|node| seconds(node.run_us)),
            "took": seconds(self.view.duration_us),
            "retried": -(self.retried as f64),
        })
    }
}
