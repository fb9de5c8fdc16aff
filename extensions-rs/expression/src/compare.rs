//! Equality and order of values: numbers by their value whatever their type, lists and maps by their parts.

use std::cmp::Ordering;

use symphony_protocol::Value;

/// CEL's equality: `1 == 1.0`, maps without regard to order, values of different types are unequal.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| equal(x, y)),
        (Value::Map(a), Value::Map(b)) => a.len() == b.len() && same_entries(a, b),
        _ => match numbers(left, right) {
            Some(order) => order == Ordering::Equal,
            None => left == right,
        },
    }
}

/// The order of two values that have one: numbers, strings, bytes, booleans.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::Bin(a), Value::Bin(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => numbers(left, right),
    }
}

/// Sorted, since looking each key up would be quadratic.
fn same_entries(a: &[(String, Value)], b: &[(String, Value)]) -> bool {
    let (mut a, mut b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
    a.sort_by(|x, y| x.0.cmp(&y.0));
    b.sort_by(|x, y| x.0.cmp(&y.0));
    a.iter().zip(b).all(|(x, y)| x.0 == y.0 && equal(&x.1, &y.1))
}

fn numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::UInt(a), Value::UInt(b)) => Some(a.cmp(b)),
        (Value::Int(_), Value::UInt(_)) => Some(Ordering::Less),
        (Value::UInt(_), Value::Int(_)) => Some(Ordering::Greater),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Float(a), Value::Int(b)) => float_int(*a, i128::from(*b)),
        (Value::Float(a), Value::UInt(b)) => float_int(*a, i128::from(*b)),
        (Value::Int(a), Value::Float(b)) => float_int(*b, i128::from(*a)).map(Ordering::reverse),
        (Value::UInt(a), Value::Float(b)) => float_int(*b, i128::from(*a)).map(Ordering::reverse),
        _ => None,
    }
}

/// Exact, also above 2^53 where a conversion would round: the whole parts decide, then the fraction.
fn float_int(float: f64, int: i128) -> Option<Ordering> {
    if !float.is_finite() {
        return None;
    }
    if float >= 2f64.powi(65) {
        return Some(Ordering::Greater);
    }
    if float <= -2f64.powi(65) {
        return Some(Ordering::Less);
    }
    let whole = float.floor();
    let order = (whole as i128).cmp(&int);
    Some(if order == Ordering::Equal && float > whole {
        Ordering::Greater
    } else {
        order
    })
}
