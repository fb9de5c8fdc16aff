//! Functions and how they fail.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use symphony_protocol::{ErrorValue, Function, Value};

use super::context::Context;
use crate::error::Error;

/// A failure with a kind that documents can name in `retry: {on: [...]}`.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionError {
    pub kind: String,
    pub message: String,
    pub retryable: bool,
    pub retry_after_ms: Option<u64>,
}

impl FunctionError {
    pub fn new(kind: &str, message: impl Into<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            message: message.into(),
            retryable: true,
            retry_after_ms: None,
        }
    }

    /// One that another try cannot mend.
    pub fn lasting(kind: &str, message: impl Into<String>) -> Self {
        Self {
            retryable: false,
            ..Self::new(kind, message)
        }
    }

    pub fn contract(message: impl Into<String>) -> Self {
        Self::lasting("contract", message)
    }

    pub(crate) fn value(&self) -> ErrorValue {
        let kind: String = self.kind.chars().take(128).collect();
        ErrorValue {
            kind: if kind.is_empty() { "user".to_owned() } else { kind },
            message: self.message.chars().take(2000).collect(),
            retryable: self.retryable,
            retry_after_ms: self.retry_after_ms,
            ..Default::default()
        }
    }
}

impl From<Error> for FunctionError {
    fn from(error: Error) -> Self {
        Self::new("unavailable", error.to_string())
    }
}

pub type Outcome = Result<Value, FunctionError>;
type Call = Arc<dyn Fn(&Context, Value) -> Outcome + Send + Sync>;
type Pending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// How a function runs.
#[derive(Clone)]
pub enum Handler {
    /// Microseconds of computing and no waiting: runs in the worker's loop, a batch at a time.
    Quick(Call),
    /// Waits: runs as a task.
    Async(Arc<dyn Fn(Context, Value) -> Pending + Send + Sync>),
    /// Computes: runs in a thread.
    Blocking(Call),
}

impl Handler {
    pub fn quick(run: impl Fn(&Context, Value) -> Outcome + Send + Sync + 'static) -> Self {
        Self::Quick(Arc::new(run))
    }

    pub fn blocking(run: impl Fn(&Context, Value) -> Outcome + Send + Sync + 'static) -> Self {
        Self::Blocking(Arc::new(run))
    }

    pub fn asynchronous<F, Fut>(run: F) -> Self
    where
        F: Fn(Context, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        Self::Async(Arc::new(move |context, value| Box::pin(run(context, value))))
    }
}

/// A function as it is offered: its manifest entry, and what runs.
#[derive(Clone)]
pub struct Offered {
    pub manifest: Function,
    pub handler: Handler,
}

impl Offered {
    /// As results say it: nothing where it is the first one, which every reader takes it for.
    pub fn version(&self) -> Option<String> {
        let version = &self.manifest.version;
        (version != symphony_protocol::bounds::FIRST_VERSION).then(|| version.clone())
    }

    /// Refuse inputs that the contract does not take, before anything runs.
    pub fn check(&self, inputs: &Value) -> Result<(), FunctionError> {
        let Value::Map(entries) = inputs else {
            return Err(FunctionError::contract(format!(
                "inputs are an object, not {}",
                inputs.type_name()
            )));
        };
        if let Some((name, _)) = self
            .manifest
            .inputs
            .iter()
            .find(|(name, p)| p.required && inputs.get(name).is_none())
        {
            return Err(FunctionError::contract(format!("the input `{name}` is missing")));
        }
        let unknown = entries
            .iter()
            .find(|(name, _)| !self.manifest.inputs.contains_key(name));
        match unknown {
            Some((name, _)) if !self.manifest.open_inputs => {
                Err(FunctionError::contract(format!("there is no input `{name}`")))
            }
            _ => Ok(()),
        }
    }
}
