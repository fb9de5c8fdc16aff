//! The state of runs, as the fold keeps it and as snapshots hold it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symphony_protocol::{ErrorValue, Payload, TaskCounts, Trace, Unwanted};
use symphony_workflow::{Plan, Retry};

pub use super::exec::{Exec, ExecId, LOCK, Rare, Status, UNDO, WHOLE};
pub use super::frame::{Frame, Frames, Inline, Items, NodeState, Plot, Within};
pub use super::journal::{Entry, Journal};
use super::run::{LOCK_PATH, Library, Mail, Parent, Scoped, Spent, Undo, Undoing};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    #[default]
    Running,
    Succeeded,
    Failed,
    Cancelled,
    TimedOut,
}

impl RunStatus {
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }

    pub fn ended(self) -> bool {
        self != Self::Running
    }
}

/// What stands behind the path of a task for what undoes it.
const COMPENSATE: &str = ":compensate";

/// A run. `plan` is made again from `document` when a snapshot is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub key: u128,
    pub tenant: Arc<str>,
    pub workflow: String,
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
    /// As submitted: zstd of canonical JSON. A snapshot holds each document once, beside the runs.
    #[serde(skip)]
    pub document: Payload,
    pub inputs: Payload,
    pub given_inputs: Payload,
    pub status: RunStatus,
    pub priority: u8,
    pub deadline_at_ms: Option<u64>,
    pub trace: Option<Trace>,
    pub watch: bool,
    pub submitted_at_ms: u64,
    pub ended_at_ms: u64,
    /// Frame 0 is the document's own; none where the document was refused.
    pub frames: Frames,
    /// The number of the frame, or of the turn, that was begun last.
    pub generation: u32,
    pub counts: TaskCounts,
    pub outputs: Payload,
    pub error: Option<Box<ErrorValue>>,
    pub function_us: u64,
    /// The sequence of its submission in the log.
    pub submitted_sequence: u64,
    pub journal: Journal,
    /// Nothing is given out meanwhile.
    pub paused: bool,
    /// What its submission was recognised by, where it follows another document since: few have it, so few pay for it.
    pub submitted: Option<Box<[u8; 32]>>,
    /// What it hears from outside, and who waits for it.
    pub mail: Option<Box<Mail>>,
    /// What completed and can be undone, in the order of completion.
    pub undo: Vec<Undo>,
    /// Set while what completed is undone; the run ends after it.
    pub undoing: Option<Box<Undoing>>,
    pub spent: Spent,
    /// Registered workflows that its tasks named.
    pub library: Library,
    pub parent: Option<Box<Parent>>,
    /// Runs around it.
    pub depth: u32,
    /// Why the fold failed on it: it waits for the log to say that it is quarantined, and nothing else is applied to it.
    pub broken: Option<String>,
    /// The submission's own; the document's may be smaller.
    #[serde(default)]
    pub budget_money: Option<f64>,
    /// The workflow's own lock, from when it was asked for first.
    #[serde(default)]
    pub lock: Option<Box<Scoped>>,
}

impl Run {
    /// Whether events may still change it.
    pub fn goes_on(&self) -> bool {
        !self.status.ended() && self.broken.is_none()
    }

    /// What completed is undone, and then it ends.
    pub fn closes(&self) -> bool {
        self.undoing
            .as_ref()
            .is_some_and(|undoing| undoing.back.is_none())
    }

    /// Whether a task is rolled back, and waits for what completed of it to be undone.
    pub fn holds_back(&self, id: ExecId) -> bool {
        let back = self.undoing.as_ref().and_then(|undoing| undoing.back.as_ref());
        id.frame == 0 && back.is_some_and(|back| back.contains(&id.node))
    }

    pub fn note(&mut self, entry: Entry) {
        self.journal.note(entry);
    }

    /// The identity of an execution of this run.
    pub fn id_of(&self, frame: u32, node: u32, item: u32) -> ExecId {
        ExecId {
            run: self.key,
            frame,
            node,
            item,
        }
    }

