//! From canonical JSON to a plan: the grammar, word by word.

mod grammar;
mod graphs;
mod header;
mod kinds;
mod limits;
mod parts;
mod task;

use serde_json::Value as Json;

use symphony_expression::Template;

use self::grammar::DOCUMENT_WORDS;
use self::graphs::Graphs;
pub use self::graphs::{GraphDraft, TASKS_MAX};
use self::header::{read_inputs, read_labels, read_priority};
use self::limits::read_budget;
pub use self::parts::After;
use self::task::Defaults;
use crate::plan::{Plan, ScopedLock};
use crate::versions::is_version;
use crate::words::{Place, Problems};

/// A description is shown, not run.
const DESCRIPTION_LENGTH_MAX: usize = 4000;

/// What a document says, before its references are resolved. The plan has no graphs yet: they stand beside it.
pub struct Draft {
    pub plan: Plan,
    pub graphs: Vec<GraphDraft>,
    /// Of the document's `lock`: the tasks that it is held over, with the place of each.
    pub scope: Vec<(String, Place)>,
}

/// Read a document. Problems are added; the draft is as complete as it could be made.
pub fn read(json: &Json, digest: String, problems: &mut Problems) -> Option<Draft> {
    let root = Place::default();
    let map = problems.mapping(json, &root, DOCUMENT_WORDS)?;
    let compensates = read_compensates(map.get("on_failure"), &root.child("on_failure"), problems);
    let defaults = Defaults::read(map.get("defaults"), &root.child("defaults"), problems);
    let (lock, scope) = match map
        .get("lock")
        .map(|json| read_lock(json, &root.child("lock"), problems))
    {
        Some(Some((key, scope))) => (
            Some(ScopedLock {
                key,
                scope: Vec::new(),
            }),
            scope,
        ),
        _ => (None, Vec::new()),
    };
    let plan = Plan {
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
        budget: map
            .get("budget")
            .and_then(|json| read_budget(json, &root.child("budget"), problems)),
        lock,
        compensates,
        tags: read_labels(map.get("tags"), &root.child("tags"), problems),
    };
    let mut graphs = Graphs::default();
    graphs.read(
        map.get("tasks"),
        map.get("outputs"),
        &root,
        None,
        &defaults,
        problems,
    );
    Some(Draft {
        plan,
        graphs: graphs.drafts,
        scope,
    })
}

fn read_compensates(json: Option<&Json>, at: &Place, problems: &mut Problems) -> bool {
    match json.map(|json| json.as_str().unwrap_or_default()) {
        None | Some("fail") => false,
        Some("compensate") => true,
        Some(other) => {
            let message = format!("`{other}` is not known here");
            problems.unknown(at, message, other, ["fail", "compensate"], None);
            false
        }
    }
}

/// `lock: {key, scope: [a, b]}`.
fn read_lock(json: &Json, at: &Place, problems: &mut Problems) -> Option<(Template, Vec<(String, Place)>)> {
    let map = problems.mapping(json, at, &["key", "scope"])?;
    let key = problems.needed(map, "key", at);
    let key = key.and_then(|json| problems.text_template(json, &at.child("key")));
    let scope = problems.needed(map, "scope", at);
    let scope_at = at.child("scope");
    let names = scope
        .map(|json| problems.texts(json, &scope_at))
        .unwrap_or_default();
    if scope.is_some() && names.is_empty() {
        let message = "a lock over no task at all";
        problems.add(&scope_at, message, "name the tasks that it is held over");
    }
    let named = names.into_iter().enumerate();
    let scope = named.map(|(index, name)| (name, scope_at.child(&index.to_string())));
    Some((key?, scope.collect()))
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
