//! The fold: one result taken into a graph of ten thousand tasks, its token checked, what it makes ready worked out.

use std::collections::VecDeque;

use serde_json::{Map, Value as Json, json};
use symphony_dag_tracker::core::emit::Message;
use symphony_dag_tracker::core::fold::NEWEST;
use symphony_dag_tracker::core::{Effects, Emitter, Event, Fold, FoldOptions};
use symphony_protocol::subjects::{TokenInput, dispatch_token, mesh_key};
use symphony_protocol::{
    Outcome, Owner, ReadyTask, ResultBatch, Submit, SubmitBatch, Succeeded, TaskResult, Token,
};
use symphony_sdk::{Error, ErrorKind};

use super::{spread, timed};
use crate::documents::packed;
use crate::report::Row;

const NODES: usize = 10_000;
/// Tasks of a layer; each waits for three of the layer before.
const WIDTH: usize = 100;
const SECRET: &[u8] = b"a secret of a benchmark, 32 byte";
const EPOCH: u64 = 1;
const WORKER: &str = "worker";
/// Results of one beat, as a busy worker sends them.
const BATCH: usize = 64;

/// The fold's part of a result, in batches as a busy system has them; what the emitter adds is a part of its own.
pub fn result() -> Result<Row, Error> {
    let mut bench = Ring::new()?;
    let key = mesh_key(SECRET, 0, EPOCH);
    let (mut folding, mut emitting, mut folded) = (Vec::new(), 0.0, 0_usize);
    while !bench.open.is_empty() {
        let count = bench.open.len().min(BATCH);
        let results: Vec<TaskResult> = bench
            .open
            .drain(..count)
            .map(|task| answered(&key, &task))
            .collect();
        let batch = Event::Result(ResultBatch {
            v: 1,
            worker: WORKER.to_owned(),
            results,
        });
        let (fold_s, emit_s) = bench.apply(batch);
        folding.push(fold_s / count as f64);
        emitting += emit_s;
        folded += count;
    }
    if folded != NODES {
        let text = format!("{folded} results of {NODES} were taken: the run did not go to its end");
        return Err(Error::new(ErrorKind::Internal, text));
    }
    let mut row = spread("core_fold_result", "us", 1e6, 1, folding);
    row.runs = NODES as u64;
    Ok(row.part("emit_us", emitting * 1e6 / NODES as f64))
}

struct Ring {
    fold: Fold,
    emitter: Emitter,
    open: VecDeque<ReadyTask>,
    sequence: u64,
}

impl Ring {
    /// A run of the graph, begun.
    fn new() -> Result<Self, Error> {
        let fold = Fold::new(FoldOptions {
            partition: 0,
            partitions: 1,
            secret: SECRET.to_vec(),
            supports: NEWEST,
        });
        let mut emitter = Emitter::new(EPOCH);
        emitter.credit(Default::default(), 1_000_000, &[]);
        emitter.restart(&fold);
        let mut ring = Self {
            fold,
            emitter,
            open: VecDeque::new(),
            sequence: 0,
        };
        ring.apply(Event::Owner(Owner {
            epoch: EPOCH,
            conductor: "conductor".to_owned(),
            ..Default::default()
        }));
        let submit = Submit {
            run: format!("{:032x}", 1),
            workflow: "bench-layers".to_owned(),
            document: packed(&layers())?.into(),
            inputs: vec![0x80].into(),
            ..Default::default()
        };
        ring.apply(Event::Submit {
            tenant: "default".to_owned(),
            batch: SubmitBatch {
                v: 1,
                runs: vec![submit],
            },
        });
        Ok(ring)
    }

    /// The seconds of the fold and of the emitter.
    fn apply(&mut self, event: Event) -> (f64, f64) {
        self.sequence += 1;
        let mut effects = Effects::default();
        let (sequence, fold) = (self.sequence, &mut self.fold);
        let (fold_s, ()) = timed(|| fold.apply(sequence, sequence, event, &mut effects));
        let (emitter, fold) = (&mut self.emitter, &mut self.fold);
        let (emit_s, messages) = timed(|| emitter.beat(fold, effects, false));
        for message in messages {
            if let Message::Ready(ready) = message {
                self.open.extend(ready.tasks);
            }
        }
        (fold_s, emit_s)
    }
}

/// A graph in layers.
fn layers() -> Json {
    let mut tasks = Map::new();
    for at in 0..NODES {
        let layer = at / WIDTH;
        let mut after: Vec<usize> = match layer.checked_sub(1) {
            Some(before) => (0..3)
                .map(|k| before * WIDTH + (at * 7919 + k * 104_729) % WIDTH)
                .collect(),
            None => Vec::new(),
        };
        after.sort_unstable();
        after.dedup();
        let after: Vec<String> = after.into_iter().map(|other| format!("t{other}")).collect();
        tasks.insert(format!("t{at}"), json!({"call": "test.noop", "after": after}));
    }
    json!({"workflow": "bench-layers", "version": "1.0.0", "tasks": tasks})
}

/// What a worker says of a task.
fn answered(key: &[u8; 32], task: &ReadyTask) -> TaskResult {
    let input = TokenInput {
        run: &task.run,
        task: &task.task,
        generation: task.generation,
        r#try: task.r#try,
        epoch: EPOCH,
        n: 1,
        worker: WORKER,
    };
    TaskResult {
        run: task.run.clone(),
        task: task.task.clone(),
        generation: task.generation,
        r#try: task.r#try,
        epoch: EPOCH,
        n: 1,
        token: Token(dispatch_token(key, &input)),
        outcome: Outcome::Succeeded(Succeeded {
            output: vec![0x80].into(),
        }),
        ..Default::default()
    }
}
