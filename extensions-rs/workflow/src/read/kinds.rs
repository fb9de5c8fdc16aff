//! What a task is: a call, a value, a branch, a loop, another workflow, a wait, an approval.

use serde_json::{Map, Value as Json};
use symphony_expression::{Expression, Template};

use super::grammar::{FORMS, ONLY_FOR};
use super::graphs::Graphs;
use super::parts::read_call;
use super::task::Defaults;
use crate::plan::{Approve, Branch, Child, GraphIndex, Kind, Repeat, Test, Wait};
use crate::versions::VersionRange;
use crate::words::{Place, Problems};

/// Branches of one `switch`.
const BRANCHES_MAX: usize = 64;
/// Turns of one loop.
const TURNS_MAX: u64 = 1_000_000_000;

/// Reads what stands inside tasks into graphs of its own: `holder` is the graph and the index of the task.
pub struct Inside<'a> {
    pub graphs: &'a mut Graphs,
    pub defaults: &'a Defaults,
    pub holder: (GraphIndex, usize),
}

/// The task's kind, by the one word that says it.
pub fn read_kind(
    name: &str,
    map: &Map<String, Json>,
    at: &Place,
    inside: &mut Inside<'_>,
    problems: &mut Problems,
) -> Kind {
    let forms: Vec<&str> = FORMS
        .iter()
        .copied()
        .filter(|form| map.contains_key(*form))
        .collect();
    let form = match forms.as_slice() {
        [] => {
            let message = format!("the task `{name}` does nothing");
            problems.add(at, message, "give it `call: FUNCTION` or `value: EXPR`");
            return Kind::nothing();
        }
        [form] => *form,
        [form, other, ..] => {
            let message = format!("the task `{name}` has both `{form}` and `{other}`");
            problems.add(at, message, "keep one of them");
            return Kind::nothing();
        }
    };
    for (word, forms, remedy) in ONLY_FOR {
        if map.contains_key(*word) && !forms.contains(&form) {
            let message = format!("`{word}` has no meaning for a `{form}`");
            problems.add(&at.child(word), message, *remedy);
        }
    }
    if form != "call" && map.get("timeout").and_then(|json| json.get("queue")).is_some() {
        let message = format!("a `{form}` stands in no queue");
        problems.add(&at.child("timeout").child("queue"), message, "write {task: 10s}");
    }
    let Some(json) = map.get(form) else {
        return Kind::nothing();
    };
    let here = at.child(form);
    let made = match form {
        "call" => read_call(json, &here, problems).map(Kind::Call),
        "value" => problems.computed(json, &here).map(Kind::Value),
        "workflow" => read_child(json, map.get("inline"), &here, at, problems).map(Kind::Workflow),
        "switch" => read_switch(json, &here, inside, problems).map(Kind::Switch),
        "repeat" => read_repeat(json, &here, inside, problems).map(|made| Kind::Repeat(Box::new(made))),
        "wait_for" => read_wait(json, &here, problems).map(Kind::Wait),
        _ => read_approve(json, &here, problems).map(Kind::Approve),
    };
    made.unwrap_or_else(Kind::nothing)
}

fn read_child(
    json: &Json,
    inline: Option<&Json>,
    here: &Place,
    at: &Place,
    problems: &mut Problems,
) -> Option<Child> {
    let text = problems.text(json, here)?;
    let inline = inline.and_then(|json| problems.flag(json, &at.child("inline")));
    let (name, range) = match text.split_once('@') {
        Some((name, range)) => (name, Some(range)),
        None => (text, None),
    };
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let named = !name.is_empty() && name.len() <= 63 && name.bytes().all(fits);
    if !named || range.is_some_and(|range| VersionRange::parse(range).is_none()) {
        let message = format!("`{text}` names no workflow");
        problems.add(here, message, "write it as order, or order@^1.2");
        return None;
    }
    Some(Child {
        name: name.to_owned(),
        range: range.map(str::to_owned),
        inline: inline.unwrap_or(false),
    })
}

