//! What a workflow comes to, by the meaning of its words alone: no time, no order, no messages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::program::{Block, Each, Edge, Kind, MOST, Node, Program, Shape, Sum, Term, Test};

/// The output of a task that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Number(i64),
    Block { is: i64, branch: Option<usize> },
    Loop { n: i64, turns: Option<i64> },
    Wait(Option<i64>),
    List(Vec<Option<Output>>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Succeeded(Output),
    Skipped,
    /// It failed, and the document goes on.
    Failed,
}

/// The kinds of error that something may fail with: which of several comes first is a matter of time.
pub type Kinds = BTreeSet<&'static str>;

/// What a run has to come to.
#[derive(Debug)]
pub struct Meaning {
    pub fails: Option<Kinds>,
    pub statuses: BTreeMap<String, String>,
    pub outputs: Json,
}

#[derive(Clone, Copy, Default)]
struct Scope<'a> {
    around: Option<&'a Scope<'a>>,
    ends: Option<&'a BTreeMap<String, End>>,
    item: Option<i64>,
    state: Option<(i64, i64)>,
    input: Option<i64>,
}

impl<'a> Scope<'a> {
    fn inside(&'a self) -> Self {
        Self {
            around: Some(self),
            ..Self::default()
        }
    }

    fn find<T>(&self, what: &dyn Fn(&Scope) -> Option<T>) -> T {
        what(self).unwrap_or_else(|| self.around.expect("it is in sight").find(what))
    }

    fn task(&self, name: &str) -> Option<Output> {
        let end = self.find(&|scope| scope.ends?.get(name).cloned());
        match end {
            End::Succeeded(output) => Some(output),
            End::Skipped | End::Failed => None,
        }
    }

    fn sum(&self, sum: &Sum) -> i64 {
        sum.0.iter().map(|term| self.term(term)).sum::<i64>() % MOST
    }

    fn term(&self, term: &Term) -> i64 {
        match term {
            Term::Number(number) => *number,
            Term::Task(name, _) => self.task(name).map_or(0, |output| output.number()),
            Term::Sum(name, _) => match self.task(name) {
                Some(Output::List(items)) => items.iter().flatten().map(Output::number).sum(),
                _ => 0,
            },
            Term::Item => self.find(&|scope| scope.item),
            Term::State => self.find(&|scope| scope.state).0,
            Term::Iteration => self.find(&|scope| scope.state).1,
            Term::Input => self.find(&|scope| scope.input),
        }
    }

    fn holds(&self, test: &Test) -> bool {
        self.sum(&test.sum) % test.of > test.least
    }
}

impl Output {
    fn number(&self) -> i64 {
        match self {
            Self::Number(n) | Self::Block { is: n, .. } | Self::Loop { n, .. } | Self::Wait(Some(n)) => *n,
            Self::Wait(None) | Self::List(_) => 0,
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Number(number) => json!(number),
            Self::Block { is, branch: None } => json!({"is": is}),
            Self::Block {
                is,
                branch: Some(branch),
            } => json!({"is": is, "branch": branch}),
            Self::Loop { n, turns: None } => json!({"state": {"n": n}}),
            Self::Loop {
                n,
                turns: Some(turns),
            } => json!({"state": {"n": n, "k": turns}, "iterations": turns}),
            Self::Wait(value) => json!(value),
            Self::List(items) => items.iter().map(|item| item.as_ref().map(Self::json)).collect(),
        }
    }
}

impl Program {
    pub fn meaning(&self) -> Meaning {
        let ends = match block(&self.block, &Scope::default()) {
            Ok(ends) => ends,
            Err(kinds) => {
                return Meaning {
                    fails: Some(kinds),
                    statuses: BTreeMap::new(),
                    outputs: Json::Null,
                };
            }
        };
        let status = |end: &End| match end {
            End::Succeeded(_) => "succeeded".to_owned(),
            End::Skipped => "skipped".to_owned(),
            End::Failed => "failed".to_owned(),
        };
        let mut outputs = Map::new();
        for node in &self.block.nodes {
            let value = match &ends[&node.name] {
                End::Succeeded(output) => output.json(),
                // What a wait in a map gives is asked for of each of its items: of none where there are none.
                _ if node.each.is_some() && node.shape() == Shape::Wait => json!([]),
                _ => Json::Null,
            };
            outputs.insert(node.name.clone(), value);
        }
        let statuses = ends
            .iter()
            .map(|(name, end)| (name.clone(), status(end)))
            .collect();
        Meaning {
            fails: None,
            statuses,
            outputs: Json::Object(outputs),
        }
    }
}

/// The ends of all tasks; or why the whole fails, where one may not.
fn block(block: &Block, scope: &Scope) -> Result<BTreeMap<String, End>, Kinds> {
    let mut ends = BTreeMap::new();
    let mut kinds = Kinds::new();
    // What waits for a task that ends the whole is never asked.
    let mut never = BTreeSet::new();
    for node in &block.nodes {
        if node.after.iter().any(|(other, _)| never.contains(other)) {
            never.insert(node.name.clone());
            continue;
        }
        let inside = Scope {
            ends: Some(&ends),
            ..*scope
        };
        match task(node, &inside) {
            Ok(end) => {
                ends.insert(node.name.clone(), end);
            }
            Err(more) => {
                never.insert(node.name.clone());
                kinds.extend(more);
            }
        }
    }
    if kinds.is_empty() { Ok(ends) } else { Err(kinds) }
}

