//! What a quest's file may not say: names that nobody declared, numbers out of their range.

use super::document::{Document, Function};
use super::game::{FUNCTIONS_MAX, Invalid, POOLS_MAX};

/// # Errors
/// The first thing that is wrong, with its place.
pub fn check(document: &Document) -> Result<(), Invalid> {
    let refuse = |text: String| Err(Invalid(text));
    if document.version != 1 {
        return refuse(format!("version: {} is not known, 1 is", document.version));
    }
    if document.pools.is_empty() || document.pools.len() > POOLS_MAX {
        return refuse(format!("pools: from 1 to {POOLS_MAX}"));
    }
    if document.goals.is_empty() || document.functions.is_empty() || document.functions.len() > FUNCTIONS_MAX
    {
        return refuse(format!(
            "a quest has goals, and from 1 to {FUNCTIONS_MAX} functions"
        ));
    }
    let numbers = |function: &Function| {
        [
            function.duration_ms,
            function.spread,
            function.cost,
            function.slow_factor,
        ]
        .iter()
        .all(|n| n.is_finite() && *n >= 0.0)
    };
    for function in &document.functions {
        if !numbers(function) || function.duration_ms <= 0.0 {
            return refuse(format!(
                "functions: {}: durations and costs are positive numbers",
                function.name
            ));
        }
    }
    for pool in &document.pools {
        if pool.slots == 0 || !(pool.speed > 0.0 && pool.speed.is_finite() && pool.price >= 0.0) {
            return refuse(format!("pools: {}: slots and speed are above 0", pool.name));
        }
    }
    let outputs = document
        .functions
        .iter()
        .map(|f| (&f.output.name, &f.output.fields));
    let inputs = document
        .functions
        .iter()
        .flat_map(|f| f.inputs.iter().map(|i| (&i.name, &i.fields)));
    let others = document.artifacts.iter().map(|a| (&a.name, &a.fields));
    let goals = document.goals.iter().map(|g| (&g.name, &g.fields));
    for (name, fields) in outputs.chain(inputs).chain(others).chain(goals) {
        let Some(declared) = document.types.get(name) else {
            return refuse(format!("types: {name} is used and not declared"));
        };
        if let Some(field) = fields.keys().find(|field| !declared.contains(field)) {
            return refuse(format!("types: {name} has no field {field}"));
        }
    }
    Ok(())
}
