// Made by `symphony schemas emit` from conductor/wire. Change it there.

//! Manifests and the life cycle of extensions: `sym.ext.<event>` in the stream `SYM_EXTENSIONS`.

#![allow(clippy::derivable_impls, unused_imports)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;
use crate::check::{self, Bounded, Verdict};
use crate::payload::{Payload, Token, Trace};
use crate::values::Value;

/// The values of `Parameter.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TypeName {
    #[default]
    #[serde(rename = "any")]
    Any,

    #[serde(rename = "array")]
    Array,

    #[serde(rename = "artifact")]
    Artifact,

    #[serde(rename = "boolean")]
    Boolean,

    #[serde(rename = "directory")]
    Directory,

    #[serde(rename = "file")]
    File,

    #[serde(rename = "integer")]
    Integer,

    #[serde(rename = "number")]
    Number,

    #[serde(rename = "object")]
    Object,

    #[serde(rename = "string")]
    String,
}

impl TypeName {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Array => "array",
            Self::Artifact => "artifact",
            Self::Boolean => "boolean",
            Self::Directory => "directory",
            Self::File => "file",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }
}

fn default_parameter_type() -> TypeName {
    TypeName::Any
}
fn default_parameter_required() -> bool {
    true
}
/// An input of a function or of a workflow. `default` counts only when `required` is false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    #[serde(default = "default_parameter_type")]
    pub r#type: TypeName,
    #[serde(default = "default_parameter_required")]
    pub required: bool,
    #[serde(default)]
    pub default: Value,
    #[serde(default)]
    pub description: String,
}

impl Default for Parameter {
    fn default() -> Self {
        Self {
            r#type: default_parameter_type(),
            required: default_parameter_required(),
            default: Default::default(),
            description: Default::default(),
        }
    }
}

impl Bounded for Parameter {
    fn check(&self) -> Verdict {
        check::text("description", &self.description, 0, 4096)?;
        Ok(())
    }
}

/// What one attempt needs: processors, bytes, devices, and named things that the operator counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    #[serde(default)]
    pub cpu: f64,
    #[serde(default)]
    pub memory_bytes: u64,
    #[serde(default)]
    pub gpu: f64,
    #[serde(default)]
    pub named: BTreeMap<String, f64>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            cpu: Default::default(),
            memory_bytes: Default::default(),
            gpu: Default::default(),
            named: Default::default(),
        }
    }
}

impl Bounded for Resources {
    fn check(&self) -> Verdict {
        check::finite("cpu", self.cpu)?;
        check::range("memory_bytes", self.memory_bytes, 0, 9223372036854775807)?;
        check::finite("gpu", self.gpu)?;
        check::count("named", self.named.len(), 0, 64)?;
        for item0 in self.named.values() {
            check::finite("named", *item0)?;
        }
        Ok(())
    }
}

fn default_function_version() -> String {
    "1.0.0".to_owned()
}
fn default_function_retry_safe() -> bool {
    true
}
/// One capability. `outputs` null means that the output is not described.
///
/// A `pure` function has no effect beyond its output and gives the same output for the same inputs; `retry_safe` says
/// that a repeated attempt does no harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    pub capability: String,
    #[serde(default = "default_function_version")]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub inputs: BTreeMap<String, Parameter>,
    #[serde(default)]
    pub open_inputs: bool,
    #[serde(default)]
    pub outputs: Option<BTreeMap<String, Parameter>>,
    #[serde(default)]
    pub pure: bool,
    #[serde(default = "default_function_retry_safe")]
    pub retry_safe: bool,
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    #[serde(default)]
    pub resources: Resources,
    #[serde(default)]
    pub cost_per_second: f64,
    #[serde(default)]
    pub errors: Vec<String>,
}

impl Default for Function {
    fn default() -> Self {
        Self {
            capability: Default::default(),
            version: default_function_version(),
            description: Default::default(),
            inputs: Default::default(),
            open_inputs: Default::default(),
            outputs: Default::default(),
            pure: Default::default(),
            retry_safe: default_function_retry_safe(),
            timeout_ms: Default::default(),
            resources: Default::default(),
            cost_per_second: Default::default(),
            errors: Default::default(),
        }
    }
}

impl Bounded for Function {
    fn check(&self) -> Verdict {
        check::capability("capability", &self.capability)?;
        check::text("capability", &self.capability, 0, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::text("description", &self.description, 0, 4096)?;
        check::count("inputs", self.inputs.len(), 0, 256)?;
        for item0 in self.inputs.values() {
            item0.check()?;
        }
        if let Some(item0) = &self.outputs {
            check::count("outputs", item0.len(), 0, 256)?;
            for item1 in item0.values() {
                item1.check()?;
            }
        }
        if let Some(item0) = &self.timeout_ms {
            check::range("timeout_ms", *item0, 0, 9223372036854775807)?;
        }
        self.resources.check()?;
        check::finite("cost_per_second", self.cost_per_second)?;
        check::count("errors", self.errors.len(), 0, 64)?;
        for item0 in &self.errors {
            check::text("errors", item0, 1, 128)?;
        }
        Ok(())
    }
}

fn default_manifest_version() -> String {
    "0.1.0".to_owned()
}
/// What an extension offers and needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub name: String,
    #[serde(default = "default_manifest_version")]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub functions: Vec<Function>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub permissions: Vec<String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            name: Default::default(),
            version: default_manifest_version(),
            description: Default::default(),
            functions: Default::default(),
            labels: Default::default(),
            permissions: Default::default(),
        }
    }
}

