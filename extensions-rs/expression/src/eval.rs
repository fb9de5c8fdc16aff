//! Evaluation: strict, ordered, charged for every step, and by reference as far as it goes.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use symphony_protocol::Value;

use crate::compare::{equal, order};
use crate::error::{Error, ErrorKind, type_error};
use crate::functions::{self, Patterns};
use crate::node::{Node, Operator};
use crate::path::{Path, pick};
use crate::reach::{locate, size, unknown, weight};
use crate::scope::Scope;

/// Steps of one evaluation: about a tenth of a second at worst, so that one hostile expression cannot hold the fold.
pub const COST_MAX: u64 = 2_000_000;
/// Bytes of a payload that are skipped for one step.
const BYTES_PER_STEP: usize = 64;

/// A value that is borrowed from the scope, the expression or a loop's variable, or has just been made.
pub type Given<'e> = Result<Cow<'e, Value>, Error>;

/// The variables of the loops around a node, the innermost first.
pub struct Locals<'e> {
    pub name: &'e str,
    pub value: &'e Value,
    pub outer: Option<&'e Locals<'e>>,
}

/// One evaluation under way.
pub struct Evaluator<'a, S: Scope + ?Sized> {
    scope: &'a S,
    /// What each reference led to: the scope does not change under an evaluation.
    seen: Vec<OnceCell<Value>>,
    cost: Cell<u64>,
    patterns: RefCell<Patterns>,
}

impl<'a, S: Scope + ?Sized> Evaluator<'a, S> {
    /// For an expression with this many references.
    pub fn new(scope: &'a S, paths: usize) -> Self {
        Self {
            scope,
            seen: (0..paths).map(|_| OnceCell::new()).collect(),
            cost: Cell::new(0),
            patterns: RefCell::default(),
        }
    }

    /// Pay for work that is proportional to `amount`.
    pub fn charge(&self, amount: usize) -> Result<(), Error> {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        self.cost.set(self.cost.get().saturating_add(amount));
        if self.cost.get() > COST_MAX {
            let message = format!("it costs more than {COST_MAX} steps");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    /// What has been paid.
    pub fn cost(&self) -> u64 {
        self.cost.get()
    }

    /// A value of one's own; a copy is paid for.
    pub fn own(&self, value: Cow<'_, Value>) -> Result<Value, Error> {
        if let Cow::Borrowed(value) = &value {
            self.charge(weight(value))?;
        }
        Ok(value.into_owned())
    }

    pub fn eval<'e>(&'e self, node: &'e Node, locals: Option<&'e Locals<'e>>) -> Given<'e> {
        self.charge(1)?;
        match node {
            Node::Literal(value) => Ok(Cow::Borrowed(value)),
            Node::Local(name) => find(name, locals).map(Cow::Borrowed),
            Node::Path(path, place) => self.path(path, *place),
            Node::Select(operand, field) => self.select(self.eval(operand, locals)?, field),
            Node::Each(operand, path) => self.each(self.eval(operand, locals)?, path),
            Node::Has(operand, field) => self.has(&*self.eval(operand, locals)?, field),
            Node::Index(operand, index) => {
                let operand = self.eval(operand, locals)?;
                self.index(operand, &*self.eval(index, locals)?)
            }
            Node::Binary(operator, left, right) => {
                let left = self.eval(left, locals)?;
                self.binary(*operator, left, self.eval(right, locals)?)
                    .map(Cow::Owned)
            }
            Node::And(left, right) => self.junction(left, right, false, locals),
            Node::Or(left, right) => self.junction(left, right, true, locals),
            Node::Not(operand) => self.truth(operand, locals).map(|known| truth(!known)),
            Node::NotStrictlyFalse(operand) => {
                let found = self.eval(operand, locals);
                Ok(truth(!matches!(found.as_deref(), Ok(Value::Bool(false)))))
            }
            Node::Negate(operand) => functions::negate(&*self.eval(operand, locals)?).map(Cow::Owned),
            Node::Condition(test, yes, no) => {
                let chosen = if self.truth(test, locals)? { yes } else { no };
                self.eval(chosen, locals)
            }
            Node::List(items) => {
                let made = items.iter().map(|item| self.own(self.eval(item, locals)?));
                made.collect::<Result<_, _>>()
                    .map(|items| Cow::Owned(Value::Array(items)))
            }
            Node::Map(entries) => self.map(entries, locals),
            Node::Call(name, arguments) => self.call(name, arguments, locals),
            Node::Default(operand, fallback) => match self.eval(operand, locals) {
                Err(error) if error.kind() == ErrorKind::Limit => Err(error),
                Err(_) => self.eval(fallback, locals),
                Ok(value) if *value == Value::Nil => self.eval(fallback, locals),
                found => found,
            },
            Node::SortBy { list, variable, key } => self.sort_by(list, variable, key, locals),
            Node::Fold(fold) => self.fold(fold, locals),
        }
    }

    pub fn truth<'e>(&'e self, node: &'e Node, locals: Option<&'e Locals<'e>>) -> Result<bool, Error> {
        match &*self.eval(node, locals)? {
            Value::Bool(value) => Ok(*value),
            other => {
                let message = format!("a condition is a boolean, not {}", other.type_name());
                Err(type_error(message))
            }
        }
    }

    fn path(&self, path: &Path, place: usize) -> Given<'_> {
        let cell = self.seen.get(place).ok_or_else(|| unknown(path))?;
        if cell.get().is_none() {
            let (root, segments) = locate(self.scope, path)?;
            self.charge(size(&root) / BYTES_PER_STEP)?;
            let mut out = Vec::new();
            path.write(&root, segments, &mut out)?;
            self.charge(out.len() / 8)?;
            let value = Value::unpack(&out).map_err(|error| type_error(error.to_string()))?;
            // Set once: `get` was none, and nothing else writes.
            let _ = cell.set(value);
        }
        cell.get().map(Cow::Borrowed).ok_or_else(|| unknown(path))
    }