fn task(node: &Node, scope: &Scope) -> Result<End, Kinds> {
    let ends = scope.ends.expect("a task stands in a block");
    let blocked = node.after.iter().any(|(other, edge)| {
        matches!(
            (edge, &ends[other]),
            (Edge::Hard, End::Skipped) | (Edge::Optional, End::Failed)
        )
    });
    if blocked || node.when.as_ref().is_some_and(|when| !scope.holds(when)) {
        return Ok(End::Skipped);
    }
    match &node.each {
        None => fallen(node, attempt(node, scope)),
        Some(each) => map(node, each, scope),
    }
}

/// `on_failure`.
fn fallen(node: &Node, made: Result<Option<Output>, Kinds>) -> Result<End, Kinds> {
    match (made, node.on_failure) {
        (Ok(Some(output)), _) => Ok(End::Succeeded(output)),
        (Ok(None), _) | (Err(_), "skip") => Ok(End::Skipped),
        (Err(_), "continue") => Ok(End::Failed),
        (Err(kinds), _) => Err(kinds),
    }
}

fn map(node: &Node, each: &Each, scope: &Scope) -> Result<End, Kinds> {
    let count = scope.sum(&each.count) % 5;
    let mut items = Vec::new();
    let mut kinds = Kinds::new();
    let mut failed = 0;
    for item in 0..count {
        let inside = Scope {
            item: Some(item),
            ..scope.inside()
        };
        match (attempt(node, &inside), each.min_success) {
            (Err(more), Some(_)) => {
                failed += 1;
                kinds.extend(more);
                items.push(None);
            }
            (made, _) => match fallen(node, made) {
                Ok(End::Succeeded(output)) => items.push(Some(output)),
                Ok(_) => items.push(None),
                Err(more) => kinds.extend(more),
            },
        }
    }
    match each.min_success {
        None if !kinds.is_empty() => Err(kinds),
        Some(share) if (count - failed) * 100 < share * count => fallen(node, Err(kinds)),
        _ => Ok(End::Succeeded(Output::List(items))),
    }
}

/// A task once, with its fallback. None: it is skipped, since no branch holds.
fn attempt(node: &Node, scope: &Scope) -> Result<Option<Output>, Kinds> {
    let made = once(node, scope);
    match (made, node.fallback) {
        (Err(_), Some(value)) => Ok(Some(match node.shape() {
            Shape::Number => Output::Number(value),
            Shape::Block => Output::Block {
                is: value,
                branch: None,
            },
            Shape::Loop => Output::Loop {
                n: value,
                turns: None,
            },
            Shape::Wait => Output::Wait(Some(value)),
        })),
        (made, _) => made,
    }
}

fn once(node: &Node, scope: &Scope) -> Result<Option<Output>, Kinds> {
    match &node.kind {
        Kind::Call(x) => {
            let x = scope.sum(x);
            if node.failing(x) >= node.attempts {
                return Err(Kinds::from(["user", "lost"]));
            }
            Ok(Some(Output::Number(Node::called(x))))
        }
        Kind::Value { sum, divides: false } => Ok(Some(Output::Number(scope.sum(sum)))),
        Kind::Value { sum, divides: true } => match scope.sum(sum) % 3 {
            0 => Err(Kinds::from(["expression"])),
            by => Ok(Some(Output::Number(6 / by))),
        },
        Kind::Switch(branches) => {
            let holds =
                |(when, _): &(Option<Test>, Block)| when.as_ref().is_none_or(|when| scope.holds(when));
            let Some(branch) = branches.iter().position(holds) else {
                return Ok(None);
            };
            let inner = &branches[branch].1;
            let is = gives(inner, &scope.inside())?;
            Ok(Some(Output::Block {
                is,
                branch: Some(branch),
            }))
        }
        Kind::Repeat {
            start,
            turns,
            until,
            most,
            block,
        } => {
            let wanted = scope.sum(turns) % 4;
            let (mut n, mut turn) = (scope.sum(start), 0);
            while *until && turn == 0 || turn < wanted {
                if turn >= *most {
                    return Err(Kinds::from(["limit"]));
                }
                let inside = Scope {
                    state: Some((n, turn)),
                    ..scope.inside()
                };
                n = (n + gives(block, &inside)?) % MOST;
                turn += 1;
            }
            Ok(Some(Output::Loop { n, turns: Some(turn) }))
        }
        Kind::Signal { comes: false, .. } | Kind::Event { comes: false, .. } => Err(Kinds::from(["timeout"])),
        Kind::Signal { gives, .. } | Kind::Event { gives, .. } => Ok(Some(Output::Wait(Some(*gives)))),
        Kind::Duration(_) => Ok(Some(Output::Wait(None))),
        Kind::Workflow { x, block, .. } => {
            let input = Some(scope.sum(x));
            let is = gives(
                block,
                &Scope {
                    input,
                    ..Scope::default()
                },
            )?;
            Ok(Some(Output::Block { is, branch: None }))
        }
    }
}

/// What a block gives to the outside.
fn gives(inner: &Block, scope: &Scope) -> Result<i64, Kinds> {
    let ends = block(inner, scope)?;
    Ok(Scope {
        ends: Some(&ends),
        ..*scope
    }
    .sum(&inner.gives))
}
