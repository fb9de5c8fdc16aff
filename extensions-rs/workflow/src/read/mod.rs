//! From canonical JSON to a plan: the grammar, word by word.

mod grammar;
mod header;
mod parts;
mod task;

use serde_json::Value as Json;

use self::grammar::DOCUMENT_WORDS;
use self::header::{is_version, read_inputs, read_labels, read_priority};
pub use self::parts::After;
use self::task::{Defaults, read_task};
use crate::plan::{Graph, Plan};
use crate::words::{Place, Problems};

/// Tasks of one document.
pub const TASKS_MAX: usize = 100_000;
/// A description is shown, not run.
const DESCRIPTION_LENGTH_MAX: usize = 4000;

/// What a document says, before its references are resolved.
pub struct Draft {
    pub plan: Plan,
    /// For each task the tasks of its `after`.
    pub after: Vec<After>,
}

/// Read a document. Problems are added; the draft is as complete as it could be made.
pub fn read(json: &Json, digest: String, problems: &mut Problems) -> Option<Draft> {
    let root = Place::default();
    let map = problems.mapping(json, &root, DOCUMENT_WORDS)?;
    for word in ["budget", "lock"]
        .into_iter()
        .filter(|word| map.contains_key(*word))
    {
        problems.later(word, &root);
    }
    match map
        .get("on_failure")
        .map(|json| json.as_str().unwrap_or_default())
    {
        None | Some("fail") => {}
        Some("compensate") => problems.add(
            &root.child("on_failure"),
            "`on_failure: compensate` is not supported yet",
            "leave it out",
        ),
        Some(other) => {
            let message = format!("`{other}` is not known here");
            problems.unknown(&root.child("on_failure"), message, other, ["fail"], None);
        }
    }
    let defaults = Defaults::read(map.get("defaults"), &root.child("defaults"), problems);
    let mut plan = Plan {
        name: read_name(map.get("workflow"), &root.child("workflow"), problems),
        version: read_version(map.get("version"), &root.child("version"), problems),
        digest,
        description: read_description(map.get("description"), &root, problems),
        inputs: read_inputs(map.get("inputs"), &root.child("inputs"), problems),
        graphs: Vec::new(),
        deadline_ms: map
            .get("deadline")
            .and_then(|json| problems.duration(json, &root.child("deadline"))),
        priority: read_priority(map.get("priority"), &root, problems).unwrap_or(5),
        budget: None,
        lock: None,
        compensates: false,
        tags: read_labels(map.get("tags"), &root.child("tags"), problems),
    };
    let mut graph = Graph::default();
    let after = read_tasks(
        map.get("tasks"),
        &root.child("tasks"),
        &defaults,
        &mut graph,
        problems,
    );
    if let Some(json) = map.get("outputs") {
        let at = root.child("outputs");
        if json.is_object() {
            graph.outputs = problems.template(json, &at);
        } else {
            problems.add(&at, "outputs are a mapping", "write `name: \"${...}\"` pairs");
        }
    }
    plan.graphs.push(graph);
    Some(Draft { plan, after })
}

fn read_tasks(
    json: Option<&Json>,
    at: &Place,
    defaults: &Defaults,
    graph: &mut Graph,
    problems: &mut Problems,
) -> Vec<After> {
    let mut after = Vec::new();
    match json.and_then(Json::as_object) {
        Some(tasks) if tasks.len() > TASKS_MAX => {
            let message = format!("{} tasks, at most {TASKS_MAX}", tasks.len());
            problems.add(at, message, "use for_each");
        }
        Some(tasks) if !tasks.is_empty() => {
            graph.nodes.reserve(tasks.len());
            for (name, task) in tasks {
                let at = at.child(name);
                problems.name(name, &at);
                // A task that could not be read keeps its name, so that who refers to it is not called wrong too.
                graph.by_name.insert(name.clone(), graph.nodes.len());
                let (node, edges) = read_task(name, task, &at, defaults, problems);
                graph.nodes.push(node);
                after.push(edges);
            }
        }
        _ => problems.add(at, "the workflow has no tasks", "add `tasks:` with at least one"),
    }
    after
}

fn read_name(json: Option<&Json>, at: &Place, problems: &mut Problems) -> String {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let Some(json) = json else {
        problems.add(at, "the workflow has no name", "add `workflow: name`");
        return String::new();
    };
    let Some(name) = problems.text(json, at) else {
        return String::new();
    };
    if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
        let message = format!("`{name}` is no workflow name");
        problems.add(at, message, "use 1 to 63 of a-z, 0-9 and -");
    }
    name.to_owned()
}

fn read_version(json: Option<&Json>, at: &Place, problems: &mut Problems) -> String {
    let version = json.map_or(Some("0.1.0"), |json| problems.text(json, at));
    let version = version.unwrap_or("0.1.0");
    if !is_version(version) {
        let message = format!("`{version}` is no semantic version");
        problems.add(at, message, "write it as 1.2.0");
    }
    version.to_owned()
}

fn read_description(json: Option<&Json>, at: &Place, problems: &mut Problems) -> String {
    let text = json.and_then(|json| problems.text(json, &at.child("description")));
    text.unwrap_or_default()
        .chars()
        .take(DESCRIPTION_LENGTH_MAX)
        .collect()
}