    pub fn frame(&self, frame: u32) -> Option<&Frame> {
        self.frames.get(frame)
    }

    /// The graph that a frame follows.
    pub fn plot(&self, frame: u32) -> Option<Plot> {
        let found = self.frames.get(frame)?;
        let plan = match found.inline() {
            Some(inline) => inline.plan.clone()?,
            None => self.plan.clone()?,
        };
        Some(Plot::new(plan, found.graph))
    }

    pub fn node(&self, frame: u32, node: u32) -> Option<&NodeState> {
        self.frames.get(frame)?.nodes.get(usize::try_from(node).ok()?)
    }

    pub fn node_mut(&mut self, frame: u32, node: u32) -> Option<&mut NodeState> {
        self.frames
            .get_mut(frame)?
            .nodes
            .get_mut(usize::try_from(node).ok()?)
    }

    pub fn exec(&self, id: ExecId) -> Option<&Exec> {
        if id.frame == LOCK {
            return Some(&self.lock.as_ref()?.exec);
        }
        if id.frame == UNDO {
            return Some(&self.undo.get(usize::try_from(id.node).ok()?)?.exec);
        }
        let state = self.node(id.frame, id.node)?;
        if id.item == WHOLE {
            return Some(&state.exec);
        }
        state.items.as_ref()?.execs.get(usize::try_from(id.item).ok()?)
    }

    pub fn exec_mut(&mut self, id: ExecId) -> Option<&mut Exec> {
        if id.frame == LOCK {
            return Some(&mut self.lock.as_mut()?.exec);
        }
        if id.frame == UNDO {
            return Some(&mut self.undo.get_mut(usize::try_from(id.node).ok()?)?.exec);
        }
        let state = self.node_mut(id.frame, id.node)?;
        if id.item == WHOLE {
            return Some(&mut state.exec);
        }
        state
            .items
            .as_mut()?
            .execs
            .get_mut(usize::try_from(id.item).ok()?)
    }

    /// Every execution that is there, frame by frame.
    pub fn execs(&self) -> impl Iterator<Item = (ExecId, &Exec)> {
        let undo = self.undo.iter().zip(0..);
        let undo = undo.map(|(undo, node)| (self.id_of(UNDO, node, WHOLE), &undo.exec));
        let framed = self.frames.iter().flat_map(move |(number, frame)| {
            let nodes = frame.nodes.iter().zip(0..);
            nodes.flat_map(move |(state, node)| {
                let whole = (self.id_of(number, node, WHOLE), &state.exec);
                let items = state.items.iter().flat_map(|items| items.execs.iter().zip(0..));
                std::iter::once(whole)
                    .chain(items.map(move |(exec, item)| (self.id_of(number, node, item), exec)))
            })
        });
        let lock = self
            .lock
            .iter()
            .map(|lock| (self.id_of(LOCK, 0, WHOLE), &lock.exec));
        framed.chain(undo).chain(lock)
    }

    /// `count`, `count[3]`, for what is inside another task `outer.inner` or `outer[2].inner`, and `count:compensate` for
    /// what undoes it.
    pub fn path(&self, id: ExecId) -> String {
        if id.frame == LOCK {
            return LOCK_PATH.to_owned();
        }
        if id.frame == UNDO {
            let at = usize::try_from(id.node).unwrap_or(usize::MAX);
            let undo = self.undo.get(at).map_or("?", |undo| undo.path.as_str());
            return format!("{undo}{COMPENSATE}");
        }
        let mut path = String::new();
        let mut at = Some(id);
        // As deep as frames may be nested, which their making bounds.
        while let Some(id) = at {
            let plot = self.plot(id.frame);
            let name = plot
                .as_ref()
                .and_then(|plot| plot.node(id.node))
                .map_or("?", |node| node.name.as_str());
            let item = if id.item == WHOLE {
                String::new()
            } else {
                format!("[{}]", id.item)
            };
            let dot = if path.is_empty() { "" } else { "." };
            path = format!("{name}{item}{dot}{path}");
            at = self.frames.get(id.frame).and_then(Frame::parent);
        }
        path
    }

