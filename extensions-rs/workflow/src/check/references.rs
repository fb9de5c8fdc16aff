//! Whether what an expression refers to exists.

use symphony_expression::{Expression, Path, Reference, Segment};
use symphony_protocol::TypeName;

use super::Known;
use crate::plan::Node;
use crate::types::fields;
use crate::words::{Place, Problems};

const META: &[&str] = &["status", "attempts", "error", "started", "ended"];
const RUN: &[&str] = &["id", "started", "attempt"];

/// Every reference of an expression; `seen` are the names that are seen there besides: an item, the state of a loop.
pub fn check(expression: &Expression, seen: &[&str], known: &Known<'_>, at: &Place, problems: &mut Problems) {
    // Columns are looked for only where there is something to tell.
    if expression.paths().iter().all(|path| fine(path, seen, known)) {
        return;
    }
    for reference in expression.references() {
        check_one(&reference, expression, seen, known, at, problems);
    }
}

/// A quick look that most references pass.
fn fine(path: &Path, seen: &[&str], known: &Known<'_>) -> bool {
    match (path.root.as_str(), path.name()) {
        ("inputs", Some(name)) => path.segments.len() == 1 && known.inputs.contains_key(name),
        ("tasks", Some(name)) => path.segments.len() == 1 && known.task(name).is_some(),
        ("state", name) if known.turn.is_some() => {
            seen.contains(&"state") && name.is_none_or(|name| known.state_names().contains(&name))
        }
        (root, _) => seen.contains(&root),
    }
}

fn check_one(
    reference: &Reference<'_>,
    expression: &Expression,
    seen: &[&str],
    known: &Known<'_>,
    at: &Place,
    problems: &mut Problems,
) {
    let Reference { path, column } = reference;
    match (path.root.as_str(), path.name()) {
        ("state", Some(name)) if seen.contains(&"state") && known.turn.is_some() => {
            let names = known.state_names();
            if !names.contains(&name) {
                let message = format!("`{path}`: the state of the loop has no `{name}`");
                problems.unknown(at, message, name, names, *column);
            }
        }
        (root, _) if seen.contains(&root) => {}
        ("inputs", Some(name)) => match known.inputs.get(name) {
            Some(parameter) => check_scalar(path, parameter.r#type, at, *column, problems),
            None => {
                let message = format!("`{path}`: there is no input `{name}`");
                let names = known.inputs.keys().copied();
                let mut names: Vec<&str> = names.collect();
                names.sort_unstable();
                problems.unknown(at, message, name, names, *column);
            }
        },
        ("inputs", None) => {}
        ("run", _) => check_word(path, 0, RUN, at, *column, problems),
        ("tasks" | "tasks_meta", None) => {
            let message = format!("`{path}` names no task");
            problems.add_at(at, message, format!("write {}.NAME", path.root), *column);
        }
        ("tasks" | "tasks_meta", Some(name)) => match known.task(name) {
            Some(node) if path.root == "tasks" => {
                check_field(path, node, known, at, *column, problems);
            }
            Some(_) => check_word(path, 1, META, at, *column, problems),
            None => {
                let message = format!("`{path}`: there is no task `{name}`");
                if let Some(holder) = known.hidden_in(name) {
                    let remedy = format!(
                        "it stands inside `{holder}`: give it to the outside in the `outputs` there, and write tasks.{holder}"
                    );
                    problems.add_at(at, message, remedy, *column);
                } else {
                    problems.unknown(at, message, name, known.task_names(), *column);
                }
            }
        },
        (root, _) => {
            let roots = ["inputs", "tasks", "tasks_meta", "run"].into_iter();
            let roots = roots.chain(seen.iter().copied());
            let message = format!("`{root}` is not known in `{}`", expression.text());
            problems.unknown(at, message, root, roots, *column);
        }
    }
}

/// The step number `place` of a path is one of a few words.
fn check_word(
    path: &Path,
    place: usize,
    words: &[&str],
    at: &Place,
    column: Option<u64>,
    problems: &mut Problems,
) {
    if let Some(Segment::Field(field)) = path.segments.get(place)
        && !words.contains(&field.as_str())
    {
        let message = format!("`{path}`: there is no `{field}`");
        problems.unknown(at, message, field, words.iter().copied(), column);
    }
}

/// A field of what has none. Of an artifact its `size, digest, media_type` are seen; a file may be one.
fn check_scalar(path: &Path, kind: TypeName, at: &Place, column: Option<u64>, problems: &mut Problems) {
    use TypeName::{Boolean, Integer, Number};
    if path.segments.len() > 1 && matches!(kind, Boolean | Integer | Number) {
        let message = format!(
            "`{path}`: the input is of type {}, which has no parts",
            kind.as_str()
        );
        problems.add_at(at, message, "refer to the input itself", column);
    }
}

/// The first field of a task's output, where it is known which it has.
fn check_field(
    path: &Path,
    node: &Node,
    known: &Known<'_>,
    at: &Place,
    column: Option<u64>,
    problems: &mut Problems,
) {
    let steps = path.segments.get(1..).unwrap_or_default();
    let field = match (steps, node.for_each.is_some()) {
        ([Segment::Field(field), ..], false)
        | ([Segment::Each | Segment::Index(_), Segment::Field(field), ..], true) => field,
        ([Segment::Field(field), ..], true) => {
            let message = format!(
                "`{path}`: the task `{}` is a map; its output is a list",
                node.name
            );
            let remedy = format!("write tasks.{}[*].{field}", node.name);
            problems.add_at(at, message, remedy, column);
            return;
        }
        _ => return,
    };
    if let Some(names) = fields(node, known).filter(|names| !names.contains(&field.as_str())) {
        let message = match node.capability() {
            Some(capability) => format!("`{path}`: the function `{capability}` gives no `{field}`"),
            None => format!("`{path}`: the task `{}` gives no `{field}`", node.name),
        };
        problems.unknown(at, message, field, names, column);
    }
}
