//! Whether calls fit what functions declare, and words the values they are given.

use symphony_expression::Template;
use symphony_protocol::TypeName::{Any, Array, Artifact, Boolean, Object};

use super::Known;
use crate::plan::{Action, Node};
use crate::types::{compatible, of_expression, of_template};
use crate::words::{Place, Problems};

pub fn check(node: &Node, at: &Place, known: &Known<'_>, problems: &mut Problems) {
    if let Some(each) = &node.for_each {
        let kind = of_template(&each.items, known);
        if ![Any, Array, Object, Artifact].contains(&kind) {
            let message = format!("for_each goes over a list or an object, not a {}", kind.as_str());
            problems.add(&at.child("for_each"), message, "refer to a list");
        }
    }
    if let Some(when) = &node.when {
        let kind = of_expression(when, known);
        if ![Any, Boolean].contains(&kind) {
            let message = format!("`when` is true or false, not of type {}", kind.as_str());
            problems.add(&at.child("when"), message, "compare it with something");
        }
    }
    if let Some(capability) = node.capability() {
        check_call(capability, &node.with, known, (at, &at.child("with")), problems);
    }
    if let Some(undo) = &node.compensate {
        let at = at.child("compensate");
        let capability = &undo.function.capability;
        check_call(capability, &undo.with, known, (&at, &at.child("with")), problems);
    }
    for (index, fallback) in node.fallback.iter().enumerate() {
        if let Action::Call(function) = &fallback.action {
            let capability = &function.capability;
            let here = at.child("fallback").child(&index.to_string());
            let (with, with_at) = match &fallback.with {
                Some(with) => (with, here.child("with")),
                None => (&node.with, at.child("with")),
            };
            check_call(capability, with, known, (&here, &with_at), problems);
        }
    }
}

fn check_call(
    capability: &str,
    with: &Template,
    known: &Known<'_>,
    (at, with_at): (&Place, &Place),
    problems: &mut Problems,
) {
    let Some(function) = known.functions.function(capability) else {
        if known.functions.complete() {
            let message = format!("no active extension offers the function `{capability}`");
            let names = known.functions.names();
            problems.unknown(&at.child("call"), message, capability, names, None);
        }
        return;
    };
    let Template::Map(entries) = with else { return };
    for (name, template) in entries {
        let Some(parameter) = function.inputs.get(name) else {
            if !function.open_inputs {
                let names = function.inputs.keys().map(String::as_str);
                let message = format!("the function `{capability}` takes no `{name}`");
                problems.unknown(&with_at.child(name), message, name, names, None);
            }
            continue;
        };
        let have = of_template(template, known);
        if !compatible(have, parameter.r#type) {
            let (have, wanted) = (have.as_str(), parameter.r#type.as_str());
            let message = format!("`{name}` of `{capability}` is of type {wanted}, not {have}");
            problems.add(&with_at.child(name), message, "give a value of the declared type");
        }
    }
    let required = function.inputs.iter().filter(|(_, parameter)| parameter.required);
    for (name, _) in required {
        if !entries.iter().any(|(known, _)| known == name) {
            let message = format!("the function `{capability}` needs `{name}`");
            problems.add(with_at, message, format!("add `{name}:` to its inputs"));
        }
    }
}
