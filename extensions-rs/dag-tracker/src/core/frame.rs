//! Frames: the state of one graph while it is under way. Frame 0 is the document's own; others belong to an execution that
//! has tasks inside it, and are used again once those have ended, so that a long loop does not grow.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use symphony_protocol::Payload;
use symphony_workflow::{Graph, Node, Plan};

use super::exec::{Exec, ExecId};

/// Frames of what has ended that are kept for readers, with all their nodes together; older ones are given up.
const KEPT_FRAMES_MAX: usize = 64;
const KEPT_NODES_MAX: usize = 2048;

/// A map's items, made as they are needed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Items {
    /// One payload each.
    pub values: Vec<Payload>,
    /// The executions begun so far, in order.
    pub execs: Vec<Exec>,
    pub open: u32,
    pub ended: u32,
    /// Items that failed and were let pass, since enough others may succeed.
    pub failed: u32,
    /// Begun items that are to begin anew, the first of them last.
    pub again: Vec<u32>,
    /// The order in which they ended, where the output is to have it.
    pub order: Vec<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// Of the node as a whole; of a map, that of all its items together.
    pub exec: Exec,
    pub items: Option<Box<Items>>,
    /// Tasks that it still waits for.
    pub missing: u32,
    /// Function time along the way here that ended last, this node's included.
    pub path_us: u64,
}

impl NodeState {
    /// The execution of the node as a whole, and those of a map's items.
    pub fn execs(&self) -> impl Iterator<Item = &Exec> {
        let items = self.items.iter().flat_map(|items| &items.execs);
        items.chain([&self.exec])
    }

    /// Forget what is inside it: the frames, which are the caller's to free.
    pub fn take_inner(&mut self) -> Vec<u32> {
        let items = self.items.iter_mut().flat_map(|items| &mut items.execs);
        let execs = items.chain([&mut self.exec]);
        execs
            .filter_map(|exec| exec.rare.as_mut()?.inner.take())
            .collect()
    }

    /// The frames of what is, or was last, inside it.
    pub fn inner(&self) -> impl Iterator<Item = u32> {
        self.execs().filter_map(Exec::inner)
    }
}

/// A workflow that is merged into a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inline {
    pub document: Payload,
    /// Made again from `document` when a snapshot is read.
    #[serde(skip)]
    pub plan: Option<Arc<Plan>>,
}

/// Where a frame belongs, and what it brings with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Within {
    /// The execution that it is inside of.
    pub parent: ExecId,
    /// None: the plan is the run's own.
    pub inline: Option<Arc<Inline>>,
    /// Of a merged workflow.
    pub inputs: Payload,
    /// Of a loop: an object, empty elsewhere.
    pub state: Payload,
    pub iteration: u64,
}