    /// A field of an object; of null it is null.
    fn select<'e>(&self, value: Cow<'e, Value>, field: &str) -> Given<'e> {
        let absent = || {
            Error::new(
                ErrorKind::Unknown,
                format!("there is no field `{field}` in the object"),
            )
        };
        match value {
            Cow::Borrowed(Value::Map(entries)) => {
                self.charge(entries.len() / 8)?;
                let found = entries.iter().find(|(key, _)| key == field);
                found.map(|(_, value)| Cow::Borrowed(value)).ok_or_else(absent)
            }
            Cow::Owned(Value::Map(entries)) => {
                self.charge(entries.len() / 8)?;
                let found = entries.into_iter().find(|(key, _)| key == field);
                found.map(|(_, value)| Cow::Owned(value)).ok_or_else(absent)
            }
            value if *value == Value::Nil => Ok(value),
            other => {
                let message = format!("there is no field `{field}` in {}", other.type_name());
                Err(type_error(message))
            }
        }
    }

    fn each<'e>(&self, value: Cow<'e, Value>, path: &Path) -> Given<'e> {
        self.charge(weight(&value))?;
        match value {
            Cow::Borrowed(value) => pick(value, &path.segments, path),
            Cow::Owned(value) => {
                pick(&value, &path.segments, path).map(|found| Cow::Owned(found.into_owned()))
            }
        }
    }

    fn has(&self, value: &Value, field: &str) -> Given<'static> {
        match value {
            Value::Nil => Ok(truth(false)),
            Value::Map(entries) => {
                self.charge(entries.len() / 8)?;
                Ok(truth(entries.iter().any(|(key, _)| key == field)))
            }
            other => Err(type_error(format!("has() of a field of {}", other.type_name()))),
        }
    }

    fn index<'e>(&self, value: Cow<'e, Value>, index: &Value) -> Given<'e> {
        match (&*value, index) {
            (Value::Nil, _) => Ok(value),
            (Value::Map(_), Value::Str(field)) => self.select(value, field),
            (Value::Array(items), Value::Int(at)) => {
                let count = items.len();
                let absent = || {
                    Error::new(
                        ErrorKind::Unknown,
                        format!("there is no item {at} in a list of {count}"),
                    )
                };
                let at = usize::try_from(*at)
                    .ok()
                    .filter(|at| *at < count)
                    .ok_or_else(absent)?;
                match value {
                    Cow::Borrowed(Value::Array(items)) => items.get(at).map(Cow::Borrowed).ok_or_else(absent),
                    Cow::Owned(Value::Array(items)) => {
                        items.into_iter().nth(at).map(Cow::Owned).ok_or_else(absent)
                    }
                    _ => Err(absent()),
                }
            }
            (value, index) => {
                let (value, index) = (value.type_name(), index.type_name());
                Err(type_error(format!("{value} cannot be indexed by {index}")))
            }
        }
    }

    /// CEL's `&&` and `||`: an error on one side does not matter where the other side decides.
    fn junction<'e>(
        &'e self,
        left: &'e Node,
        right: &'e Node,
        decides: bool,
        locals: Option<&'e Locals<'e>>,
    ) -> Given<'e> {
        let first = self.truth(left, locals);
        match &first {
            Ok(known) if *known == decides => return Ok(truth(decides)),
            Err(error) if error.kind() == ErrorKind::Limit => return first.map(truth),
            _ => {}
        }
        if self.truth(right, locals)? == decides {
            Ok(truth(decides))
        } else {
            first.map(truth)
        }
    }

    fn binary(
        &self,
        operator: Operator,
        left: Cow<'_, Value>,
        right: Cow<'_, Value>,
    ) -> Result<Value, Error> {
        use std::cmp::Ordering::{Greater, Less};
        self.charge((weight(&left) + weight(&right)) / 8)?;
        let compared = |wanted: fn(std::cmp::Ordering) -> bool| {
            let message = || format!("{} and {} have no order", left.type_name(), right.type_name());
            let found = order(&left, &right).ok_or_else(|| type_error(message()))?;
            Ok(Value::Bool(wanted(found)))
        };
        match operator {
            Operator::Equals => Ok(Value::Bool(equal(&left, &right))),
            Operator::NotEquals => Ok(Value::Bool(!equal(&left, &right))),
            Operator::Less => compared(|o| o == Less),
            Operator::LessEquals => compared(|o| o != Greater),
            Operator::Greater => compared(|o| o == Greater),
            Operator::GreaterEquals => compared(|o| o != Less),
            Operator::In => match &*right {
                Value::Array(items) => Ok(Value::Bool(items.iter().any(|item| equal(item, &left)))),
                Value::Map(_) => {
                    let held = left.as_str().is_some_and(|key| right.get(key).is_some());
                    Ok(Value::Bool(held))
                }
                other => Err(type_error(format!("`in` of {}", other.type_name()))),
            },
            _ => {
                let (left, right) = (self.own(left)?, self.own(right)?);
                functions::arithmetic(operator, left, right)
            }
        }
    }

    fn map<'e>(&'e self, entries: &'e [(Node, Node)], locals: Option<&'e Locals<'e>>) -> Given<'e> {
        let mut made: Vec<(String, Value)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Value::Str(key) = self.eval(key, locals)?.into_owned() else {
                return Err(type_error("an object's keys are strings"));
            };
            self.charge(made.len() / 8)?;
            if made.iter().any(|(known, _)| *known == key) {
                return Err(type_error(format!("the key `{key}` stands twice")));
            }
            made.push((key, self.own(self.eval(value, locals)?)?));
        }
        Ok(Cow::Owned(Value::Map(made)))
    }

    fn call<'e>(
        &'e self,
        name: &'static str,
        arguments: &'e [Node],
        locals: Option<&'e Locals<'e>>,
    ) -> Given<'e> {
        let values = arguments.iter().map(|argument| self.eval(argument, locals));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let values: Vec<&Value> = values.iter().map(|value| &**value).collect();
        self.charge(functions::price(name, &values))?;
        let made = functions::call(name, &values, &self.patterns)?;
        self.charge(weight(&made))?;
        // A function's result may be as deep as its arguments, and one level more.
        Ok(Cow::Owned(made))
    }

    fn sort_by<'e>(
        &'e self,
        list: &'e Node,
        variable: &'e str,
        key: &'e Node,
        locals: Option<&'e Locals<'e>>,
    ) -> Given<'e> {
        let Value::Array(items) = self.own(self.eval(list, locals)?)? else {
            return Err(type_error("sort_by sorts a list"));
        };
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            let turn = Locals {
                name: variable,
                value: &item,
                outer: locals,
            };
            let key = self.own(self.eval(key, Some(&turn))?)?;
            keyed.push((key, item));
        }
        self.charge(keyed.len() * 8)?;
        functions::sorted(keyed).map(Cow::Owned)
    }
}

pub fn truth(value: bool) -> Cow<'static, Value> {
    Cow::Owned(Value::Bool(value))
}

fn find<'e>(name: &str, locals: Option<&'e Locals<'e>>) -> Result<&'e Value, Error> {
    let mut at = locals;
    while let Some(local) = at {
        if local.name == name {
            return Ok(local.value);
        }
        at = local.outer;
    }
    Err(Error::new(ErrorKind::Unknown, format!("`{name}` is not set")))
}
