//! Whether calls fit what functions declare, and words the values they are given.

use symphony_expression::{Expression, Template};
use symphony_protocol::TypeName::{Any, Array, Artifact, Boolean, Integer, Number, Object};
use symphony_protocol::{Function as Offered, TypeName};

use super::Known;
use crate::plan::{Action, Function, Kind, Node, Test, Wait};
use crate::types::{compatible, of_expression, of_template};
use crate::versions::VersionRange;
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
        check_truth(when, ("when", &at.child("when")), known, problems);
    }
    check_kind(&node.kind, at, known, problems);
    if let Some(function) = node.function() {
        check_call(function, &node.with, known, (at, &at.child("with")), problems);
        check_cache(node, known.functions.function(&function.capability), at, problems);
    }
    if let Some(undo) = &node.compensate {
        let at = at.child("compensate");
        check_call(
            &undo.function,
            &undo.with,
            known,
            (&at, &at.child("with")),
            problems,
        );
    }
    for (index, fallback) in node.fallback.iter().enumerate() {
        if let Action::Call(function) = &fallback.action {
            let here = at.child("fallback").child(&index.to_string());
            let (with, with_at) = match &fallback.with {
                Some(with) => (with, here.child("with")),
                None => (&node.with, at.child("with")),
            };
            check_call(function, with, known, (&here, &with_at), problems);
        }
    }
}

/// What the words of a form hold.
fn check_kind(kind: &Kind, at: &Place, known: &Known<'_>, problems: &mut Problems) {
    match kind {
        Kind::Switch(branches) => {
            for (index, branch) in branches.iter().enumerate() {
                if let Some(when) = &branch.when {
                    let at = at.child("switch").child(&index.to_string()).child("when");
                    check_truth(when, ("when", &at), known, problems);
                }
            }
        }
        Kind::Repeat(repeat) => {
            let (test, word) = match &repeat.test {
                Test::While(test) => (test, "while"),
                Test::Until(test) => (test, "until"),
            };
            // `until` sees the tasks of the turn.
            let inner = Known {
                graph: if word == "until" {
                    repeat.graph
                } else {
                    known.graph
                },
                ..*known
            };
            check_truth(test, (word, &at.child("repeat").child(word)), &inner, problems);
        }
        Kind::Wait(Wait::Event {
            condition: Some(condition),
            ..
        }) => {
            let at = at.child("wait_for").child("where");
            check_truth(condition, ("where", &at), known, problems);
        }
        Kind::Wait(Wait::Time(time)) => {
            let kind = of_expression(time, known);
            if ![Any, Integer, Number, TypeName::String].contains(&kind) {
                let message = format!("a time is seconds or text, not of type {}", kind.as_str());
                let at = at.child("wait_for").child("time");
                problems.add(&at, message, "write run.started + 60.0, or timestamp(\"...\")");
            }
        }
        _ => {}
    }
}

fn check_truth(
    expression: &Expression,
    (word, at): (&str, &Place),
    known: &Known<'_>,
    problems: &mut Problems,
) {
    let kind = of_expression(expression, known);
    if ![Any, Boolean].contains(&kind) {
        let message = format!("`{word}` is true or false, not of type {}", kind.as_str());
        problems.add(at, message, "compare it with something");
    }
}

/// The same inputs give the same result only where the function says so; whoever writes a key has said what it hangs on.
fn check_cache(node: &Node, function: Option<&Offered>, at: &Place, problems: &mut Problems) {
    let Some(cache) = &node.cache else { return };
    let at = at.child("cache");
    if node.pure == Some(false) {
        let message = "what is not pure has no result that could be used again";
        problems.add(&at, message, "leave out `cache`, or `pure: false`");
    } else if let Some(function) = function.filter(|function| !function.pure && cache.key.is_none()) {
        let capability = &function.capability;
        let message =
            format!("the function `{capability}` is not pure: equal inputs may give another result");
        problems.add(&at, message, "give it a `key` that says what the result hangs on");
    }
}

fn check_call(
    called: &Function,
    with: &Template,
    known: &Known<'_>,
    (at, with_at): (&Place, &Place),
    problems: &mut Problems,
) {
    let capability = called.capability.as_str();
    let Some(function) = known.functions.function(capability) else {
        if known.functions.complete() {
            let message = format!("no active extension offers the function `{capability}`");
            let names = known.functions.names();
            problems.unknown(&at.child("call"), message, capability, names, None);
        }
        return;
    };
    let function = match &called.range {
        None => function,
        Some(range) => {
            let versions = known.functions.versions(capability);
            let fitting = VersionRange::parse(range).and_then(|range| range.newest(versions.iter().copied()));
            let Some(version) = fitting else {
                return no_version(capability, range, versions, &at.child("call"), problems);
            };
            // It is held to what the newest takes: workers of any version in the range may get it.
            known
                .functions
                .of_version(capability, version)
                .unwrap_or(function)
        }
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

fn no_version(capability: &str, range: &str, mut versions: Vec<&str>, at: &Place, problems: &mut Problems) {
    versions.sort_by(|one, other| crate::versions::compare_versions(one, other));
    let shown = versions.split_off(versions.len().saturating_sub(5)).join(", ");
    let message = format!("no version of the function `{capability}` is in `{range}`: there are {shown}");
    problems.add(
        at,
        message,
        "take another range, or run a worker of such a version",
    );
}