impl Within {
    pub fn new(parent: ExecId) -> Self {
        Self {
            parent,
            inline: None,
            inputs: Payload::default(),
            state: Payload::default(),
            iteration: 0,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Frame {
    /// Which graph of its plan.
    pub graph: u32,
    /// Grows from frame to frame and from turn to turn of a run; what is of an earlier one is stale.
    pub generation: u32,
    /// What it is inside of; None for the document's own graph, which most runs have alone.
    pub within: Option<Box<Within>>,
    pub nodes: Vec<NodeState>,
    /// Nodes that have not ended.
    pub remaining: u32,
    /// Frames around it.
    pub depth: u32,
    /// Function time along the way to its begin.
    pub base_us: u64,
    /// Time from each node's start to the end of the run, as estimated when it began.
    pub rest_us: Box<[u64]>,
}

impl Frame {
    /// Whether it is a document's own graph: names are looked for no further out.
    pub fn is_outermost(&self) -> bool {
        self.graph == 0
    }

    pub fn parent(&self) -> Option<ExecId> {
        self.within.as_ref().map(|within| within.parent)
    }

    /// The workflow that it is of, where that is not the run's own.
    pub fn inline(&self) -> Option<&Arc<Inline>> {
        self.within.as_ref()?.inline.as_ref()
    }

    /// The state and the number of a loop's turn.
    pub fn turn(&self) -> Option<(&Payload, u64)> {
        let within = self.within.as_ref().filter(|within| !within.state.is_empty())?;
        Some((&within.state, within.iteration))
    }

    /// Function time along the longest way that has been gone here.
    pub fn way_us(&self) -> u64 {
        let ways = self.nodes.iter().map(|state| state.path_us);
        ways.max().unwrap_or_default().max(self.base_us)
    }
}

/// The graph that a frame follows.
pub struct Plot {
    pub plan: Arc<Plan>,
    graph: usize,
}

impl Plot {
    pub fn new(plan: Arc<Plan>, graph: u32) -> Self {
        let graph = usize::try_from(graph).unwrap_or(usize::MAX);
        Self { plan, graph }
    }

    pub fn graph(&self) -> Option<&Graph> {
        self.plan.graph(self.graph)
    }

    /// For each node the time to the end of the graph, along the longest way.
    pub fn rest_us(&self, estimate: &dyn Fn(&Node) -> u64) -> Vec<u64> {
        self.plan.rest_us(self.graph, estimate)
    }

    pub fn node(&self, index: u32) -> Option<&Node> {
        self.graph()?.node(usize::try_from(index).ok()?)
    }
}

/// The frames of a run, in places that are used again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Frames {
    places: Vec<Option<Box<Frame>>>,
    /// None as long as there was but one frame.
    spare: Option<Box<Spare>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Spare {
    free: Vec<u32>,
    /// Frames of what has ended, oldest first, each with its generation and its size.
    kept: VecDeque<(u32, u32, usize)>,
    kept_nodes: usize,
}

impl Frames {
    pub fn get(&self, frame: u32) -> Option<&Frame> {
        self.places.get(usize::try_from(frame).ok()?)?.as_deref()
    }

    pub fn get_mut(&mut self, frame: u32) -> Option<&mut Frame> {
        self.places.get_mut(usize::try_from(frame).ok()?)?.as_deref_mut()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Frames that are there, and their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Frame)> {
        let all = self.places.iter().enumerate();
        all.filter_map(|(at, frame)| Some((u32::try_from(at).ok()?, frame.as_deref()?)))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        self.places.iter_mut().filter_map(Option::as_deref_mut)
    }

    pub fn add(&mut self, frame: Frame) -> u32 {
        let frame = Some(Box::new(frame));
        if let Some(at) = self.spare.as_mut().and_then(|spare| spare.free.pop()) {
            if let Some(place) = usize::try_from(at).ok().and_then(|at| self.places.get_mut(at)) {
                *place = frame;
            }
            return at;
        }
        self.places.reserve_exact(usize::from(self.places.is_empty()));
        self.places.push(frame);
        u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
    }

    /// Give a frame up, with all that are inside it.
    pub fn remove(&mut self, frame: u32) {
        let mut open = vec![frame];
        while let Some(frame) = open.pop() {
            let place = usize::try_from(frame).ok().and_then(|at| self.places.get_mut(at));
            let Some(gone) = place.and_then(Option::take) else {
                continue;
            };
            self.spare.get_or_insert_default().free.push(frame);
            for state in &gone.nodes {
                open.extend(state.inner());
            }
        }
    }

    /// What is inside a frame ended: it stays for readers until newer ones need the room. The frames given up for it.
    pub fn keep(&mut self, frame: u32) -> Vec<ExecId> {
        let mut given_up = Vec::new();
        let Some(ended) = self.get(frame) else {
            return given_up;
        };
        let (generation, size) = (ended.generation, ended.nodes.len() + 1);
        let spare = self.spare.get_or_insert_default();
        spare.kept.push_back((frame, generation, size));
        spare.kept_nodes += size;
        while let Some((oldest, generation)) = self.too_many() {
            if let Some(gone) = self.get(oldest).filter(|frame| frame.generation == generation) {
                given_up.extend(gone.parent());
                self.remove(oldest);
            }
        }
        given_up
    }

    /// The oldest of the frames that are kept, where they are too many.
    fn too_many(&mut self) -> Option<(u32, u32)> {
        let spare = self.spare.as_mut()?;
        if spare.kept.len() <= KEPT_FRAMES_MAX && spare.kept_nodes <= KEPT_NODES_MAX {
            return None;
        }
        let (oldest, generation, size) = spare.kept.pop_front()?;
        spare.kept_nodes = spare.kept_nodes.saturating_sub(size);
        Some((oldest, generation))
    }
}
