//! An expression: its text, its compiled form, and what it refers to.

use symphony_protocol::Value;

use crate::compile::compile;
use crate::error::{Error, ErrorKind};
use crate::eval::{Evaluator, write_path};
use crate::node::Node;
use crate::path::Path;
use crate::scope::Scope;

/// How much of a value an error shows.
const SHOWN_LENGTH: usize = 120;

#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    node: Node,
    paths: Vec<Path>,
}

impl Expression {
    /// From a text with or without `${}` around it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let inner = text.trim();
        let inner = inner
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(inner)
            .trim();
        if inner.is_empty() {
            return Err(Error::new(ErrorKind::Syntax, "the expression is empty"));
        }
        let node = compile(inner)?;
        let mut paths = Vec::new();
        collect(&node, &mut paths);
        Ok(Self {
            text: inner.to_owned(),
            node,
            paths,
        })
    }

    /// A constant.
    pub fn constant(value: Value) -> Self {
        Self {
            text: crate::functions::text(&value),
            node: Node::Literal(value),
            paths: Vec::new(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every reference in it, in the order of the text.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The path that it is, where it is nothing more.
    pub fn as_path(&self) -> Option<&Path> {
        if let Node::Path(path) = &self.node {
            Some(path)
        } else {
            None
        }
    }

    /// The constant that it is.
    pub fn as_constant(&self) -> Option<&Value> {
        if let Node::Literal(value) = &self.node {
            Some(value)
        } else {
            None
        }
    }

    pub fn eval<S: Scope + ?Sized>(&self, scope: &S) -> Result<Value, Error> {
        Evaluator::new(scope)
            .eval(&self.node)
            .map_err(|error| self.explain(error, scope))
    }

    /// A condition.
    pub fn truth<S: Scope + ?Sized>(&self, scope: &S) -> Result<bool, Error> {
        Evaluator::new(scope)
            .truth(&self.node)
            .map_err(|error| self.explain(error, scope))
    }

    /// The value as msgpack. A plain reference is copied from payload to payload.
    pub fn write<S: Scope + ?Sized>(&self, scope: &S, out: &mut Vec<u8>) -> Result<(), Error> {
        match &self.node {
            Node::Path(path) => write_path(scope, path, out).map_err(|error| self.explain(error, scope)),
            Node::Literal(value) => {
                value.write(out);
                Ok(())
            }
            _ => {
                self.eval(scope)?.write(out);
                Ok(())
            }
        }
    }

    /// The error with the expression and the values that it saw.
    fn explain<S: Scope + ?Sized>(&self, error: Error, scope: &S) -> Error {
        let mut shown = String::new();
        for path in self.paths.iter().take(4) {
            let mut out = Vec::new();
            if write_path(scope, path, &mut out).is_ok()
                && let Ok(value) = Value::unpack(&out)
            {
                let text = crate::functions::json(&value).unwrap_or_default();
                let cut: String = text.chars().take(SHOWN_LENGTH).collect();
                let more = if cut.len() < text.len() { "..." } else { "" };
                shown.push_str(&format!(
                    "{}{path} = {cut}{more}",
                    if shown.is_empty() { " (" } else { ", " }
                ));
            }
        }
        if !shown.is_empty() {
            shown.push(')');
        }
        let explained = Error::new(error.kind(), format!("{error}{shown}"));
        explained.within(&self.text)
    }
}

fn collect(node: &Node, paths: &mut Vec<Path>) {
    match node {
        Node::Path(path) => {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        Node::Literal(_) | Node::Local(_) => {}
        Node::Select(inner, _) | Node::Each(inner) | Node::Has(inner, _) => collect(inner, paths),
        Node::Not(inner) | Node::NotStrictlyFalse(inner) | Node::Negate(inner) => collect(inner, paths),
        Node::Index(a, b)
        | Node::Binary(_, a, b)
        | Node::And(a, b)
        | Node::Or(a, b)
        | Node::Default(a, b) => {
            collect(a, paths);
            collect(b, paths);
        }
        Node::Condition(a, b, c) => [a, b, c].into_iter().for_each(|inner| collect(inner, paths)),
        Node::List(items) | Node::Call(_, items) => items.iter().for_each(|inner| collect(inner, paths)),
        Node::Map(entries) => entries.iter().for_each(|(key, value)| {
            collect(key, paths);
            collect(value, paths);
        }),
        Node::SortBy { list, key, .. } => {
            collect(list, paths);
            collect(key, paths);
        }
        Node::Fold(fold) => {
            [
                &fold.range,
                &fold.start,
                &fold.condition,
                &fold.step,
                &fold.result,
            ]
            .into_iter()
            .for_each(|inner| collect(inner, paths));
        }
    }
}
