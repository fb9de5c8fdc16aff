//! One run of a workflow under a schedule by chance: answers in any order, twice, late or never; decisions of owners that are
//! no more; what was told lost and asked for again; trackers that die and go on from their snapshots.

use std::collections::BTreeMap;

use symphony_dag_tracker::core::{Control, Event};
use symphony_protocol::{
    Action, Happened, Lost, Outcome, PauseRun, ReadyTask, ResumeRun, Signal, TaskResult, Token, Value,
};

use super::chance::Chance;
use super::program::{Block, Kind, Node, Program, registered};
use super::support::{EPOCH, Ring, failed, run_id, succeeded, written};

const STEPS_MAX: usize = 20_000;
/// What is waited for with patience is not let come to its end.
const SOON_MS: u64 = 24 * 3_600_000;

pub struct Schedule {
    pub ring: Ring,
    pub run: String,
    chance: Chance,
    nodes: BTreeMap<String, Node>,
    /// Results that may come once more, or for the first time.
    late: Vec<TaskResult>,
    owner: u64,
    events: u64,
    cancels: bool,
    pub cancelled: bool,
    /// What was completed and says how it is undone, with its output, in the order of completion.
    done: Vec<(String, Value)>,
    undone: Vec<(String, Value)>,
}

fn collect(block: &Block, into: &mut BTreeMap<String, Node>) {
    for node in &block.nodes {
        into.insert(node.name.clone(), node.clone());
        node.blocks().into_iter().for_each(|inner| collect(inner, into));
    }
}

impl Schedule {
    pub fn new(program: &Program, seed: u64) -> Self {
        let mut nodes = BTreeMap::new();
        collect(&program.block, &mut nodes);
        let mut ring = Ring::new();
        let run = run_id(1);
        ring.submit(&run, written(program.document()));
        Self {
            ring,
            run,
            chance: Chance::new(seed),
            nodes,
            late: Vec::new(),
            owner: EPOCH,
            events: 0,
            cancels: program.cancelled,
            cancelled: false,
            done: Vec::new(),
            undone: Vec::new(),
        }
    }

    /// Go on until the run has ended. False: it does not.
    pub fn play(&mut self) -> bool {
        for _ in 0..STEPS_MAX {
            if self.ring.ended.contains_key(&self.run) {
                return true;
            }
            self.step();
        }
        false
    }

    /// What was held back comes after the end: nothing may change any more.
    pub fn afterwards(&mut self) {
        for result in std::mem::take(&mut self.late) {
            self.ring.send(result);
        }
        self.ring.restart();
    }

    /// What was undone, against what had to be: all that completed, backwards; some of it where a cancel cut it short.
    pub fn undone_rightly(&self, compensates: bool, succeeded: bool) -> bool {
        let mut wanted = self.done.iter().rev();
        let begun = self.undone.iter().all(|undone| Some(undone) == wanted.next());
        begun
            && (self.cancelled
                || succeeded && self.undone.is_empty()
                || !compensates
                || wanted.next().is_none())
    }

    /// How many were undone.
    pub fn undone(&self) -> usize {
        self.undone.len()
    }

    pub fn undoing(&self) -> String {
        format!("completed {:?}, undone {:?}", self.done, self.undone)
    }

    fn step(&mut self) {
        match self.chance.below(32) {
            0 => self.ring.restart(),
            1 => self.ring.resync(),
            2 | 3 if !self.late.is_empty() => {
                let again = self.chance.pick(&self.late).clone();
                self.send(again);
            }
            4 if !self.ring.open.is_empty() => {
                let task = self.ring.open[0].clone();
                let mut forged = self.ring.result(&task, succeeded(&Value::Nil));
                forged.token = Token([0; 16]);
                self.ring.send(forged);
            }
            5 if self.is_due() => self.ring.due(EPOCH - 1),
            6 if !self.ring.failures.is_empty() => {
                let failure = self.ring.failures[0].clone();
                self.ring
                    .decide(&failure, failure.actions[0].clone(), self.owner - 1);
            }
            7 => {
                self.owner += 1;
                self.ring.own(self.owner);
            }
            8 => self.signal_one(),
            9 => self.happen_one(),
            10 => self.control(
                PauseRun {
                    run: self.run.clone(),
                    ..Default::default()
                }
                .into(),
            ),
            11 if self.cancels && self.chance.once_in(2) => {
                (self.cancels, self.cancelled) = (false, true);
                self.ring.cancel(&self.run.clone());
            }
            12 if self.is_due() => self.ring.due(self.owner),
            13 if !self.ring.open.is_empty() => {
                let task = self.chance.pick(&self.ring.open).clone();
                let late = self.result(&task);
                self.late.push(late);
            }
            14 if !self.ring.open.is_empty() => self.lose(),
            15 if !self.ring.failures.is_empty() => {
                let again = self.chance.pick(&self.ring.failures).clone();
                self.ring.decide(&again, again.actions[0].clone(), self.owner);
            }
            _ => self.work(),
        }
    }

    /// What moves the run on.
    fn work(&mut self) {
        if !self.ring.failures.is_empty() {
            let at = self.chance.below(self.ring.failures.len());
            let failure = self.ring.failures.remove(at);
            self.ring.decide(&failure, failure.actions[0].clone(), self.owner);
        } else if !self.ring.needs.is_empty() {
            self.resolve();
        } else if !self.ring.open.is_empty() {
            let task = self.chance.pick(&self.ring.open).clone();
            let result = self.result(&task);
            self.late.push(result.clone());
            self.send(result);
        } else if self.is_due() {
            self.ring.due(self.owner);
        } else {
            self.control(
                ResumeRun {
                    run: self.run.clone(),
                    ..Default::default()
                }
                .into(),
            );
            self.ring.resync();
            if self.ring.failures.is_empty() && self.ring.open.is_empty() {
                self.signal_one();
                self.happen_one();
            }
        }
    }

