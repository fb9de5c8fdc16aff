//! An expression: its text, its compiled form, and what it refers to.

use symphony_protocol::{TypeName, Value};

use crate::compile::{Compiled, compile};
use crate::error::{Error, ErrorKind};
use crate::eval::Evaluator;
use crate::node::{Node, of_value};
use crate::path::Path;
use crate::reach::write_path;
use crate::scan::{closing, column_of};
use crate::scope::Scope;
use crate::verify::verify;

/// How much of a value an error shows, and how many values.
const SHOWN_LENGTH: usize = 120;
const SHOWN_COUNT: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    /// Characters before `text` in what was parsed.
    offset: u64,
    node: Node,
    paths: Vec<Path>,
}

/// A reference, and where it stands: from 1, in the text that was parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference<'a> {
    pub path: &'a Path,
    pub column: Option<u64>,
}

impl Expression {
    /// From a text with or without `${}` around it.
    ///
    /// Errors: `Syntax`, `Unknown` (a function), `Limit`; the message names the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let inner = unwrapped(text);
        if inner.is_empty() {
            return Err(Error::new(ErrorKind::Syntax, "the expression is empty"));
        }
        // A slice of `text`, so the difference of their places is the length of what was cut off.
        let before = text.find(inner).and_then(|at| text.get(..at)).unwrap_or_default();
        let offset = u64::try_from(before.chars().count()).unwrap_or_default();
        let Compiled { node, paths } = compile(inner).map_err(|error| {
            let column = error.column();
            let error = error.within(inner);
            column.map_or(error.clone(), |column| error.at(column + offset))
        })?;
        Ok(Self {
            text: inner.to_owned(),
            offset,
            node,
            paths,
        })
    }

    /// The same, of a longer text, behind so many characters.
    pub(crate) fn moved(mut self, characters: u64) -> Self {
        self.offset += characters;
        self
    }

    /// A constant.
    pub fn constant(value: Value) -> Self {
        Self {
            text: crate::functions::text(&value),
            offset: 0,
            node: Node::Literal(value),
            paths: Vec::new(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every reference in it, each once.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Every reference in it, each once, with its place.
    pub fn references(&self) -> impl Iterator<Item = Reference<'_>> {
        self.paths.iter().map(|path| Reference {
            path,
            column: self.column(path),
        })
    }

    fn column(&self, path: &Path) -> Option<u64> {
        let named = path.name().map(|name| format!("{}.{name}", path.root));
        let found = named.and_then(|named| column_of(&self.text, &named));
        let found = found.or_else(|| column_of(&self.text, &path.root))?;
        Some(found + self.offset)
    }

    /// The path that it is, where it is nothing more.
    pub fn as_path(&self) -> Option<&Path> {
        if let Node::Path(path, _) = &self.node {
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

    /// The type of what it gives, where that can be told without running it; None for a reference.
    pub fn gives(&self) -> Option<TypeName> {
        match &self.node {
            Node::Literal(value) => of_value(value),
            node => node.gives(),
        }
    }

    /// Errors: any kind but `Syntax`; the message names the expression and the values that it saw.
    pub fn eval<S: Scope + ?Sized>(&self, scope: &S) -> Result<Value, Error> {
        let evaluator = Evaluator::new(scope, self.paths.len());
        let found = evaluator.eval(&self.node, None);
        found
            .map(std::borrow::Cow::into_owned)
            .map_err(|error| self.explain(error, scope))
    }

    /// A condition.
    pub fn truth<S: Scope + ?Sized>(&self, scope: &S) -> Result<bool, Error> {
        let evaluator = Evaluator::new(scope, self.paths.len());
        let found = evaluator.truth(&self.node, None);
        found.map_err(|error| self.explain(error, scope))
    }

    /// Steps that an evaluation takes, at most one more than `COST_MAX`; for tests and figures.
    pub fn cost<S: Scope + ?Sized>(&self, scope: &S) -> u64 {
        let evaluator = Evaluator::new(scope, self.paths.len());
        let _ = evaluator.eval(&self.node, None);
        evaluator.cost()
    }

    /// The value as msgpack. A plain reference is copied from payload to payload. On an error `out` is as it was.
    pub fn write<S: Scope + ?Sized>(&self, scope: &S, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        let written = self
            .put(scope, out)
            .and_then(|()| verify(out.get(start..).unwrap_or_default()));
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// `write` without a look at what was copied.
    pub(crate) fn put<S: Scope + ?Sized>(&self, scope: &S, out: &mut Vec<u8>) -> Result<(), Error> {
        match &self.node {
            Node::Path(path, _) => write_path(scope, path, out).map_err(|error| self.explain(error, scope)),
            Node::Literal(value) => {
                value.write(out);
                Ok(())
            }
            node => {
                let evaluator = Evaluator::new(scope, self.paths.len());
                let found = evaluator.eval(node, None);
                found.map_err(|error| self.explain(error, scope))?.write(out);
                Ok(())
            }
        }
    }

    /// The error with the expression and the values that it saw.
    fn explain<S: Scope + ?Sized>(&self, error: Error, scope: &S) -> Error {
        let mut shown = Vec::new();
        for path in self.paths.iter().take(SHOWN_COUNT) {
            let mut out = Vec::new();
            let written = write_path(scope, path, &mut out).ok();
            if let Some(Ok(value)) = written.map(|()| Value::unpack(&out)) {
                let text = crate::functions::json(&value).unwrap_or_default();
                shown.push(format!("{path} = {}", cut(&text)));
            }
        }
        let explained = if shown.is_empty() {
            error
        } else {
            Error::new(error.kind(), format!("{error} ({})", shown.join(", ")))
        };
        explained.within(&cut(&self.text))
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_LENGTH) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Without the `${}` that stands around the whole of it.
fn unwrapped(text: &str) -> &str {
    let inner = text.trim();
    let inside = inner.strip_prefix("${").and_then(|rest| {
        let end = closing(rest)?;
        (end + 1 == rest.len()).then(|| rest.get(..end)).flatten()
    });
    inside.unwrap_or(inner).trim()
}
