//! What the expressions of the tests see.

#![allow(clippy::unwrap_used, reason = "a test's own JSON")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::borrow::Cow;

use symphony_expression::{Error, Expression, Root, Scope};
use symphony_protocol::Value;

pub struct World {
    pub inputs: Value,
    pub outputs: Vec<Vec<u8>>,
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub fn world() -> World {
    World {
        inputs: json(
            r#"{"n": 3, "x": 1.5, "name": "ann", "list": [3, 1, 2], "none": null, "map": {"b": 2, "a": 1}, "odd key": 1}"#,
        ),
        outputs: [
            r#"{"words": {"a": 1}, "total": 2}"#,
            "null",
            r#"{"words": {"b": 3}, "total": 4}"#,
        ]
        .map(|text| json(text).pack())
        .to_vec(),
    }
}

impl Scope for World {
    fn variable(&self, name: &str) -> Option<Root<'_>> {
        (name == "inputs").then_some(Root::Value(Cow::Borrowed(&self.inputs)))
    }

    fn task(&self, name: &str) -> Option<Root<'_>> {
        match name {
            "count" => Some(Root::Gather(self.outputs.iter().map(Vec::as_slice).collect())),
            "one" => self.outputs.first().map(|data| Root::Raw(data)),
            "skipped" => Some(Root::Raw(&[0xc0])),
            _ => None,
        }
    }

    fn meta(&self, name: &str) -> Option<Value> {
        (name == "one").then(|| {
            json(r#"{"status": "failed", "attempts": 2, "error": {"kind": "lost", "message": "m"}}"#)
        })
    }
}

pub fn eval(text: &str) -> Result<Value, Error> {
    Expression::parse(text)?.eval(&world())
}
