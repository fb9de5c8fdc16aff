//! What comes to the ring from outside, and what a test asks it.

use symphony_dag_tracker::core::emit::{failure, open_execs, ready_task};
use symphony_dag_tracker::core::run::allowed;
use symphony_dag_tracker::core::state::Status;

use super::*;

impl Ring {
    pub fn signal(&mut self, run: &str, name: &str, value: &Value) {
        self.signal_as("t", run, name, value);
    }

    pub fn signal_as(&mut self, tenant: &str, run: &str, name: &str, value: &Value) {
        self.dispatches += 1;
        self.apply(Event::Signal {
            tenant: tenant.to_owned(),
            signal: Signal {
                run: run.to_owned(),
                name: name.to_owned(),
                value: value.pack().into(),
                id: format!("{}", self.dispatches),
                ..Default::default()
            },
        });
    }

    /// An event of `SYM_EVENTS`, published at this moment.
    pub fn happened(&mut self, name: &str, sequence: u64, value: &Value) {
        let at_ms = self.time_ms;
        self.happened_at(name, sequence, at_ms, value);
    }

    pub fn happened_at(&mut self, name: &str, sequence: u64, at_ms: u64, value: &Value) {
        self.apply(Event::Happened(Happened {
            epoch: EPOCH,
            name: name.to_owned(),
            sequence,
            at_ms,
            value: value.pack().into(),
            ..Default::default()
        }));
    }

    /// Answer what was asked about a registered workflow.
    pub fn resolve(&mut self, document: Option<Payload>) {
        self.resolve_by(EPOCH, document);
    }

    pub fn resolve_by(&mut self, epoch: u64, document: Option<Payload>) {
        let need = self.needs.remove(0);
        self.apply(Event::Resolved(Resolved {
            epoch,
            tenant: need.tenant,
            name: need.name,
            range: need.range,
            version: "1.0.0".to_owned(),
            missing: document.is_none(),
            document: document.unwrap_or_default(),
            ..Default::default()
        }));
    }

    /// What is open, by path.
    pub fn paths(&self) -> Vec<String> {
        self.open.iter().map(|task| task.task.clone()).collect()
    }

    /// The open execution of a path.
    pub fn at(&self, path: &str) -> ReadyTask {
        let found = self.open.iter().find(|task| task.task == path);
        found
            .unwrap_or_else(|| panic!("{path} is not open: {:?}", self.paths()))
            .clone()
    }

    pub fn succeed(&mut self, path: &str, value: &Value) {
        let task = self.at(path);
        self.answer(&task, succeeded(value));
    }

    /// Fail an execution for good.
    pub fn fail(&mut self, path: &str, kind: &str) {
        let task = self.at(path);
        self.answer(&task, failed(kind));
    }

    /// Decide the one failure that waits, as the document's first action says.
    pub fn decide_one(&mut self) {
        let failure = self.failures.remove(0);
        self.decide(&failure, failure.actions[0].clone(), EPOCH);
    }

    pub fn run(&self, run: &str) -> &Run {
        self.fold
            .runs
            .get(&u128::from_str_radix(run, 16).unwrap())
            .unwrap()
    }

    /// The outputs of a run that has succeeded.
    pub fn outputs(&self, run: &str) -> Json {
        let ended = self
            .ended
            .get(run)
            .unwrap_or_else(|| panic!("it goes on; open: {:?}", self.paths()));
        assert_eq!(ended.status, "succeeded", "{:?}", ended.error);
        serde_json::to_value(Value::unpack(&ended.outputs).unwrap()).unwrap()
    }

    /// The kind of error that a run failed with.
    pub fn failure(&self, run: &str) -> String {
        let ended = self
            .ended
            .get(run)
            .unwrap_or_else(|| panic!("it goes on; open: {:?}", self.paths()));
        assert_eq!(ended.status, "failed");
        ended.error.clone().unwrap().kind
    }

    /// The status word of a task.
    pub fn status(&self, run: &str, path: &str) -> &'static str {
        let run = self.run(run);
        let id = run.find(path).unwrap_or_else(|| panic!("there is no {path}"));
        run.exec(id).unwrap().status.word()
    }

    /// What was told is lost on its way, and asked for again: executions given out, and failures undecided.
    pub fn resync(&mut self) {
        let given = self.emitter.given();
        let tasks = given.into_iter().filter_map(|id| ready_task(&self.fold, id));
        self.open = tasks.map(|task| task.unwrap().0).collect();
        self.failures.clear();
        for (key, run) in self.fold.runs.iter().filter(|(_, run)| run.goes_on()) {
            for id in open_execs(&self.fold, *key, Status::Undecided) {
                let problem = run.exec(id).unwrap().error().cloned().unwrap_or_default();
                let actions = allowed(run, id, &problem, self.fold.context.time_ms);
                self.failures.extend(failure(run, id, actions));
            }
        }
    }
}
