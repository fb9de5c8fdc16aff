//! A run's inputs against what its workflow declares: defaults filled in, types held.

use symphony_protocol::{Problem, TypeName, Value};

use crate::nearest::suggest;
use crate::plan::Plan;
use crate::types::fits;

fn problem(name: &str, message: String, remedy: String) -> Problem {
    Problem {
        at: format!("/inputs/{name}"),
        message,
        remedy,
        kind: "user".to_owned(),
        ..Default::default()
    }
}

/// The inputs as the run will see them, in the order of the declaration.
pub fn fill_inputs(plan: &Plan, given: &Value) -> Result<Value, Problem> {
    let Value::Map(entries) = given else {
        return Err(problem(
            "",
            format!("inputs are an object, not {}", given.type_name()),
            String::new(),
        ));
    };
    if let Some((name, _)) = entries
        .iter()
        .find(|(name, _)| !plan.inputs.iter().any(|(known, _)| known == name))
    {
        let known = plan.inputs.iter().map(|(known, _)| known.as_str());
        return Err(problem(
            name,
            format!("the workflow has no input `{name}`"),
            suggest(name, known),
        ));
    }
    let mut filled = Vec::with_capacity(plan.inputs.len());
    for (name, parameter) in &plan.inputs {
        let value = match given.get(name) {
            Some(Value::Nil) if !parameter.required => parameter.default.clone(),
            Some(value) => value.clone(),
            None if parameter.required => {
                let message = format!("the input `{name}` is missing");
                return Err(problem(name, message, format!("give it: -i {name}=...")));
            }
            None => parameter.default.clone(),
        };
        let absent = value == Value::Nil && !parameter.required;
        if !absent && !fits(&value, parameter.r#type) {
            let (have, wanted) = (value.type_name(), parameter.r#type.as_str());
            let message = format!("the input `{name}` is of type {have}, not {wanted}");
            return Err(problem(
                name,
                message,
                "give a value of the declared type".to_owned(),
            ));
        }
        // A whole number where a number is declared: expressions must not depend on how it was typed.
        let value = match (parameter.r#type, value) {
            (TypeName::Number, Value::Int(whole)) => Value::Float(whole as f64),
            (TypeName::Number, Value::UInt(whole)) => Value::Float(whole as f64),
            (_, value) => value,
        };
        filled.push((name.clone(), value));
    }
    Ok(Value::Map(filled))
}
