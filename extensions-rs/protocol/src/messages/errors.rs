// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Errors as values: what failed, of which kind, and whether another try can help.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

fn default_error_value_retryable() -> bool {
    true
}
/// Why something failed. `retry_after_ms`, when a worker gives it, wins over the backoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorValue {
    pub kind: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub task: Option<String>,
    #[serde(default = "default_error_value_retryable")]
    pub retryable: bool,
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl Default for ErrorValue {
    fn default() -> Self {
        Self {
            kind: Default::default(),
            message: Default::default(),
            task: Default::default(),
            retryable: default_error_value_retryable(),
            retry_after_ms: Default::default(),
        }
    }
}

impl Bounded for ErrorValue {
    fn check(&self) -> Verdict {
        check::text("kind", &self.kind, 1, 128)?;
        check::text("message", &self.message, 0, 4096)?;
        if let Some(item0) = &self.retry_after_ms {
            check::range("retry_after_ms", *item0, 0, 9223372036854775807)?;
        }
        Ok(())
    }
}
