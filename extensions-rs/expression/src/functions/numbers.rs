//! Numbers. There is one integer type, of 64 bits; a result that does not fit is an error.

use symphony_protocol::Value;

use super::bounded;
use crate::error::{Error, ErrorKind, type_error};
use crate::node::Operator;

pub fn finite(value: f64) -> Result<Value, Error> {
    if value.is_finite() {
        Ok(Value::Float(value))
    } else {
        let message = "the result is no finite number";
        Err(Error::new(ErrorKind::Arithmetic, message))
    }
}

fn overflow() -> Error {
    Error::new(ErrorKind::Arithmetic, "the result is too large for an integer")
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::UInt(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// `+ - * / %`. Integers stay integers and fail on overflow; with a float on either side both are floats.
pub fn arithmetic(operator: Operator, left: Value, right: Value) -> Result<Value, Error> {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    match (operator, left, right) {
        (Add, Value::Str(a), Value::Str(b)) => bounded(a.len() + b.len()).map(|()| Value::Str(a + &b)),
        (Add, Value::Bin(a), Value::Bin(b)) => {
            bounded(a.len() + b.len()).map(|()| Value::Bin([a, b].concat()))
        }
        (Add, Value::Array(mut a), Value::Array(b)) => {
            a.extend(b);
            Ok(Value::Array(a))
        }
        (operator, left, right) => match (whole(&left), whole(&right)) {
            (Some(a), Some(b)) => integers(operator, a, b),
            _ => match (left.as_f64(), right.as_f64(), operator) {
                (Some(_), Some(0.0), Divide) => Err(Error::new(ErrorKind::Arithmetic, "division by zero")),
                (Some(a), Some(b), Add) => finite(a + b),
                (Some(a), Some(b), Subtract) => finite(a - b),
                (Some(a), Some(b), Multiply) => finite(a * b),
                (Some(a), Some(b), Divide) => finite(a / b),
                (Some(_), Some(_), Modulo) => Err(type_error("`%` is for integers")),
                _ => {
                    let (left, right) = (left.type_name(), right.type_name());
                    let sign = operator.sign();
                    Err(type_error(format!("{left} `{sign}` {right} has no meaning")))
                }
            },
        },
    }
}

/// Two of 64 bits cannot overflow 128, so the range is checked once, behind.
fn integers(operator: Operator, a: i128, b: i128) -> Result<Value, Error> {
    let made = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        _ if b == 0 => return Err(Error::new(ErrorKind::Arithmetic, "division by zero")),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    let made = made.ok_or_else(overflow)?;
    // Above the signed range only where one side was there already: CEL's int overflows at 2^63.
    let beyond = i128::from(i64::MAX);
    match i64::try_from(made) {
        Ok(value) => Ok(Value::Int(value)),
        Err(_) if a > beyond || b > beyond => u64::try_from(made).map(Value::UInt).map_err(|_| overflow()),
        Err(_) => Err(overflow()),
    }
}

pub fn negate(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Float(value) => Ok(Value::Float(-value)),
        other => match whole(other) {
            Some(value) => i64::try_from(-value).map(Value::Int).map_err(|_| overflow()),
            None => Err(type_error(format!("`-` of {}", other.type_name()))),
        },
    }
}

pub fn to_int(value: &Value, unsigned: bool) -> Result<Value, Error> {
    let made = match value {
        Value::Int(value) => Value::Int(*value),
        Value::UInt(value) => Value::UInt(*value),
        Value::Bool(value) => Value::Int(i64::from(*value)),
        // Truncated towards zero, as CEL does; the bounds are the floats next to the integers' ends.
        Value::Float(value) if value.abs() < 9.223_372_036_854_775e18 => Value::Int(*value as i64),
        Value::Float(_) => return Err(overflow()),
        Value::Str(text) => match text.trim().parse::<i64>() {
            Ok(value) => Value::Int(value),
            Err(_) => return Err(type_error(format!("{} is no integer", shown(text)))),
        },
        other => return Err(type_error(format!("{} is no integer", other.type_name()))),
    };
    match made {
        Value::Int(value) if unsigned && value < 0 => Err(overflow()),
        made => Ok(made),
    }
}

pub fn to_double(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Str(text) => match text.trim().parse::<f64>() {
            Ok(value) => finite(value),
            Err(_) => Err(type_error(format!("{} is no number", shown(text)))),
        },
        other => match other.as_f64() {
            Some(value) => Ok(Value::Float(value)),
            None => Err(type_error(format!("{} is no number", other.type_name()))),
        },
    }
}

/// The beginning of a text, in quotes.
pub fn shown(text: &str) -> String {
    let cut: String = text.chars().take(60).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!("{cut:?}{more}")
}
