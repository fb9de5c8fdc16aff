//! Contracts written short, and inputs read by their names.

use std::collections::BTreeMap;

use symphony_protocol::{Function, Parameter, TypeName, Value};
use symphony_sdk::worker::FunctionError;
use symphony_sdk::worker::function::{Handler, Offered};

/// A required input.
pub fn needs(kind: TypeName) -> Parameter {
    Parameter {
        r#type: kind,
        required: true,
        ..Default::default()
    }
}

/// An input that may be left out.
pub fn takes(kind: TypeName, default: Value) -> Parameter {
    Parameter {
        r#type: kind,
        required: false,
        default,
        ..Default::default()
    }
}

fn map<const N: usize>(entries: [(&str, Parameter); N]) -> BTreeMap<String, Parameter> {
    entries
        .into_iter()
        .map(|(name, parameter)| (name.to_owned(), parameter))
        .collect()
}

pub struct Spec(Function);

impl Spec {
    pub fn new(capability: &str, description: &str) -> Self {
        let function = Function {
            capability: capability.to_owned(),
            description: description.to_owned(),
            ..Default::default()
        };
        Self(function)
    }

    pub fn inputs<const N: usize>(mut self, entries: [(&str, Parameter); N]) -> Self {
        self.0.inputs = map(entries);
        self
    }

    pub fn open(mut self) -> Self {
        self.0.open_inputs = true;
        self
    }

    pub fn outputs<const N: usize>(mut self, entries: [(&str, TypeName); N]) -> Self {
        self.0.outputs = Some(map(entries.map(|(name, kind)| (name, needs(kind)))));
        self
    }

    pub fn pure(mut self) -> Self {
        self.0.pure = true;
        self
    }

    pub fn once(mut self) -> Self {
        self.0.retry_safe = false;
        self
    }

    pub fn runs(self, handler: Handler) -> Offered {
        Offered {
            manifest: self.0,
            handler,
        }
    }
}

/// A text that must be there.
pub fn text<'a>(inputs: &'a Value, name: &str) -> Result<&'a str, FunctionError> {
    inputs
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| FunctionError::contract(format!("`{name}` is text")))
}

pub fn optional_text<'a>(inputs: &'a Value, name: &str) -> Option<&'a str> {
    inputs.get(name).and_then(Value::as_str)
}

/// A number, or its default where it was left out.
pub fn number(inputs: &Value, name: &str, default: f64) -> Result<f64, FunctionError> {
    match inputs.get(name) {
        None | Some(Value::Nil) => Ok(default),
        Some(value) => {
            let found = value.as_f64().filter(|number| number.is_finite());
            found.ok_or_else(|| FunctionError::contract(format!("`{name}` is a number")))
        }
    }
}

pub fn flag(inputs: &Value, name: &str) -> Result<bool, FunctionError> {
    match inputs.get(name) {
        None | Some(Value::Nil) => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| FunctionError::contract(format!("`{name}` is true or false"))),
    }
}

/// An error of the file system, by kind: what is not there will not be there the next time.
pub fn io(path: &std::path::Path, error: &std::io::Error) -> FunctionError {
    use std::io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let message = format!("{}: {error}", path.display());
    match error.kind() {
        NotFound | PermissionDenied | IsADirectory | NotADirectory | InvalidInput => {
            FunctionError::lasting("user", message)
        }
        _ => FunctionError::new("resource", message),
    }
}