fn read_switch(
    json: &Json,
    here: &Place,
    inside: &mut Inside<'_>,
    problems: &mut Problems,
) -> Option<Vec<Branch>> {
    let items = problems.list(json, here)?;
    if items.is_empty() || items.len() > BRANCHES_MAX {
        let message = format!("a switch has 1 to {BRANCHES_MAX} branches, not {}", items.len());
        problems.add(
            here,
            message,
            "write [{when: EXPR, then: {tasks}}, {else: {tasks}}]",
        );
        return None;
    }
    let mut branches = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let at = here.child(&index.to_string());
        let Some(map) = problems.mapping(item, &at, &["when", "then", "else"]) else {
            continue;
        };
        let last = index + 1 == items.len();
        match (map.get("when"), map.get("then"), map.get("else")) {
            (Some(when), Some(then), None) => {
                let when = problems.condition(when, &at.child("when"));
                let graph =
                    inside
                        .graphs
                        .inside(then, &at.child("then"), inside.holder, inside.defaults, problems);
                branches.extend(when.map(|when| Branch {
                    when: Some(when),
                    graph,
                }));
            }
            (None, None, Some(rest)) if last => {
                let graph =
                    inside
                        .graphs
                        .inside(rest, &at.child("else"), inside.holder, inside.defaults, problems);
                branches.push(Branch { when: None, graph });
            }
            (None, None, Some(_)) => {
                let message = "no branch behind `else` is ever reached";
                problems.add(&at.child("else"), message, "put it last");
            }
            _ => problems.add(
                &at,
                "a branch is either `when` and `then`, or `else`",
                "give it these words",
            ),
        }
    }
    Some(branches)
}

fn read_repeat(
    json: &Json,
    here: &Place,
    inside: &mut Inside<'_>,
    problems: &mut Problems,
) -> Option<Repeat> {
    const WORDS: &[&str] = &["while", "until", "max_iterations", "state", "tasks", "next"];
    let map = problems.mapping(json, here, WORDS)?;
    let test = match (map.get("while"), map.get("until")) {
        (Some(json), None) => problems.condition(json, &here.child("while")).map(Test::While),
        (None, Some(json)) => problems.condition(json, &here.child("until")).map(Test::Until),
        _ => {
            problems.add(
                here,
                "a loop has either `while` or `until`",
                "give it one of them",
            );
            None
        }
    };
    let most = problems.needed(map, "max_iterations", here);
    let most = most.and_then(|json| problems.count(json, &here.child("max_iterations"), 1, TURNS_MAX));
    let state = map
        .get("state")
        .map(|json| problems.computed_map(json, &here.child("state")));
    let next = map
        .get("next")
        .map(|json| problems.computed_map(json, &here.child("next")));
    let graph = problems.needed(map, "tasks", here).map(|tasks| {
        inside.graphs.inside(
            tasks,
            &here.child("tasks"),
            inside.holder,
            inside.defaults,
            problems,
        )
    });
    Some(Repeat {
        test: test?,
        max_iterations: most?,
        state: state.unwrap_or_else(|| Some(Template::Map(Vec::new())))?,
        next: match next {
            Some(next) => Some(next?),
            None => None,
        },
        graph: graph?,
    })
}

fn read_wait(json: &Json, here: &Place, problems: &mut Problems) -> Option<Wait> {
    let map = problems.mapping(json, here, &["signal", "event", "where", "duration", "time"])?;
    let given: Vec<&str> = ["signal", "event", "duration", "time"]
        .into_iter()
        .filter(|word| map.contains_key(*word))
        .collect();
    let ([word], condition) = (given.as_slice(), map.get("where")) else {
        let message = "a wait is for one of `signal`, `event`, `duration` and `time`";
        problems.add(here, message, "give it one of them");
        return None;
    };
    if condition.is_some() && *word != "event" {
        let message = format!("`where` has no meaning for a {word}");
        problems.add(&here.child("where"), message, "leave it out");
    }
    let at = here.child(word);
    let json = map.get(*word)?;
    match *word {
        "signal" => problems.label(json, &at).map(|name| Wait::Signal { name }),
        "event" => {
            let condition = condition.map(|json| problems.condition(json, &here.child("where")));
            let name = problems.label(json, &at)?;
            let condition = match condition {
                Some(condition) => Some(condition?),
                None => None,
            };
            Some(Wait::Event { name, condition })
        }
        "duration" => problems.duration(json, &at).map(|ms| Wait::Duration { ms }),
        _ => read_time(json, &at, problems).map(Wait::Time),
    }
}

fn read_time(json: &Json, at: &Place, problems: &mut Problems) -> Option<Expression> {
    // What looks like a date is text only in quotes; as it stands CEL would read a sum.
    let text = json.as_str().unwrap_or_default();
    let mut bytes = text.bytes();
    if bytes.by_ref().take(4).all(|b| b.is_ascii_digit()) && bytes.next() == Some(b'-') {
        let message = format!("`{text}` is no expression");
        problems.add(at, message, format!("write timestamp(\"{text}\")"));
        return None;
    }
    problems.condition(json, at)
}

fn read_approve(json: &Json, here: &Place, problems: &mut Problems) -> Option<Approve> {
    let map = problems.mapping(json, here, &["by", "question"])?;
    let by = map.get("by").map(|json| problems.texts(json, &here.child("by")));
    let question = map
        .get("question")
        .map(|json| problems.text_template(json, &here.child("question")));
    Some(Approve {
        by: by.unwrap_or_default(),
        question: question.unwrap_or_else(|| Some(Template::Constant(vec![0xa0])))?,
    })
}