impl Bounded for Manifest {
    fn check(&self) -> Verdict {
        check::text("name", &self.name, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::text("description", &self.description, 0, 4096)?;
        check::count("functions", self.functions.len(), 0, 1024)?;
        for item0 in &self.functions {
            item0.check()?;
        }
        check::count("labels", self.labels.len(), 0, 64)?;
        check::count("permissions", self.permissions.len(), 0, 64)?;
        for item0 in &self.permissions {
            check::text("permissions", item0, 1, 128)?;
        }
        Ok(())
    }
}

fn default_extension_event_v() -> u8 {
    1
}
/// The values of `ExtensionEvent.event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExtensionEventEvent {
    #[default]
    #[serde(rename = "activated")]
    Activated,

    #[serde(rename = "degraded")]
    Degraded,

    #[serde(rename = "registered")]
    Registered,

    #[serde(rename = "rejected")]
    Rejected,

    #[serde(rename = "unloaded")]
    Unloaded,

    #[serde(rename = "validated")]
    Validated,
}

impl ExtensionEventEvent {
    /// The word as messages carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Degraded => "degraded",
            Self::Registered => "registered",
            Self::Rejected => "rejected",
            Self::Unloaded => "unloaded",
            Self::Validated => "validated",
        }
    }
}

/// A step of the life cycle: `registered`, `validated`, `rejected`, `activated`, `degraded`, `unloaded`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExtensionEvent {
    #[serde(default = "default_extension_event_v")]
    pub v: u8,
    pub event: ExtensionEventEvent,
    pub extension: String,
    pub version: String,
    pub worker: String,
    pub digest: String,
    pub at_ms: u64,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub manifest: Option<Manifest>,
}

impl Default for ExtensionEvent {
    fn default() -> Self {
        Self {
            v: default_extension_event_v(),
            event: Default::default(),
            extension: Default::default(),
            version: Default::default(),
            worker: Default::default(),
            digest: Default::default(),
            at_ms: Default::default(),
            reason: Default::default(),
            manifest: Default::default(),
        }
    }
}

impl Bounded for ExtensionEvent {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("extension", &self.extension, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::text("worker", &self.worker, 1, 128)?;
        check::digest("digest", &self.digest)?;
        check::range("at_ms", self.at_ms, 0, 9223372036854775807)?;
        check::text("reason", &self.reason, 0, 4096)?;
        if let Some(item0) = &self.manifest {
            item0.check()?;
        }
        Ok(())
    }
}

fn default_list_active_v() -> u8 {
    1
}
/// `sym.pit.dag.active`: which extensions does the log name as active? By worker, those after `after`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListActive {
    #[serde(default = "default_list_active_v")]
    pub v: u8,
    #[serde(default)]
    pub after: String,
}

impl Default for ListActive {
    fn default() -> Self {
        Self {
            v: default_list_active_v(),
            after: Default::default(),
        }
    }
}

impl Bounded for ListActive {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::text("after", &self.after, 0, 128)?;
        Ok(())
    }
}

/// An extension that was activated with a worker, and not unloaded since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Active {
    pub worker: String,
    pub extension: String,
    pub version: String,
    pub digest: String,
}

impl Default for Active {
    fn default() -> Self {
        Self {
            worker: Default::default(),
            extension: Default::default(),
            version: Default::default(),
            digest: Default::default(),
        }
    }
}

impl Bounded for Active {
    fn check(&self) -> Verdict {
        check::text("worker", &self.worker, 1, 128)?;
        check::text("extension", &self.extension, 1, 128)?;
        check::text("version", &self.version, 1, 128)?;
        check::digest("digest", &self.digest)?;
        Ok(())
    }
}

fn default_active_list_v() -> u8 {
    1
}
/// A page; `more`: there are others behind the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActiveList {
    #[serde(default = "default_active_list_v")]
    pub v: u8,
    #[serde(default)]
    pub extensions: Vec<Active>,
    #[serde(default)]
    pub more: bool,
}

impl Default for ActiveList {
    fn default() -> Self {
        Self {
            v: default_active_list_v(),
            extensions: Default::default(),
            more: Default::default(),
        }
    }
}

impl Bounded for ActiveList {
    fn check(&self) -> Verdict {
        check::range("v", self.v, 1, 1)?;
        check::count("extensions", self.extensions.len(), 0, 4096)?;
        for item0 in &self.extensions {
            item0.check()?;
        }
        Ok(())
    }
}
