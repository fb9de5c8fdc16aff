//! Evaluation: strict, ordered, and charged for every step.

use std::borrow::Cow;

use symphony_protocol::{Value, bounds};

use crate::compare::{equal, order};
use crate::error::{Error, ErrorKind, type_error};
use crate::functions;
use crate::node::{Fold, Node, Operator};
use crate::path::Path;
use crate::scope::{Root, Scope};

/// Steps of one evaluation: about a tenth of a second at worst, so that one hostile expression cannot hold the fold.
pub const COST_MAX: u64 = 2_000_000;

/// One evaluation under way.
pub struct Evaluator<'a, S: Scope + ?Sized> {
    scope: &'a S,
    locals: Vec<(&'a str, Value)>,
    cost: u64,
}

impl<'a, S: Scope + ?Sized> Evaluator<'a, S> {
    pub fn new(scope: &'a S) -> Self {
        Self {
            scope,
            locals: Vec::new(),
            cost: 0,
        }
    }

    /// Pay for work that is proportional to `amount`.
    pub fn charge(&mut self, amount: usize) -> Result<(), Error> {
        self.cost = self
            .cost
            .saturating_add(u64::try_from(amount).unwrap_or(u64::MAX));
        if self.cost > COST_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("it costs more than {COST_MAX} steps"),
            ));
        }
        Ok(())
    }

    pub fn eval(&mut self, node: &'a Node) -> Result<Value, Error> {
        self.charge(1)?;
        match node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Local(name) => self.local(name).cloned(),
            Node::Path(path) => self.path(path),
            Node::Select(operand, field) => select(&self.eval(operand)?, field),
            Node::Each(operand) => match self.eval(operand)? {
                list @ (Value::Array(_) | Value::Nil) => Ok(list),
                other => Err(type_error(format!("[*] of {}", other.type_name()))),
            },
            Node::Has(operand, field) => Ok(Value::Bool(self.has(operand, field)?)),
            Node::Index(operand, index) => self.index(operand, index),
            Node::Binary(operator, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                self.binary(*operator, left, right)
            }
            Node::And(left, right) => self.junction(left, right, false),
            Node::Or(left, right) => self.junction(left, right, true),
            Node::Not(operand) => Ok(Value::Bool(!self.truth(operand)?)),
            Node::NotStrictlyFalse(operand) => {
                Ok(Value::Bool(!matches!(self.eval(operand), Ok(Value::Bool(false)))))
            }
            Node::Negate(operand) => functions::negate(&self.eval(operand)?),
            Node::Condition(test, yes, no) => {
                if self.truth(test)? {
                    self.eval(yes)
                } else {
                    self.eval(no)
                }
            }
            Node::List(items) => Ok(Value::Array(
                items.iter().map(|i| self.eval(i)).collect::<Result<_, _>>()?,
            )),
            Node::Map(entries) => self.map(entries),
            Node::Call(name, arguments) => {
                let values = arguments
                    .iter()
                    .map(|a| self.eval(a))
                    .collect::<Result<Vec<_>, _>>()?;
                let cost = values.iter().map(weight).sum();
                self.charge(cost)?;
                let made = functions::call(name, values)?;
                self.charge(weight(&made))?;
                Ok(made)
            }
            Node::Default(operand, fallback) => match self.eval(operand) {
                Ok(Value::Nil) => self.eval(fallback),
                Err(error) if error.kind() != ErrorKind::Limit => self.eval(fallback),
                other => other,
            },
            Node::SortBy { list, variable, key } => self.sort_by(list, variable, key),
            Node::Fold(fold) => self.fold(fold),
        }
    }

    pub fn truth(&mut self, node: &'a Node) -> Result<bool, Error> {
        match self.eval(node)? {
            Value::Bool(value) => Ok(value),
            other => Err(type_error(format!(
                "a condition is a boolean, not {}",
                other.type_name()
            ))),
        }
    }

    fn local(&self, name: &str) -> Result<&Value, Error> {
        let found = self.locals.iter().rev().find(|(known, _)| *known == name);
        found
            .map(|(_, value)| value)
            .ok_or_else(|| Error::new(ErrorKind::Unknown, format!("`{name}` is not set")))
    }

    fn path(&mut self, path: &Path) -> Result<Value, Error> {
        let mut out = Vec::new();
        write_path(self.scope, path, &mut out)?;
        self.charge(out.len() / 8)?;
        Value::unpack(&out).map_err(|error| type_error(error.to_string()))
    }

    fn has(&mut self, operand: &'a Node, field: &str) -> Result<bool, Error> {
        match self.eval(operand)? {
            Value::Nil => Ok(false),
            Value::Map(entries) => Ok(entries.iter().any(|(key, _)| key == field)),
            other => Err(type_error(format!("has() of a field of {}", other.type_name()))),
        }
    }

    fn index(&mut self, operand: &'a Node, index: &'a Node) -> Result<Value, Error> {
        let (operand, index) = (self.eval(operand)?, self.eval(index)?);
        match (&operand, &index) {
            (Value::Nil, _) => Ok(Value::Nil),
            (Value::Map(_), Value::Str(field)) => select(&operand, field),
            (Value::Array(items), Value::Int(at)) => {
                let found = usize::try_from(*at).ok().and_then(|at| items.get(at));
                found.cloned().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unknown,
                        format!("there is no item {at} in a list of {}", items.len()),
                    )
                })
            }
            _ => Err(type_error(format!(
                "{} cannot be indexed by {}",
                operand.type_name(),
                index.type_name()
            ))),
        }
    }

    /// CEL's `&&` and `||`: an error on one side does not matter where the other side decides.
    fn junction(&mut self, left: &'a Node, right: &'a Node, decides: bool) -> Result<Value, Error> {
        let first = self.truth(left);
        if matches!(first, Ok(value) if value == decides) {
            return Ok(Value::Bool(decides));
        }
        if matches!(&first, Err(error) if error.kind() == ErrorKind::Limit) {
            return first.map(Value::Bool);
        }
        let second = self.truth(right)?;
        if second == decides {
            Ok(Value::Bool(decides))
        } else {
            first.map(|_| Value::Bool(second))
        }
    }

    fn binary(&mut self, operator: Operator, left: Value, right: Value) -> Result<Value, Error> {
        use std::cmp::Ordering::{Greater, Less};
        self.charge((weight(&left) + weight(&right)) / 8)?;
        let compared = |wanted: fn(std::cmp::Ordering) -> bool| {
            order(&left, &right)
                .map(|found| Value::Bool(wanted(found)))
                .ok_or_else(|| {
                    type_error(format!(
                        "{} and {} have no order",
                        left.type_name(),
                        right.type_name()
                    ))
                })
        };
        match operator {
            Operator::Equals => Ok(Value::Bool(equal(&left, &right))),
            Operator::NotEquals => Ok(Value::Bool(!equal(&left, &right))),
            Operator::Less => compared(|o| o == Less),
            Operator::LessEquals => compared(|o| o != Greater),
            Operator::Greater => compared(|o| o == Greater),
            Operator::GreaterEquals => compared(|o| o != Less),
            Operator::In => match &right {
                Value::Array(items) => Ok(Value::Bool(items.iter().any(|item| equal(item, &left)))),
                Value::Map(_) => Ok(Value::Bool(
                    left.as_str().is_some_and(|key| right.get(key).is_some()),
                )),
                other => Err(type_error(format!("`in` of {}", other.type_name()))),
            },
            _ => functions::arithmetic(operator, left, right),
        }
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Result<Value, Error> {
        let mut made: Vec<(String, Value)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Value::Str(key) = self.eval(key)? else {
                return Err(type_error("an object's keys are strings"));
            };
            if made.iter().any(|(known, _)| *known == key) {
                return Err(type_error(format!("the key `{key}` stands twice")));
            }
            made.push((key, self.eval(value)?));
        }
        Ok(Value::Map(made))
    }

    fn sort_by(&mut self, list: &'a Node, variable: &'a str, key: &'a Node) -> Result<Value, Error> {
        let Value::Array(items) = self.eval(list)? else {
            return Err(type_error("sort_by sorts a list"));
        };
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            self.locals.push((variable, item.clone()));
            let made = self.eval(key);
            self.locals.pop();
            keyed.push((made?, item));
        }
        self.charge(keyed.len() * 8)?;
        functions::sorted(keyed)
    }

    fn fold(&mut self, fold: &'a Fold) -> Result<Value, Error> {
        let items = match self.eval(&fold.range)? {
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(at, item)| (Value::from(at as u64), item))
                .collect(),
            // By key: the order of a map's entries must not decide anything.
            Value::Map(mut entries) => {
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                let both = fold.variable2.is_some();
                let pair = |(key, value): (String, Value)| {
                    if both {
                        (Value::Str(key), value)
                    } else {
                        (Value::Nil, Value::Str(key))
                    }
                };
                entries.into_iter().map(pair).collect::<Vec<_>>()
            }
            Value::Nil => Vec::new(),
            other => return Err(type_error(format!("a {} has no items", other.type_name()))),
        };
        let start = self.eval(&fold.start)?;
        let base = self.locals.len();
        self.locals.push((&fold.accumulator, start));
        let outcome = self.fold_items(fold, items, base);
        self.locals.truncate(base + 1);
        let result = match outcome {
            Ok(()) => self.eval(&fold.result),
            Err(error) => Err(error),
        };
        self.locals.truncate(base);
        result
    }

    fn fold_items(&mut self, fold: &'a Fold, items: Vec<(Value, Value)>, base: usize) -> Result<(), Error> {
        for (key, item) in items {
            self.locals.truncate(base + 1);
            match &fold.variable2 {
                Some(second) => self
                    .locals
                    .extend([(fold.variable.as_str(), key), (second.as_str(), item)]),
                None => self.locals.push((&fold.variable, item)),
            }
            if !self.truth(&fold.condition)? {
                return Ok(());
            }
            let next = self.step(fold, base)?;
            if let Some(slot) = self.locals.get_mut(base) {
                slot.1 = next;
            }
        }
        Ok(())
    }

    /// One step. `map` and `filter` append to their list: it is taken out and put back longer, since copying it at every
    /// item would make them quadratic.
    fn step(&mut self, fold: &'a Fold, base: usize) -> Result<Value, Error> {
        let appended = |node: &'a Node| match node {
            Node::Binary(Operator::Add, left, right) => match (&**left, &**right) {
                (Node::Local(name), Node::List(items)) if *name == fold.accumulator => Some(items.as_slice()),
                _ => None,
            },
            _ => None,
        };
        let items = match &fold.step {
            Node::Condition(test, yes, no) if matches!(&**no, Node::Local(n) if *n == fold.accumulator) => {
                match appended(yes) {
                    Some(items) if self.truth(test)? => Some(items),
                    Some(_) => Some([].as_slice()),
                    None => None,
                }
            }
            node => appended(node),
        };
        let Some(items) = items else {
            return self.eval(&fold.step);
        };
        let values = items
            .iter()
            .map(|item| self.eval(item))
            .collect::<Result<Vec<_>, _>>()?;
        match self.locals.get_mut(base).map(|slot| std::mem::take(&mut slot.1)) {
            Some(Value::Array(mut list)) => {
                list.extend(values);
                Ok(Value::Array(list))
            }
            _ => Err(type_error("a list was expected")),
        }
    }
}

