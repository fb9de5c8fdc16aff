//! Values with expressions in them: `with:`, `outputs:`, keys of locks.
//!
//! `${EXPR}` alone keeps the type of what it gives; inside a text it is rendered; `$${` is a plain `${`.

use symphony_protocol::Value;
use symphony_protocol::raw::{write_array, write_map, write_text};

use crate::error::{Error, ErrorKind};
use crate::expression::Expression;
use crate::functions::text;
use crate::path::Path;
use crate::scope::Scope;

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
    /// From a value of a document.
    pub fn parse(value: &Value) -> Result<Self, Error> {
        Ok(match value {
            Value::Str(text) => Self::of_text(text)?,
            Value::Array(items) => {
                let made = items.iter().map(Self::parse).collect::<Result<Vec<_>, _>>()?;
                if made.iter().all(Self::is_constant) {
                    Self::Constant(value.pack())
                } else {
                    Self::List(made)
                }
            }
            Value::Map(entries) => {
                let made = entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Self::parse(value)?)))
                    .collect::<Result<Vec<_>, Error>>()?;
                // An object that is written out can be framed field by field, so it stays one.
                Self::Map(made)
            }
            other => Self::Constant(other.pack()),
        })
    }

    fn of_text(text: &str) -> Result<Self, Error> {
        let pieces = split(text)?;
        Ok(match pieces.as_slice() {
            [] => Self::Constant(Value::from("").pack()),
            [Piece::Plain(plain)] => Self::Constant(Value::from(plain.as_str()).pack()),
            [Piece::Expression(_)] => match pieces.into_iter().next() {
                Some(Piece::Expression(expression)) => Self::Expression(Box::new(expression)),
                _ => return Err(Error::new(ErrorKind::Syntax, "an empty text")),
            },
            _ => Self::Text(pieces),
        })
    }

    fn is_constant(&self) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Map(entries) => entries.iter().all(|(_, inner)| inner.is_constant()),
            _ => false,
        }
    }

    /// Every expression in it.
    pub fn expressions(&self) -> Vec<&Expression> {
        let mut found = Vec::new();
        self.visit(&mut found);
        found
    }

    fn visit<'a>(&'a self, found: &mut Vec<&'a Expression>) {
        match self {
            Self::Constant(_) => {}
            Self::Expression(expression) => found.push(expression),
            Self::Text(pieces) => found.extend(pieces.iter().filter_map(|piece| match piece {
                Piece::Expression(expression) => Some(expression),
                Piece::Plain(_) => None,
            })),
            Self::List(items) => items.iter().for_each(|item| item.visit(found)),
            Self::Map(entries) => entries.iter().for_each(|(_, item)| item.visit(found)),
        }
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.expressions()
            .into_iter()
            .flat_map(|expression| expression.paths().iter())
    }

    /// Write the value as msgpack.
    pub fn write<S: Scope + ?Sized>(&self, scope: &S, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Constant(data) => out.extend_from_slice(data),
            Self::Expression(expression) => expression.write(scope, out)?,
            Self::Text(pieces) => {
                let mut made = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Plain(plain) => made.push_str(plain),
                        Piece::Expression(expression) => made.push_str(&text(&expression.eval(scope)?)),
                    }
                }
                write_text(&made, out);
            }
            Self::List(items) => {
                write_array(items.len(), out);
                items.iter().try_for_each(|item| item.write(scope, out))?;
            }
            Self::Map(entries) => {
                write_map(entries.len(), out);
                for (key, item) in entries {
                    write_text(key, out);
                    item.write(scope, out)?;
                }
            }
        }
        Ok(())
    }

    pub fn render<S: Scope + ?Sized>(&self, scope: &S) -> Result<Value, Error> {
        let mut out = Vec::new();
        self.write(scope, &mut out)?;
        Value::unpack(&out).map_err(|error| Error::new(ErrorKind::Type, error.to_string()))
    }
}

/// Texts and expressions of a string. Braces inside an expression are counted, outside of its strings.
fn split(text: &str) -> Result<Vec<Piece>, Error> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (
            rest.get(..at).unwrap_or_default(),
            rest.get(at + 2..).unwrap_or_default(),
        );
        if let Some(kept) = before.strip_suffix('$') {
            plain.push_str(kept);
            plain.push_str("${");
            rest = after;
            continue;
        }
        plain.push_str(before);
        let end = closing(after).ok_or_else(|| {
            Error::new(ErrorKind::Syntax, format!("`{text}`: `${{` has no closing `}}`")).at(at as u64 + 1)
        })?;
        if !plain.is_empty() {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
        }
        let inside = after.get(..end).unwrap_or_default();
        let expression = Expression::parse(inside).map_err(|error| {
            let column = error.column().unwrap_or(1) + at as u64 + 2;
            error.at(column)
        })?;
        pieces.push(Piece::Expression(expression));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    Ok(pieces)
}

fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' => quote = Some(c),
                '{' => depth += 1,
                '}' if depth == 0 => return Some(at),
                '}' => depth -= 1,
                _ => {}
            },
        }
    }
    None
}