    /// How a conductor is told that one of its executions was given out in vain.
    pub fn unwanted(&self, id: ExecId, exec: &Exec) -> Unwanted {
        Unwanted {
            run: self.id.clone(),
            task: self.path(id),
            generation: exec.generation,
            r#try: exec.r#try.max(1),
        }
    }

    /// The execution that a path names now.
    pub fn find(&self, path: &str) -> Option<ExecId> {
        if path == LOCK_PATH {
            return Some(self.id_of(LOCK, 0, WHOLE));
        }
        if let Some(path) = path.strip_suffix(COMPENSATE) {
            // Of the turns of a loop there may be many; one at a time is undone.
            let open = |undo: &Undo| undo.is_open() && undo.path == path;
            let at = self.undoing.as_ref()?.at;
            let known = usize::try_from(at).ok().and_then(|at| self.undo.get(at));
            if known.is_some_and(open) {
                return Some(self.id_of(UNDO, at, WHOLE));
            }
            let at = self.undo.iter().position(open)?;
            return Some(self.id_of(UNDO, u32::try_from(at).ok()?, WHOLE));
        }
        let mut frame = 0;
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            let (name, item) = match step.split_once('[') {
                Some((name, rest)) => (name, rest.strip_suffix(']')?.parse().ok()?),
                None => (step, WHOLE),
            };
            let index = *self.plot(frame)?.graph()?.by_name.get(name)?;
            let node = u32::try_from(index).ok()?;
            let is_map = self.node(frame, node)?.items.is_some();
            if is_map != (item != WHOLE) {
                return None;
            }
            let id = self.id_of(frame, node, item);
            if steps.peek().is_none() {
                return Some(id);
            }
            frame = self.exec(id)?.inner()?;
        }
        None
    }

    /// Every execution that a reader is shown, each behind what it is inside of: items of maps, and tasks that are none.
    pub fn shown(&self) -> Vec<ExecId> {
        let mut found = Vec::new();
        let mut open: Vec<ExecId> = self.heads(0);
        while let Some(id) = open.pop() {
            let items = self
                .node(id.frame, id.node)
                .and_then(|state| state.items.as_ref());
            let items = items.filter(|items| id.item == WHOLE && !items.values.is_empty());
            match items {
                Some(items) => open.extend((0..items.execs.len()).rev().map(|item| id.at(item))),
                None => {
                    found.push(id);
                    let inner = self.exec(id).and_then(Exec::inner);
                    open.extend(inner.map(|frame| self.heads(frame)).unwrap_or_default());
                }
            }
        }
        let begun = self.undo.iter().zip(0..).filter(|(undo, _)| undo.exec.r#try > 0);
        found.extend(begun.map(|(_, node)| self.id_of(UNDO, node, WHOLE)));
        found
    }

    /// How a failed execution is tried again.
    pub fn retry(&self, id: ExecId) -> Option<&Retry> {
        if id.frame == UNDO {
            let undo = self.undo.get(usize::try_from(id.node).ok()?)?;
            return Some(&undo.compensate(self.plan.as_deref())?.retry);
        }
        Some(&self.spec(id)?.retry)
    }

    /// The nodes of a frame, last first.
    fn heads(&self, frame: u32) -> Vec<ExecId> {
        let count = self.frames.get(frame).map_or(0, |frame| frame.nodes.len());
        let count = u32::try_from(count).unwrap_or(WHOLE);
        (0..count)
            .rev()
            .map(|node| self.id_of(frame, node, WHOLE))
            .collect()
    }
}

/// The number that a run's identifier is.
pub fn run_key(id: &str) -> Option<u128> {
    (id.len() == 32)
        .then(|| u128::from_str_radix(id, 16).ok())
        .flatten()
}
