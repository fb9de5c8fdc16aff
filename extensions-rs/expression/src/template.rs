//! Values with expressions in them: `with:`, `outputs:`, keys of locks.
//!
//! `${EXPR}` alone keeps the type of what it gives; inside a text it is rendered; `$${` is a plain `${`.

use symphony_protocol::bounds::COMPOSED_INPUT_BYTES_MAX;
use symphony_protocol::raw::{write_array, write_map, write_text};
use symphony_protocol::{TypeName, Value};

use crate::error::{Error, ErrorKind};
use crate::expression::Expression;
use crate::functions::text;
use crate::node::of_value;
use crate::path::Path;
use crate::scan::closing;
use crate::scope::Scope;
use crate::verify::verify;

#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    Constant(Vec<u8>),
    Expression(Box<Expression>),
    Text(Vec<Piece>),
    List(Vec<Template>),
    Map(Vec<(String, Template)>),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    Plain(String),
    Expression(Expression),
}

impl Template {
    /// From a value of a document. An object that is written out stays one, so that its fields can be framed one by one.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        let entry = |(key, value): &(String, Value)| Ok((key.clone(), Self::parse(value)?.folded()));
        Ok(match value {
            Value::Str(text) => Self::parse_text(text)?,
            Value::Array(items) => {
                let made = items.iter().map(|item| Self::parse(item).map(Self::folded));
                Self::List(made.collect::<Result<_, _>>()?).folded()
            }
            Value::Map(entries) => Self::Map(entries.iter().map(entry).collect::<Result<_, Error>>()?),
            other => Self::Constant(other.pack()),
        })
    }

    /// From a text of a document; an error's column is that of the whole text.
    pub fn parse_text(text: &str) -> Result<Self, Error> {
        let mut pieces = split(text)?;
        Ok(match (pieces.pop(), pieces.is_empty()) {
            (None, _) => Self::Constant(Value::from("").pack()),
            (Some(Piece::Plain(plain)), true) => Self::Constant(Value::from(plain).pack()),
            (Some(Piece::Expression(expression)), true) => Self::Expression(Box::new(expression)),
            (Some(last), false) => {
                pieces.push(last);
                Self::Text(pieces)
            }
        })
    }

    /// The bytes of what has no expression in it, once and for all.
    pub fn folded(self) -> Self {
        let mut out = Vec::new();
        match &self {
            Self::List(items) => {
                write_array(items.len(), &mut out);
                for item in items {
                    let Self::Constant(data) = item else { return self };
                    out.extend_from_slice(data);
                }
            }
            Self::Map(entries) => {
                write_map(entries.len(), &mut out);
                for (key, item) in entries {
                    let Self::Constant(data) = item else { return self };
                    write_text(key, &mut out);
                    out.extend_from_slice(data);
                }
            }
            _ => return self,
        }
        Self::Constant(out)
    }

    /// Every expression in it.
    pub fn expressions(&self) -> Vec<&Expression> {
        self.located()
            .into_iter()
            .map(|(_, expression)| expression)
            .collect()
    }

    /// Every expression in it with its place: a JSON pointer from here.
    pub fn located(&self) -> Vec<(String, &Expression)> {
        let mut found = Vec::new();
        self.visit(&mut String::new(), &mut found);
        found
    }

    fn visit<'a>(&'a self, at: &mut String, found: &mut Vec<(String, &'a Expression)>) {
        let mut inside = |step: &str, item: &'a Self| {
            let length = at.len();
            at.push('/');
            at.push_str(&step.replace('~', "~0").replace('/', "~1"));
            item.visit(at, found);
            at.truncate(length);
        };
        match self {
            Self::Constant(_) => {}
            Self::Expression(expression) => found.push((at.clone(), expression)),
            Self::Text(pieces) => found.extend(pieces.iter().filter_map(|piece| match piece {
                Piece::Expression(expression) => Some((at.clone(), expression)),
                Piece::Plain(_) => None,
            })),
            Self::List(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, item)| inside(&index.to_string(), item));
            }
            Self::Map(entries) => entries.iter().for_each(|(key, item)| inside(key, item)),
        }
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.expressions()
            .into_iter()
            .flat_map(|expression| expression.paths().iter())
    }

    /// The type of what it gives, where that can be told; None for a reference.
    pub fn gives(&self) -> Option<TypeName> {
        match self {
            Self::Constant(data) => Value::unpack(data).ok().and_then(|value| of_value(&value)),
            Self::Expression(expression) => expression.gives(),
            Self::Text(_) => Some(TypeName::String),
            Self::List(_) => Some(TypeName::Array),
            Self::Map(_) => Some(TypeName::Object),
        }
    }

    /// Write the value as msgpack; references are copied from payload to payload. On an error `out` is as it was.
    ///
    /// Errors: those of its expressions; `TooLarge` above `COMPOSED_INPUT_BYTES_MAX` bytes.
    pub fn write<S: Scope + ?Sized>(&self, scope: &S, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        let written = self
            .put(scope, start, out)
            .and_then(|()| verify(out.get(start..).unwrap_or_default()));
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn put<S: Scope + ?Sized>(&self, scope: &S, start: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Constant(data) => out.extend_from_slice(data),
            Self::Expression(expression) => expression.put(scope, out)?,
            Self::Text(pieces) => write_text(&rendered(pieces, scope)?, out),
            Self::List(items) => {
                write_array(items.len(), out);
                items.iter().try_for_each(|item| item.put(scope, start, out))?;
            }
            Self::Map(entries) => {
                write_map(entries.len(), out);
                for (key, item) in entries {
                    write_text(key, out);
                    item.put(scope, start, out)?;
                }
            }
        }
        if out.len() - start > COMPOSED_INPUT_BYTES_MAX {
            return Err(too_large("value", out.len() - start));
        }
        Ok(())
    }

    pub fn render<S: Scope + ?Sized>(&self, scope: &S) -> Result<Value, Error> {
        let mut out = Vec::new();
        self.write(scope, &mut out)?;
        Value::unpack(&out).map_err(|error| Error::new(ErrorKind::Type, error.to_string()))
    }
}

