//! A workflow as the reference knows it, and how it is written as a document. Every value is a number below `MOST`, or made
//! of such; what did not succeed counts as 0.

use serde_json::{Map, Value as Json, json};

/// Values are taken modulo this, so that none grows over what a document may say.
pub const MOST: i64 = 1009;
/// What is never waited for in vain is waited for so long: longer than all that passes in a case.
pub const PATIENT: &str = "30d";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Hard,
    Soft,
    Optional,
}

/// How the output of a task is read as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Number,
    /// The outputs of a block, `{is}`.
    Block,
    /// `{state: {n, k}, iterations}`.
    Loop,
    /// `{value, by, at}`.
    Wait,
}

#[derive(Clone, Debug)]
pub enum Term {
    Number(i64),
    Task(String, Shape),
    /// The sum over a map's items.
    Sum(String, Shape),
    Item,
    State,
    Iteration,
    Input,
}

/// A sum of terms, modulo `MOST`.
#[derive(Clone, Debug)]
pub struct Sum(pub Vec<Term>);

/// Whether a sum modulo `of` is above `least`.
#[derive(Clone, Debug)]
pub struct Test {
    pub sum: Sum,
    pub of: i64,
    pub least: i64,
}

#[derive(Clone, Debug)]
pub struct Block {
    pub nodes: Vec<Node>,
    pub gives: Sum,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Call(Sum),
    /// With `divides`, 6 is divided by the sum modulo 3: an error where that is 0.
    Value {
        sum: Sum,
        divides: bool,
    },
    Switch(Vec<(Option<Test>, Block)>),
    Repeat {
        start: Sum,
        turns: Sum,
        until: bool,
        most: i64,
        block: Block,
    },
    Signal {
        name: String,
        gives: i64,
        comes: bool,
    },
    Event {
        name: String,
        gives: i64,
        comes: bool,
    },
    Duration(u32),
    /// A registered workflow, whose input is `x`.
    Workflow {
        name: String,
        inline: bool,
        x: Sum,
        block: Block,
    },
}

#[derive(Clone, Debug)]
pub struct Each {
    /// So many items, modulo 5.
    pub count: Sum,
    pub max_parallel: Option<u32>,
    /// In per cent.
    pub min_success: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub name: String,
    pub after: Vec<(String, Edge)>,
    pub when: Option<Test>,
    pub each: Option<Each>,
    pub kind: Kind,
    pub attempts: u32,
    /// So many attempts of a call fail before one succeeds, where its input modulo 4 is `fails_at`.
    pub fails: u32,
    pub fails_at: Option<i64>,
    pub fallback: Option<i64>,
    pub on_failure: &'static str,
    /// How it is undone is said.
    pub undo: bool,
}

#[derive(Clone, Debug)]
pub struct Program {
    pub block: Block,
    pub compensates: bool,
    /// It is cancelled at some moment, which may come too late.
    pub cancelled: bool,
}

impl Node {
    /// How its output is read, where it is no map.
    pub fn shape(&self) -> Shape {
        match self.kind {
            Kind::Call(_) | Kind::Value { .. } => Shape::Number,
            Kind::Switch(_) | Kind::Workflow { .. } => Shape::Block,
            Kind::Repeat { .. } => Shape::Loop,
            Kind::Signal { .. } | Kind::Event { .. } | Kind::Duration(_) => Shape::Wait,
        }
    }

    /// The word that makes it what it is.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Call(_) => "call",
            Kind::Value { .. } => "value",
            Kind::Switch(_) => "switch",
            Kind::Repeat { .. } => "repeat",
            Kind::Signal { .. } => "signal",
            Kind::Event { .. } => "event",
            Kind::Duration(_) => "duration",
            Kind::Workflow { .. } => "workflow",
        }
    }

    /// How many attempts of a call with this input fail.
    pub fn failing(&self, x: i64) -> u32 {
        if self.fails_at.is_none_or(|at| x % 4 == at) {
            self.fails
        } else {
            0
        }
    }

    /// What a call gives for its input.
    pub fn called(x: i64) -> i64 {
        (x * 3 + 1) % MOST
    }

    /// The blocks inside.
    pub fn blocks(&self) -> Vec<&Block> {
        match &self.kind {
            Kind::Switch(branches) => branches.iter().map(|(_, block)| block).collect(),
            Kind::Repeat { block, .. } | Kind::Workflow { block, .. } => vec![block],
            _ => Vec::new(),
        }
    }
}

fn read(value: &str, shape: Shape) -> String {
    match shape {
        Shape::Number => format!("default({value}, 0)"),
        Shape::Block => format!("default({value}.is, 0)"),
        Shape::Loop => format!("default({value}.state.n, 0)"),
        Shape::Wait => format!("default({value}.value, 0)"),
    }
}

fn term(term: &Term) -> String {
    match term {
        Term::Number(number) => number.to_string(),
        Term::Task(name, shape) => read(&format!("tasks.{name}"), *shape),
        Term::Sum(name, shape) => {
            format!("sum(default(tasks.{name}, []).map(x, {}))", read("x", *shape))
        }
        Term::Item => "item".to_owned(),
        Term::State => "state.n".to_owned(),
        Term::Iteration => "iteration".to_owned(),
        Term::Input => "inputs.x".to_owned(),
    }
}

pub fn sum(sum: &Sum) -> String {
    let terms: Vec<String> = sum.0.iter().map(term).collect();
    format!("(0 + {}) % {MOST}", terms.join(" + "))
}

