//! What is known of types before anything runs: constants, inputs, and the outputs that functions declare.

use symphony_expression::{Expression, Path, Segment, Template};
use symphony_protocol::{TypeName, Value};

use crate::check::Known;
use crate::plan::{Kind, Node};

/// Whether a value is of a type. Paths are strings; an artifact is a reference or, where an SDK will store it, anything.
pub fn fits(value: &Value, wanted: TypeName) -> bool {
    let reference = value.is_reference();
    match wanted {
        TypeName::Any => true,
        TypeName::String | TypeName::File | TypeName::Directory => {
            matches!(value, Value::Str(_)) || reference
        }
        TypeName::Integer => matches!(value, Value::Int(_) | Value::UInt(_)),
        TypeName::Number => value.as_f64().is_some(),
        TypeName::Boolean => matches!(value, Value::Bool(_)),
        TypeName::Object => matches!(value, Value::Map(_)),
        TypeName::Array => matches!(value, Value::Array(_)) || reference,
        TypeName::Artifact => reference,
    }
}

/// Whether something of type `have` may be given where `wanted` is declared.
pub fn compatible(have: TypeName, wanted: TypeName) -> bool {
    use TypeName::{Any, Artifact, Directory, File, Integer, Number, Object, String};
    let texts = [String, File, Directory];
    have == wanted
        || have == Any
        || wanted == Any
        // Resolved by the worker before the call, unless the function asks for the reference itself.
        || have == Artifact
        || (wanted == Artifact && [Object, File].contains(&have))
        || (have == Integer && wanted == Number)
        || (texts.contains(&have) && texts.contains(&wanted))
}

/// The type that a template will give, where it can be known.
pub(crate) fn of_template(template: &Template, known: &Known<'_>) -> TypeName {
    match template {
        Template::Expression(expression) => of_expression(expression, known),
        other => other.gives().unwrap_or(TypeName::Any),
    }
}

pub(crate) fn of_expression(expression: &Expression, known: &Known<'_>) -> TypeName {
    match expression.as_path() {
        Some(path) => of_path(path, known),
        None => expression.gives().unwrap_or(TypeName::Any),
    }
}

fn of_path(path: &Path, known: &Known<'_>) -> TypeName {
    let Some(name) = path.name() else {
        let counts = ["index", "iteration"].contains(&path.root.as_str()) && path.segments.is_empty();
        return if counts { TypeName::Integer } else { TypeName::Any };
    };
    match (path.root.as_str(), path.segments.as_slice()) {
        ("inputs", [_]) => known.inputs.get(name).map_or(TypeName::Any, |input| input.r#type),
        ("tasks", [_, steps @ ..]) => of_output(name, steps, known),
        _ => TypeName::Any,
    }
}

/// Of a task's output. It may also be null: who declares a type is told only of what can never fit.
fn of_output(task: &str, steps: &[Segment], known: &Known<'_>) -> TypeName {
    let Some(node) = known.task(task) else {
        return TypeName::Any;
    };
    if node.for_each.is_some() {
        return match steps {
            [] | [Segment::Each, ..] => TypeName::Array,
            _ => TypeName::Any,
        };
    }
    if !node.fallback.is_empty() {
        return TypeName::Any;
    }
    match (steps, &node.kind) {
        (steps, Kind::Call(function)) => of_result(&function.capability, steps, known),
        ([], Kind::Switch(_) | Kind::Repeat(_) | Kind::Workflow(_) | Kind::Wait(_) | Kind::Approve(_)) => {
            TypeName::Object
        }
        ([Segment::Field(field)], Kind::Switch(_)) if field == "branch" => TypeName::Integer,
        ([Segment::Field(field)], Kind::Repeat(_)) if field == "iterations" => TypeName::Integer,
        ([Segment::Field(field)], Kind::Repeat(_)) if field == "state" => TypeName::Object,
        _ => TypeName::Any,
    }
}

fn of_result(capability: &str, steps: &[Segment], known: &Known<'_>) -> TypeName {
    let function = known.functions.function(capability);
    let Some(outputs) = function.and_then(|function| function.outputs.as_ref()) else {
        return TypeName::Any;
    };
    match steps {
        [] => TypeName::Object,
        [Segment::Field(field)] => outputs.get(field).map_or(TypeName::Any, |output| output.r#type),
        _ => TypeName::Any,
    }
}

/// The fields of a task's output, or of an item's where it is a map; None: nobody can tell.
pub(crate) fn fields<'a>(node: &'a Node, known: &Known<'a>) -> Option<Vec<&'a str>> {
    // A fallback may give other fields than what it stands in for.
    if !node.fallback.is_empty() {
        return None;
    }
    match &node.kind {
        Kind::Call(function) => {
            let function = known.functions.function(&function.capability)?;
            let outputs = function.outputs.as_ref()?;
            Some(outputs.keys().map(String::as_str).collect())
        }
        // Those of any of its branches.
        Kind::Switch(branches) => {
            let mut names = vec!["branch"];
            for branch in branches {
                match &known.plan.graph(branch.graph)?.outputs {
                    Some(Template::Map(entries)) => {
                        names.extend(entries.iter().map(|(name, _)| name.as_str()));
                    }
                    Some(_) => return None,
                    None => {}
                }
            }
            Some(names)
        }
        Kind::Repeat(_) => Some(vec!["state", "iterations"]),
        Kind::Wait(_) => Some(vec!["value", "by", "at"]),
        Kind::Approve(_) => Some(vec!["answer", "by", "at", "comment"]),
        Kind::Value(_) | Kind::Workflow(_) => None,
    }
}
