//! Comprehensions: `all, exists, exists_one, map, filter`, over lists in their order and over objects by their keys.

use std::borrow::Cow;

use symphony_protocol::Value;

use crate::error::{Error, ErrorKind, type_error};
use crate::eval::{Evaluator, Given, Locals};
use crate::node::{Fold, Node, Operator};
use crate::scope::Scope;

impl<S: Scope + ?Sized> Evaluator<'_, S> {
    pub(crate) fn fold<'e>(&'e self, fold: &'e Fold, locals: Option<&'e Locals<'e>>) -> Given<'e> {
        let range = self.eval(&fold.range, locals)?;
        let mut made = self.own(self.eval(&fold.start, locals)?)?;
        let mut errors = Errors::of(fold);
        match &*range {
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    let index = Value::from(u64::try_from(at).unwrap_or(u64::MAX));
                    let goes_on = self.turn(fold, (&index, item), &mut made, locals);
                    if !errors.held(goes_on)? {
                        break;
                    }
                }
            }
            // By key: the order of an object's entries must not decide anything.
            Value::Map(entries) => {
                self.charge(entries.len())?;
                let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                for (key, value) in sorted {
                    let key = Value::Str(key.clone());
                    let item = if fold.variable2.is_some() { value } else { &key };
                    let goes_on = self.turn(fold, (&key, item), &mut made, locals);
                    if !errors.held(goes_on)? {
                        break;
                    }
                }
            }
            Value::Nil => {}
            other => return Err(type_error(format!("{} has no items", other.type_name()))),
        }
        errors.told(&made)?;
        if matches!(&fold.result, Node::Local(name) if *name == fold.accumulator) {
            return Ok(Cow::Owned(made));
        }
        let last = Locals {
            name: &fold.accumulator,
            value: &made,
            outer: locals,
        };
        let result = self.eval(&fold.result, Some(&last))?;
        self.own(result).map(Cow::Owned)
    }

    /// One turn; false: the rest cannot change the result.
    fn turn(
        &self,
        fold: &Fold,
        (key, item): (&Value, &Value),
        made: &mut Value,
        locals: Option<&Locals<'_>>,
    ) -> Result<bool, Error> {
        let next = {
            let so_far = Locals {
                name: &fold.accumulator,
                value: made,
                outer: locals,
            };
            let first = Locals {
                name: &fold.variable,
                value: if fold.variable2.is_some() { key } else { item },
                outer: Some(&so_far),
            };
            let second = fold.variable2.as_deref().map(|name| Locals {
                name,
                value: item,
                outer: Some(&first),
            });
            let locals = second.as_ref().unwrap_or(&first);
            if !self.truth(&fold.condition, Some(locals))? {
                return Ok(false);
            }
            self.step(fold, locals)?
        };
        match next {
            Next::Is(value) => *made = value,
            Next::Append(values) => match made {
                Value::Array(list) => list.extend(values),
                _ => return Err(type_error("a list was expected")),
            },
        }
        Ok(true)
    }

    /// `map` and `filter` append to their list: copying it at every turn would make them quadratic.
    fn step<'e>(&'e self, fold: &'e Fold, locals: &'e Locals<'e>) -> Result<Next, Error> {
        let items = match &fold.step {
            Node::Condition(test, yes, no) if is_accumulator(no, fold) => match appended(yes, fold) {
                Some(items) if self.truth(test, Some(locals))? => Some(items),
                Some(_) => Some([].as_slice()),
                None => None,
            },
            node => appended(node, fold),
        };
        let Some(items) = items else {
            return self.own(self.eval(&fold.step, Some(locals))?).map(Next::Is);
        };
        let values = items.iter().map(|item| self.own(self.eval(item, Some(locals))?));
        values.collect::<Result<_, _>>().map(Next::Append)
    }
}

/// Errors of single items, which `exists` and `all` forget where another item decides.
struct Errors {
    /// What decides, where the comprehension is one of these two.
    decides: Option<bool>,
    first: Option<Error>,
}

impl Errors {
    fn of(fold: &Fold) -> Self {
        let decides = match &fold.step {
            Node::Or(..) => Some(true),
            Node::And(..) => Some(false),
            _ => None,
        };
        Self { decides, first: None }
    }

    fn held(&mut self, goes_on: Result<bool, Error>) -> Result<bool, Error> {
        match goes_on {
            Err(error) if self.decides.is_some() && error.kind() != ErrorKind::Limit => {
                self.first.get_or_insert(error);
                Ok(true)
            }
            other => other,
        }
    }

    fn told(self, made: &Value) -> Result<(), Error> {
        match (self.first, self.decides) {
            (Some(error), Some(decides)) if *made != Value::Bool(decides) => Err(error),
            _ => Ok(()),
        }
    }
}

enum Next {
    Is(Value),
    Append(Vec<Value>),
}

fn is_accumulator(node: &Node, fold: &Fold) -> bool {
    matches!(node, Node::Local(name) if *name == fold.accumulator)
}

/// The items of `accumulator + [items]`.
fn appended<'e>(node: &'e Node, fold: &Fold) -> Option<&'e [Node]> {
    match node {
        Node::Binary(Operator::Add, left, right) => match &**right {
            Node::List(items) if is_accumulator(left, fold) => Some(items.as_slice()),
            _ => None,
        },
        _ => None,
    }
}