fn test(test: &Test) -> String {
    format!("({}) % {} > {}", sum(&test.sum), test.of, test.least)
}

fn tasks(block: &Block) -> Json {
    Json::Object(
        block
            .nodes
            .iter()
            .map(|node| (node.name.clone(), written(node)))
            .collect(),
    )
}

fn inside(block: &Block) -> Json {
    json!({"tasks": tasks(block), "outputs": {"is": format!("${{{}}}", sum(&block.gives))}})
}

fn written(node: &Node) -> Json {
    let mut words = kind(&node.kind);
    let after: Vec<Json> = node
        .after
        .iter()
        .map(|(task, edge)| {
            let kind = match edge {
                Edge::Hard => "hard",
                Edge::Soft => "soft",
                Edge::Optional => "optional",
            };
            json!({"task": task, "kind": kind})
        })
        .collect();
    words.insert("after".to_owned(), json!(after));
    words.insert("on_failure".to_owned(), json!(node.on_failure));
    if let Some(when) = &node.when {
        words.insert("when".to_owned(), json!(test(when)));
    }
    if let Some(each) = &node.each {
        words.insert(
            "for_each".to_owned(),
            json!(format!("range(({}) % 5)", sum(&each.count))),
        );
        if let Some(most) = each.max_parallel {
            words.insert("max_parallel".to_owned(), json!(most));
        }
        if let Some(share) = each.min_success {
            words.insert("min_success".to_owned(), json!(format!("{share}%")));
        }
    }
    if matches!(node.kind, Kind::Call(_)) {
        let retry = json!({"max_attempts": node.attempts, "backoff": "10ms"});
        words.insert("retry".to_owned(), retry);
    }
    if node.undo {
        let retry = json!({"max_attempts": 2, "backoff": "10ms"});
        words.insert(
            "compensate".to_owned(),
            json!({"call": "undo", "with": {"of": "${output}"}, "retry": retry}),
        );
    }
    if let Some(value) = node.fallback {
        let value = match node.shape() {
            Shape::Number => json!(value),
            Shape::Block => json!({"is": value}),
            Shape::Loop => json!({"state": {"n": value}}),
            Shape::Wait => json!({"value": value}),
        };
        words.insert("fallback".to_owned(), json!([{"value": value}]));
    }
    Json::Object(words)
}

fn kind(kind: &Kind) -> Map<String, Json> {
    let words = match kind {
        Kind::Call(x) => json!({"call": "f", "with": {"x": format!("${{{}}}", sum(x))}}),
        Kind::Value {
            sum: x,
            divides: false,
        } => json!({"value": sum(x)}),
        Kind::Value {
            sum: x,
            divides: true,
        } => json!({"value": format!("6 / (({}) % 3)", sum(x))}),
        Kind::Switch(branches) => {
            let branches: Vec<Json> = branches
                .iter()
                .map(|(when, block)| match when {
                    Some(when) => json!({"when": test(when), "then": inside(block)}),
                    None => json!({"else": inside(block)}),
                })
                .collect();
            json!({"switch": branches})
        }
        Kind::Repeat {
            start,
            turns,
            until,
            most,
            block,
        } => {
            let wanted = format!("({}) % 4", sum(turns));
            let mut words = json!({
                "max_iterations": most,
                "state": {"n": format!("${{{}}}", sum(start)), "k": 0},
                "tasks": {"tasks": tasks(block)},
                "next": {"n": format!("${{(state.n + {}) % {MOST}}}", sum(&block.gives)), "k": "${state.k + 1}"},
            });
            if *until {
                words["until"] = json!(format!("state.k >= {wanted}"));
            } else {
                words["while"] = json!(format!("state.k < {wanted}"));
            }
            json!({"repeat": words})
        }
        Kind::Signal { name, comes, .. } => {
            json!({"wait_for": {"signal": name}, "timeout": patience(*comes)})
        }
        Kind::Event { name, gives, comes } => {
            json!({"wait_for": {"event": name, "where": format!("event == {gives}")}, "timeout": patience(*comes)})
        }
        Kind::Duration(ms) => json!({"wait_for": {"duration": format!("{ms}ms")}}),
        Kind::Workflow { name, inline, x, .. } => {
            json!({"workflow": name, "inline": inline, "with": {"x": format!("${{{}}}", sum(x))}})
        }
    };
    words.as_object().unwrap().clone()
}

fn patience(comes: bool) -> &'static str {
    if comes { PATIENT } else { "2s" }
}

impl Program {
    /// As it is submitted, but for its name and version.
    pub fn document(&self) -> Json {
        let outputs: Map<String, Json> = self
            .block
            .nodes
            .iter()
            .map(|node| (node.name.clone(), output(node)))
            .collect();
        let on_failure = if self.compensates { "compensate" } else { "fail" };
        json!({"tasks": tasks(&self.block), "outputs": outputs, "on_failure": on_failure})
    }
}

/// The whole output of a task, without what nobody can know before: when and by whom something came.
fn output(node: &Node) -> Json {
    let name = format!("tasks.{}", node.name);
    json!(match (node.shape(), &node.each) {
        (Shape::Wait, None) => format!("${{{name}.value}}"),
        (Shape::Wait, Some(_)) => format!("${{default({name}, []).map(x, x.value)}}"),
        _ => format!("${{{name}}}"),
    })
}

/// The document of a registered workflow.
pub fn registered(block: &Block) -> Json {
    let mut document = inside(block);
    document["inputs"] = json!({"x": {"type": "integer"}});
    document
}
