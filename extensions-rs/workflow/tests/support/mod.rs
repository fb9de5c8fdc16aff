//! Documents and functions of the tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own documents"
)]
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use symphony_protocol::{Function, Parameter, Problem, TypeName};
use symphony_workflow::{Functions, NoFunctions, Plan, check};

pub fn document(tasks: Json) -> Json {
    json!({"workflow": "w", "version": "1.0.0", "tasks": tasks})
}

pub fn compiled(document: &Json) -> Result<Arc<Plan>, Vec<Problem>> {
    check(&serde_json::to_vec(document).unwrap(), &NoFunctions)
}

pub fn plan(document: &Json) -> Arc<Plan> {
    compiled(document).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub fn problems(document: &Json) -> Vec<Problem> {
    compiled(document).expect_err("a problem")
}

/// The only problem: its place, message, remedy.
pub fn problem(document: &Json) -> Problem {
    let mut found = problems(document);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// A registry of a few functions.
pub struct Offered(BTreeMap<&'static str, Function>);

impl Default for Offered {
    fn default() -> Self {
        let parameter = |kind, required| Parameter {
            r#type: kind,
            required,
            ..Default::default()
        };
        let fields = |fields: &[(&str, TypeName, bool)]| -> BTreeMap<String, Parameter> {
            let each = fields.iter();
            each.map(|(name, kind, required)| ((*name).to_owned(), parameter(*kind, *required)))
                .collect()
        };
        let count = Function {
            capability: "text.count".to_owned(),
            inputs: fields(&[("file", TypeName::File, true), ("top", TypeName::Integer, false)]),
            outputs: Some(fields(&[
                ("words", TypeName::Object, true),
                ("total", TypeName::Integer, true),
                ("files", TypeName::Array, true),
            ])),
            ..Default::default()
        };
        let echo = Function {
            capability: "test.echo".to_owned(),
            open_inputs: true,
            ..Default::default()
        };
        Self([("text.count", count), ("test.echo", echo)].into())
    }
}

/// A function at two versions, of which the newer takes more.
pub struct Twice([Function; 2]);

impl Default for Twice {
    fn default() -> Self {
        let at = |version: &str, open_inputs| Function {
            capability: "f".to_owned(),
            version: version.to_owned(),
            open_inputs,
            ..Default::default()
        };
        Self([at("1.9.0", false), at("1.10.0", true)])
    }
}

impl Functions for Twice {
    fn function(&self, capability: &str) -> Option<&Function> {
        self.0
            .first()
            .filter(|function| function.capability == capability)
    }

    fn versions(&self, _: &str) -> Vec<&str> {
        self.0.iter().map(|function| function.version.as_str()).collect()
    }

    fn of_version(&self, _: &str, version: &str) -> Option<&Function> {
        self.0.iter().find(|function| function.version == version)
    }

    fn names(&self) -> Vec<&str> {
        vec!["f"]
    }

    fn complete(&self) -> bool {
        true
    }
}

impl Functions for Offered {
    fn function(&self, capability: &str) -> Option<&Function> {
        self.0.get(capability)
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().copied().collect()
    }

    fn complete(&self) -> bool {
        true
    }
}

pub fn offered(document: &Json) -> Vec<Problem> {
    let json = serde_json::to_vec(document).unwrap();
    check(&json, &Offered::default()).err().unwrap_or_default()
}
