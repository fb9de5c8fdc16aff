//! What is given out: ready executions against credit, the most urgent first, fair over tenants and their workflows.
//!
//! Nothing here is in the log or in a snapshot: it is made again from the fold whenever somebody asks for everything.

mod draft;
mod lane;
mod queue;
mod resync;
mod told;

pub use draft::frames;
pub use told::{failure, listens, open_execs, quarantines, ready_task, requires, run_ended, version};

use draft::Draft;
use queue::{Claimant, Queue, Rank, Weights};
use told::started;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use symphony_protocol::bounds::FRAME_BYTES_MAX;
use symphony_protocol::{Action, ErrorValue, Failure, Frame, Ready, ReadyTask, RunEnded, Started, Weight};

use super::composed::{Composed, compose};
use super::fold::{Effects, Fold};
use super::state::{Exec, ExecId, Run, Status};

/// Executions of a capability that are given out while the conductor has stated no window.
const WINDOW_DEFAULT: u64 = 256;
/// Bytes of one `Ready` message: well below the broker's bound, with room for what is counted only roughly.
const READY_BYTES_MAX: usize = 768 * 1024;
const READY_COUNT_MAX: usize = 2048;

/// An execution that was given out: of which generation and try, and out of which line.
#[derive(Debug)]
struct Given {
    function: String,
    claimant: Claimant,
    generation: u32,
    r#try: u32,
}

/// The soft side of the tracker.
#[derive(Debug, Default)]
pub struct Emitter {
    pub epoch: u64,
    pub sequence: u64,
    /// The log below this sequence is in two verified snapshots.
    pub floor: u64,
    /// The newest version of the fold that every living tracker has announced.
    pub announced: u32,
    queues: BTreeMap<String, Queue>,
    given: HashMap<ExecId, Given>,
    /// Given out of lanes, and the lane whose turn was last.
    lanes_open: u64,
    lane_turn: String,
    windows: BTreeMap<String, u64>,
    window_default: Option<u64>,
    weights: Weights,
    serial: u64,
    /// Capabilities whose queue or credit changed since the last beat.
    touched: BTreeSet<String>,
}

/// One message to publish, in order.
#[derive(Debug)]
pub enum Message {
    Frame(Frame),
    Ready(Box<Ready>),
}

