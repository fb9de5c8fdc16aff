//! What is known of types before anything runs: constants, inputs, and the outputs that functions declare.

use symphony_expression::{Expression, Path, Segment, Template};
use symphony_protocol::{TypeName, Value};

use crate::check::Functions;
use crate::plan::{Kind, Plan};

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
    use TypeName::{Any, Directory, File, Integer, Number, Object, String};
    let texts = [String, File, Directory];
    have == wanted
        || have == Any
        || wanted == Any
        || (have == Integer && wanted == Number)
        || (texts.contains(&have) && texts.contains(&wanted))
        || (have == Object && wanted == TypeName::Artifact)
        || (have == TypeName::Artifact && wanted == Object)
}

/// The type that a template will give, where it can be known.
pub fn of_template(template: &Template, plan: &Plan, functions: &dyn Functions) -> TypeName {
    match template {
        Template::Constant(data) => Value::unpack(data).map_or(TypeName::Any, |value| of_value(&value)),
        Template::Expression(expression) => of_expression(expression, plan, functions),
        Template::Text(_) => TypeName::String,
        Template::List(_) => TypeName::Array,
        Template::Map(_) => TypeName::Object,
    }
}

fn of_expression(expression: &Expression, plan: &Plan, functions: &dyn Functions) -> TypeName {
    match (expression.as_path(), expression.as_constant()) {
        (Some(path), _) => of_path(path, plan, functions),
        (None, Some(value)) => of_value(value),
        _ => TypeName::Any,
    }
}

fn of_value(value: &Value) -> TypeName {
    match value {
        Value::Nil | Value::Bin(_) => TypeName::Any,
        Value::Bool(_) => TypeName::Boolean,
        Value::Int(_) | Value::UInt(_) => TypeName::Integer,
        Value::Float(_) => TypeName::Number,
        Value::Str(_) => TypeName::String,
        Value::Array(_) => TypeName::Array,
        Value::Map(_) if value.is_reference() => TypeName::Artifact,
        Value::Map(_) => TypeName::Object,
    }
}

fn of_path(path: &Path, plan: &Plan, functions: &dyn Functions) -> TypeName {
    if path.segments.contains(&Segment::Each) {
        return TypeName::Array;
    }
    let Some(name) = path.name() else {
        return TypeName::Any;
    };
    match (path.root.as_str(), path.segments.len()) {
        ("inputs", 1) => plan
            .inputs
            .iter()
            .find(|(known, _)| known == name)
            .map_or(TypeName::Any, |(_, p)| p.r#type),
        ("tasks", depth) => {
            let Some((_, node)) = plan.named(name) else {
                return TypeName::Any;
            };
            if node.for_each.is_some() {
                return if depth == 1 {
                    TypeName::Array
                } else {
                    TypeName::Any
                };
            }
            let Kind::Call { capability, .. } = &node.kind else {
                return TypeName::Any;
            };
            let Some(outputs) = functions.function(capability).and_then(|f| f.outputs.as_ref()) else {
                return TypeName::Any;
            };
            match path.segments.get(1) {
                None => TypeName::Object,
                Some(Segment::Field(field)) if depth == 2 => {
                    outputs.get(field).map_or(TypeName::Any, |p| p.r#type)
                }
                _ => TypeName::Any,
            }
        }
        _ => TypeName::Any,
    }
}
