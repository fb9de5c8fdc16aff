//! The graphs of a document while it is read: its own, and those that stand inside tasks.

use serde_json::Value as Json;

use super::parts::After;
use super::task::{Defaults, read_task};
use crate::plan::{Graph, GraphIndex};
use crate::words::{Place, Problems};

/// Tasks of one document, those inside others counted.
pub const TASKS_MAX: usize = 100_000;
/// Graphs inside graphs: as deep as people follow, and far from what recursion would feel.
const DEPTH_MAX: usize = 16;

/// A graph, where its words stand, and for each of its tasks the tasks of its `after`.
#[derive(Default)]
pub struct GraphDraft {
    pub graph: Graph,
    pub at: Place,
    pub after: Vec<After>,
    depth: usize,
}

#[derive(Default)]
pub struct Graphs {
    pub drafts: Vec<GraphDraft>,
    tasks: usize,
}

impl Graphs {
    /// `{tasks, outputs}` inside a task.
    pub fn inside(
        &mut self,
        json: &Json,
        at: &Place,
        holder: (GraphIndex, usize),
        defaults: &Defaults,
        problems: &mut Problems,
    ) -> GraphIndex {
        if json.as_object().is_some_and(|map| !map.contains_key("tasks")) {
            let message = "what stands here is no `{tasks, outputs}`";
            problems.add(at, message, "put the tasks below `tasks:`, as in a document");
            return self.read(None, None, at, Some(holder), defaults, &mut Problems::default());
        }
        let map = problems.mapping(json, at, &["tasks", "outputs"]);
        let (tasks, outputs) = map.map_or((None, None), |map| (map.get("tasks"), map.get("outputs")));
        self.read(tasks, outputs, at, Some(holder), defaults, problems)
    }

    /// The tasks and the outputs of a mapping at `at`. A graph keeps its number while those inside it are read.
    pub fn read(
        &mut self,
        tasks: Option<&Json>,
        outputs: Option<&Json>,
        at: &Place,
        holder: Option<(GraphIndex, usize)>,
        defaults: &Defaults,
        problems: &mut Problems,
    ) -> GraphIndex {
        let number = self.drafts.len();
        let outer = holder.and_then(|(graph, _)| self.drafts.get(graph));
        let depth = outer.map_or(0, |draft| draft.depth + 1);
        self.drafts.push(GraphDraft {
            at: at.clone(),
            depth,
            ..GraphDraft::default()
        });
        let mut made = GraphDraft {
            at: at.clone(),
            depth,
            ..GraphDraft::default()
        };
        made.graph.outer = holder;
        if depth > DEPTH_MAX {
            problems.add(
                at,
                format!("tasks stand more than {DEPTH_MAX} deep in tasks"),
                "use a workflow of its own",
            );
            return number;
        }
        self.read_tasks(number, tasks, &mut made, defaults, problems);
        if let Some(json) = outputs {
            let at = at.child("outputs");
            if json.is_object() {
                made.graph.outputs = problems.template(json, &at);
            } else {
                problems.add(&at, "outputs are a mapping", "write `name: \"${...}\"` pairs");
            }
        }
        if let Some(place) = self.drafts.get_mut(number) {
            *place = made;
        }
        number
    }

    fn read_tasks(
        &mut self,
        number: GraphIndex,
        json: Option<&Json>,
        made: &mut GraphDraft,
        defaults: &Defaults,
        problems: &mut Problems,
    ) {
        let at = made.at.child("tasks");
        let Some(tasks) = json.and_then(Json::as_object).filter(|tasks| !tasks.is_empty()) else {
            let what = if number == 0 {
                "the workflow has no tasks"
            } else {
                "there are no tasks inside"
            };
            return problems.add(&at, what, "add `tasks:` with at least one");
        };
        self.tasks += tasks.len();
        if self.tasks > TASKS_MAX {
            let message = format!("{} tasks, at most {TASKS_MAX}", self.tasks);
            return problems.add(&at, message, "use for_each");
        }
        made.graph.nodes.reserve(tasks.len());
        for (name, task) in tasks {
            let at = at.child(name);
            problems.name(name, &at);
            let index = made.graph.nodes.len();
            // A task that could not be read keeps its name, so that who refers to it is not called wrong too.
            made.graph.by_name.insert(name.clone(), index);
            let (node, edges) = read_task(name, task, &at, (self, defaults, (number, index)), problems);
            made.graph.nodes.push(node);
            made.after.push(edges);
        }
    }
}