fn too_large(what: &str, bytes: usize) -> Error {
    let most = COMPOSED_INPUT_BYTES_MAX / (1024 * 1024);
    let message = format!(
        "the {what} has {bytes} bytes or more, at most {most} MiB fit; hand over an artifact, or a part of it"
    );
    Error::new(ErrorKind::TooLarge, message)
}

fn rendered<S: Scope + ?Sized>(pieces: &[Piece], scope: &S) -> Result<String, Error> {
    let mut made = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(plain) => made.push_str(plain),
            Piece::Expression(expression) => made.push_str(&text(&expression.eval(scope)?)),
        }
        if made.len() > COMPOSED_INPUT_BYTES_MAX {
            return Err(too_large("text", made.len()));
        }
    }
    Ok(made)
}

/// Texts and expressions of a string. Braces inside an expression are counted, outside of its strings.
fn split(text: &str) -> Result<Vec<Piece>, Error> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut done = 0;
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    while let Some(at) = part(done, text.len()).find("${").map(|at| done + at) {
        if let Some(kept) = part(done, at).strip_suffix('$') {
            plain.push_str(kept);
            plain.push_str("${");
            done = at + 2;
            continue;
        }
        plain.push_str(part(done, at));
        let inside = at + 2;
        let columns = u64::try_from(part(0, inside).chars().count()).unwrap_or_default();
        let end = closing(part(inside, text.len())).map(|end| inside + end);
        let unclosed = || Error::new(ErrorKind::Syntax, "`${` has no closing `}`").at(columns - 1);
        let end = end.ok_or_else(unclosed)?;
        if !plain.is_empty() {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
        }
        let expression = Expression::parse(part(inside, end)).map_err(|error| {
            let column = error.column().unwrap_or(1) + columns;
            error.at(column)
        })?;
        pieces.push(Piece::Expression(expression.moved(columns)));
        done = end + 1;
    }
    plain.push_str(part(done, text.len()));
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    Ok(pieces)
}