/// Write what a path leads to.
pub fn write_path<S: Scope + ?Sized>(scope: &S, path: &Path, out: &mut Vec<u8>) -> Result<(), Error> {
    let unknown = || Error::new(ErrorKind::Unknown, format!("`{path}` is not known here"));
    let rest = path.segments.get(1..).unwrap_or_default();
    match path.root.as_str() {
        "tasks" => {
            let root = path
                .name()
                .and_then(|name| scope.task(name))
                .ok_or_else(unknown)?;
            path.write(&root, rest, out)
        }
        "tasks_meta" => {
            let meta = path
                .name()
                .and_then(|name| scope.meta(name))
                .ok_or_else(unknown)?;
            path.write(&Root::Value(Cow::Owned(meta)), rest, out)
        }
        name => path.write(&scope.variable(name).ok_or_else(unknown)?, &path.segments, out),
    }
}

/// A field of an object; of null it is null, of a list (behind `[*]`) that of each item.
fn select(value: &Value, field: &str) -> Result<Value, Error> {
    match value {
        Value::Nil => Ok(Value::Nil),
        Value::Map(_) => value.get(field).cloned().ok_or_else(|| {
            Error::new(
                ErrorKind::Unknown,
                format!("there is no field `{field}` in the object"),
            )
        }),
        Value::Array(items) => Ok(Value::Array(
            items
                .iter()
                .map(|item| select(item, field))
                .collect::<Result<_, _>>()?,
        )),
        other => Err(type_error(format!(
            "there is no field `{field}` in {}",
            other.type_name()
        ))),
    }
}

/// What a value weighs when it is copied or compared.
pub fn weight(value: &Value) -> usize {
    match value {
        Value::Str(text) => 1 + text.len() / 8,
        Value::Bin(data) => 1 + data.len() / 8,
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Map(entries) => {
            1 + entries
                .iter()
                .map(|(key, value)| 1 + key.len() / 8 + weight(value))
                .sum::<usize>()
        }
        _ => 1,
    }
}

/// Bytes that a value may have as text or list built by a function.
pub const MADE_BYTES_MAX: usize = bounds::MESSAGE_BYTES_MAX;