impl Emitter {
    pub fn new(epoch: u64) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }

    /// How many executions the conductor will hold, and by what weights claimants share that.
    pub fn credit(&mut self, windows: BTreeMap<String, i64>, default: u64, weights: &[Weight]) {
        self.weights = Weights::new(weights);
        self.windows = windows
            .into_iter()
            .map(|(name, window)| (name, u64::try_from(window).unwrap_or(0)))
            .collect();
        self.window_default = Some(default);
        self.touched.extend(
            self.queues
                .iter()
                .filter(|(_, q)| q.waiting() > 0)
                .map(|(name, _)| name.clone()),
        );
    }

    fn enqueue(&mut self, fold: &Fold, id: ExecId) {
        let Some(run) = fold.runs.get(&id.run) else { return };
        let Some(called) = run
            .called(id)
            .filter(|called| called.exec.status == Status::Ready)
        else {
            return;
        };
        let named = lane::of(run, id, &called);
        let (function, window) = match &named {
            Some((name, window)) => (name.as_str(), *window),
            None => (called.function.capability.as_str(), None),
        };
        let in_lane = lane::is_lane(function);
        self.serial += 1;
        let rank = Rank {
            priority: std::cmp::Reverse(called.priority),
            // In a lane by age alone, which a new emitter knows as well.
            rest_us: std::cmp::Reverse(if in_lane { 0 } else { called.rest_us }),
            serial: if in_lane {
                called.exec.ready_at_ms
            } else {
                self.serial
            },
            id,
            generation: called.exec.generation,
            r#try: called.exec.r#try,
        };
        if !self.queues.contains_key(function) {
            self.queues.insert(function.to_owned(), Queue::default());
        }
        if let Some(queue) = self.queues.get_mut(function) {
            let workflow = if in_lane { "" } else { &run.workflow };
            queue.push(&run.tenant, workflow, rank);
            queue.window = window;
        }
        if !self.touched.contains(function) {
            self.touched.insert(function.to_owned());
        }
    }

    fn close(&mut self, id: &ExecId) {
        let Some(Given {
            function, claimant, ..
        }) = self.given.remove(id)
        else {
            return;
        };
        let Some(queue) = self.queues.get_mut(&function) else {
            return;
        };
        queue.close(&claimant);
        if lane::is_lane(&function) {
            self.lanes_open = self.lanes_open.saturating_sub(1);
        }
        if queue.waiting() > 0 {
            self.touched.insert(function);
        } else {
            self.drop_empty(&function);
        }
    }

    /// One beat: what the events brought about, and what credit allows, as messages.
    pub fn beat(&mut self, fold: &mut Fold, effects: Effects, level: bool) -> Vec<Message> {
        let unwanted = effects.unwanted.iter().map(|(id, _)| id);
        for id in effects.closed.iter().chain(unwanted) {
            self.close(id);
        }
        for id in &effects.ready {
            self.enqueue(fold, *id);
        }
        let mut draft = Draft::new(self, fold);
        draft.ready.quarantined = quarantines(fold, &effects.broken);
        for settled in effects.settled {
            draft.size += settled.run.len() + settled.task.len() + 96;
            draft.ready.settled.push(settled);
            draft.flush_if_full();
        }
        for (_, unwanted) in effects.unwanted {
            draft.ready.unwanted.push(unwanted);
            draft.size += 128;
            draft.flush_if_full();
        }
        // Of those that go on the conductor has to forget the end; of new ones only who watches or traces wants to hear.
        let again = effects.revived.iter().filter_map(|key| fold.runs.get(key));
        let new = effects.started.iter().filter_map(|key| fold.runs.get(key));
        for run in again.chain(new.filter(|run| run.watch || run.trace.is_some())) {
            draft.ready.started.push(started(run));
            draft.size += 192;
            draft.flush_if_full();
        }
        for (id, generation, r#try, actions) in effects.failures {
            let run = fold.runs.get(&id.run);
            // What was decided, or overtaken, later in the same beat is no longer to be told.
            let awaits = |exec: &Exec| {
                exec.status == Status::Undecided && exec.generation == generation && exec.r#try == r#try
            };
            let run = run.filter(|run| run.exec(id).is_some_and(awaits));
            if let Some(failure) = run.and_then(|run| failure(run, id, actions)) {
                draft.size += 512 + failure.error.message.len();
                draft.ready.failures.push(failure);
                draft.flush_if_full();
            }
        }
        draft.ready.needs.extend(effects.needs);
        draft.ready.needs_workflows.extend(effects.workflows);
        draft.ready.needs_runs.extend(effects.recalls);
        if effects.listens {
            draft.ready.listens = Some(listens(fold));
        }
        let mut too_large = Vec::new();
        while let Some(id) = self.next(fold) {
            match ready_task(fold, id) {
                Some(Ok((task, composed))) => draft.task(task, composed),
                Some(Err(problem)) => too_large.push((id, problem)),
                None => self.close(&id),
            }
        }
        for (id, problem) in too_large {
            // The fold fails what is over the bound of composed inputs; this would be a mistake of its own.
            tracing::warn!(?id, problem, "an input is over the bound");
        }
        for key in effects.ended {
            let Some((ended, composed)) = fold.runs.get(&key).map(run_ended) else {
                continue;
            };
            draft.size += ended.outputs.len() + 512;
            draft.frames(composed);
            draft.ready.ended.push(ended);
            draft.flush_if_full();
        }
        let mut messages = draft.finish(level);
        self.stamp(fold, &mut messages);
        messages
    }

    /// The next execution that credit allows.
    fn next(&mut self, fold: &Fold) -> Option<ExecId> {
        loop {
            let function = self.touched()?;
            let of_function = || {
                self.windows
                    .get(lane::function(&function))
                    .copied()
                    .or(self.window_default)
            };
            let window = self.queues.get(&function).and_then(|queue| queue.window);
            let window = window.or_else(of_function).unwrap_or(WINDOW_DEFAULT);
            let queue = self
                .queues
                .get_mut(&function)
                .filter(|queue| queue.outstanding() < window);
            let Some((claimant, rank)) = queue.and_then(|queue| queue.pop(&self.weights)) else {
                self.touched.remove(&function);
                self.drop_empty(&function);
                continue;
            };
            if lane::is_lane(&function) {
                self.lane_turn.clone_from(&function);
            }
            // What a paused run has ready is queued again when it goes on.
            let run = fold
                .runs
                .get(&rank.id.run)
                .filter(|run| !run.paused && run.broken.is_none());
            let exec = run.and_then(|run| run.exec(rank.id));
            let is_current = exec.is_some_and(|exec| {
                exec.status == Status::Ready && exec.generation == rank.generation && exec.r#try == rank.r#try
            });
            let is_given = self
                .given
                .get(&rank.id)
                .is_some_and(|given| given.generation == rank.generation && given.r#try == rank.r#try);
            if is_current && !is_given {
                if let Some(queue) = self.queues.get_mut(&function) {
                    queue.give(&claimant);
                }
                self.lanes_open += u64::from(lane::is_lane(&function));
                let given = Given {
                    function,
                    claimant,
                    generation: rank.generation,
                    r#try: rank.r#try,
                };
                self.given.insert(rank.id, given);
                return Some(rank.id);
            }
        }
    }

    /// Number the messages and state the level in each.
    fn stamp(&mut self, fold: &Fold, messages: &mut [Message]) {
        let backlog = self.backlog();
        for message in messages {
            let Message::Ready(ready) = message else { continue };
            let empty = ready.settled.is_empty()
                && ready.started.is_empty()
                && ready.tasks.is_empty()
                && ready.failures.is_empty()
                && ready.unwanted.is_empty()
                && ready.needs.is_empty()
                && ready.needs_workflows.is_empty()
                && ready.needs_runs.is_empty()
                && ready.listens.is_none()
                && ready.quarantined.is_empty()
                && ready.ended.is_empty();
            if !empty {
                self.sequence += 1;
            }
            ready.sequence = self.sequence;
            ready.epoch = self.epoch;
            ready.partition = fold.options.partition;
            ready.folded = fold.sequence();
            ready.open = self.open();
            ready.next_due_at_ms = fold.next_due_at_ms();
            ready.owner_epoch = fold.owner.as_ref().map_or(0, |owner| owner.epoch);
            ready.live = fold.live;
            ready.floor = self.floor;
            ready.fold_version = if self.announced > fold.version {
                self.announced
            } else {
                0
            };
            ready.backlog = backlog.clone();
        }
    }
}
