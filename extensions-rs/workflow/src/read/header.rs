//! What stands before the tasks: inputs, tags, version.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use symphony_protocol::{Parameter, TypeName};

use super::grammar::TYPES;
use crate::values::to_value;
use crate::words::{Place, Problems};

/// Inputs of one workflow, as the answer of `dag.check` can hold them.
pub const INPUTS_MAX: usize = 256;
/// Tags, labels.
const LABELS_MAX: usize = 64;

pub fn read_priority(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Option<u8> {
    let count = json.and_then(|json| problems.count(json, &at.child("priority"), 0, 9))?;
    u8::try_from(count).ok()
}

pub fn read_inputs(json: Option<&Json>, at: &Place, problems: &mut Problems) -> Vec<(String, Parameter)> {
    let Some(json) = json.filter(|json| !json.is_null()) else {
        return Vec::new();
    };
    let Some(map) = json.as_object() else {
        problems.add(at, "inputs are a mapping", "write `name: type` pairs");
        return Vec::new();
    };
    if map.len() > INPUTS_MAX {
        let message = format!("{} inputs, at most {INPUTS_MAX}", map.len());
        problems.add(at, message, "put them into one object");
        return Vec::new();
    }
    let mut inputs = Vec::with_capacity(map.len());
    for (name, entry) in map {
        let at = at.child(name);
        problems.name(name, &at);
        let mut parameter = Parameter {
            required: true,
            ..Default::default()
        };
        if let Some(text) = entry.as_str() {
            parameter.r#type = read_type(text, &at, problems);
        } else if let Some(words) =
            problems.mapping(entry, &at, &["type", "required", "default", "description"])
        {
            if let Some(text) = words
                .get("type")
                .and_then(|json| problems.text(json, &at.child("type")))
            {
                parameter.r#type = read_type(text, &at.child("type"), problems);
            }
            if let Some(default) = words.get("default") {
                parameter.required = false;
                parameter.default = to_value(default);
            }
            if let Some(flag) = words
                .get("required")
                .and_then(|json| problems.flag(json, &at.child("required")))
            {
                parameter.required = flag && !words.contains_key("default");
            }
            if let Some(text) = words.get("description").and_then(|json| problems.text(json, &at)) {
                parameter.description = text.chars().take(1000).collect();
            }
            let default = &parameter.default;
            if words.contains_key("default") && !crate::types::fits(default, parameter.r#type) {
                let wanted = parameter.r#type.as_str();
                let message = format!("the default is of type {}, not {wanted}", default.type_name());
                problems.add(&at.child("default"), message, "change the default or the type");
            }
        }
        inputs.push((name.clone(), parameter));
    }
    inputs
}

fn read_type(text: &str, at: &Place, problems: &mut Problems) -> TypeName {
    let known = serde_json::from_value::<TypeName>(Json::from(text));
    known.unwrap_or_else(|_| {
        let message = format!("`{text}` is no type");
        problems.unknown(at, message, text, TYPES.iter().copied(), None);
        TypeName::Any
    })
}

/// `tags` of a workflow, `labels` of a task: texts by name.
pub fn read_labels(json: Option<&Json>, at: &Place, problems: &mut Problems) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    match json {
        None => {}
        Some(Json::Object(map)) if map.len() <= LABELS_MAX => {
            for (key, value) in map {
                if let Some(text) = problems.text(value, &at.child(key)) {
                    labels.insert(key.clone(), text.to_owned());
                }
            }
        }
        Some(_) => {
            let message = format!("a mapping of at most {LABELS_MAX} texts is expected here");
            problems.add(at, message, "write `name: text` pairs");
        }
    }
    labels
}