    fn is_due(&self) -> bool {
        self.ring
            .fold
            .next_due_at_ms()
            .is_some_and(|at_ms| at_ms < self.ring.time_ms + SOON_MS)
    }

    fn control(&mut self, control: Control) {
        self.ring.apply(Event::Control {
            tenant: "t".to_owned(),
            control,
        });
    }

    fn resolve(&mut self) {
        let need = self.ring.needs.remove(0);
        let mut kinds = self.nodes.values().map(|node| &node.kind);
        let document = kinds.find_map(|kind| match kind {
            Kind::Workflow { name, block, .. } if *name == need.name => Some(registered(block)),
            _ => None,
        });
        self.ring.needs.insert(0, need);
        self.ring.resolve_by(self.owner, document.map(written));
    }

    /// A signal of some wait: needed or not, early or late, and at times the same message once more.
    fn signal_one(&mut self) {
        let waits = self.nodes.values().filter_map(|node| match &node.kind {
            Kind::Signal {
                name,
                gives,
                comes: true,
            } => Some((name.clone(), *gives)),
            _ => None,
        });
        let waits: Vec<(String, i64)> = waits.collect();
        if waits.is_empty() {
            return;
        }
        let (name, gives) = self.chance.pick(&waits).clone();
        self.events += 1;
        let signal = Signal {
            run: self.run.clone(),
            name,
            value: Value::Int(gives).pack().into(),
            id: format!("{}", self.events),
            ..Default::default()
        };
        for _ in 0..self.chance.number(1, 2) {
            self.ring.apply(Event::Signal {
                tenant: "t".to_owned(),
                signal: signal.clone(),
            });
        }
    }

    /// An event that somebody listens for; before it at times another of its name, or itself once more.
    fn happen_one(&mut self) {
        let waits = self.nodes.values().filter_map(|node| match &node.kind {
            Kind::Event { name, gives, comes } if self.ring.listens.contains_key(name) => {
                Some((name.clone(), *gives, *comes))
            }
            _ => None,
        });
        let waits: Vec<(String, i64, bool)> = waits.collect();
        if waits.is_empty() {
            return;
        }
        let (name, gives, comes) = self.chance.pick(&waits).clone();
        for value in [gives + 1, gives] {
            if value == gives && !comes || value != gives && self.chance.once_in(2) {
                continue;
            }
            self.events += 1;
            let happened = Happened {
                epoch: self.owner,
                name: name.clone(),
                sequence: self.events,
                at_ms: self.ring.time_ms,
                value: Value::Int(value).pack().into(),
                ..Default::default()
            };
            for _ in 0..self.chance.number(1, 2) {
                self.ring.apply(Event::Happened(happened.clone()));
            }
        }
    }

    /// A worker dies with an attempt that would have failed: to the document it is a try like another.
    fn lose(&mut self) {
        let task = self.chance.pick(&self.ring.open).clone();
        if task.task.ends_with(":compensate") || !self.fails(&task) {
            return;
        }
        let lost = Action::Lost(Lost {
            message: "its worker is gone".to_owned(),
            ..Default::default()
        });
        let failure = symphony_protocol::Failure {
            run: task.run.clone(),
            task: task.task.clone(),
            generation: task.generation,
            r#try: task.r#try,
            ..Default::default()
        };
        self.ring.decide(&failure, lost, self.owner);
        self.ring.resync();
    }

    fn node(&self, path: &str) -> &Node {
        let last = path.rsplit('.').next().unwrap();
        &self.nodes[last.split('[').next().unwrap()]
    }

    fn fails(&self, task: &ReadyTask) -> bool {
        task.r#try <= self.node(&task.task).failing(input(task, "x"))
    }

    /// A worker's result: what it is depends on what came in alone.
    fn result(&mut self, task: &ReadyTask) -> TaskResult {
        let outcome = if task.task.ends_with(":compensate") {
            if task.r#try == 1 && self.chance.once_in(3) {
                failed("user")
            } else {
                succeeded(&Value::Nil)
            }
        } else if self.fails(task) {
            failed("user")
        } else {
            succeeded(&Value::Int(Node::called(input(task, "x"))))
        };
        self.ring.result(task, outcome)
    }

    fn send(&mut self, result: TaskResult) {
        let of = self.ring.open.iter().find(|task| is_of(task, &result)).cloned();
        self.ring.settled.clear();
        self.ring.send(result.clone());
        let accepted = self
            .ring
            .settled
            .iter()
            .any(|settled| settled.accepted && settled.n == result.n);
        let Outcome::Succeeded(output) = result.outcome else {
            return;
        };
        if !accepted {
            return;
        }
        if let Some(path) = result.task.strip_suffix(":compensate") {
            let given = of.map_or(Value::Nil, |task| Value::Int(input(&task, "of")));
            self.undone.push((path.to_owned(), given));
        } else if self.node(&result.task).undo {
            self.done
                .push((result.task, Value::unpack(&output.output).unwrap()));
        }
    }
}

fn is_of(task: &ReadyTask, result: &TaskResult) -> bool {
    let of = (&task.run, &task.task, task.generation, task.r#try);
    of == (&result.run, &result.task, result.generation, result.r#try)
}

fn input(task: &ReadyTask, name: &str) -> i64 {
    let inputs = Value::unpack(&task.inputs).unwrap();
    match inputs.get(name) {
        Some(Value::Int(number)) => *number,
        other => panic!("{} was given {other:?}", task.task),
    }
}
