//! Large values: outputs spill to the Artifact Store field by field, the largest first, and references come back as values.

use symphony_protocol::bounds::{COMPOSED_INPUT_BYTES_MAX, INLINE_PAYLOAD_BYTES_MAX};
use symphony_protocol::{Function, Lineage, Payload, TypeName, Value, values};

use super::function::FunctionError;
use crate::artifacts::Artifacts;

const MEDIA_TYPE: &str = "application/msgpack";

/// A value as a payload of at most 64 KiB.
pub async fn spill(value: Value, artifacts: &Artifacts, lineage: &Lineage) -> Result<Payload, FunctionError> {
    let packed = value.pack();
    if packed.len() <= INLINE_PAYLOAD_BYTES_MAX {
        return Ok(packed.into());
    }
    if let Value::Map(mut entries) = value {
        let mut fields: Vec<(usize, Vec<u8>)> = entries
            .iter()
            .map(|(_, field)| field.pack())
            .enumerate()
            .collect();
        fields.sort_by_key(|(_, data)| std::cmp::Reverse(data.len()));
        let mut size = packed.len();
        for (at, data) in fields {
            if size <= INLINE_PAYLOAD_BYTES_MAX {
                break;
            }
            size = size.saturating_sub(data.len()) + 160;
            let mark = stored(data, artifacts, lineage).await?;
            if let Some((_, field)) = entries.get_mut(at) {
                *field = mark;
            }
        }
        let small = Value::Map(entries).pack();
        if small.len() <= INLINE_PAYLOAD_BYTES_MAX {
            return Ok(small.into());
        }
    }
    Ok(stored(packed, artifacts, lineage).await?.pack().into())
}

async fn stored(data: Vec<u8>, artifacts: &Artifacts, lineage: &Lineage) -> Result<Value, FunctionError> {
    let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
    let digest = artifacts.put(data.into(), MEDIA_TYPE, lineage.clone()).await?;
    Ok(values::reference(&digest, size, MEDIA_TYPE))
}

/// Whether inputs hold a reference at all; most do not.
pub fn has_reference(inputs: &Value) -> bool {
    let of = |value: &Value| {
        value.is_reference()
            || value
                .as_array()
                .is_some_and(|items| items.iter().any(Value::is_reference))
    };
    inputs.is_reference()
        || inputs
            .as_map()
            .is_some_and(|entries| entries.iter().any(|(_, value)| of(value)))
}

/// Inputs with their references replaced: top-level fields, and the items of lists in them. Parameters of type `artifact`
/// and references of another media type stay references.
pub async fn resolve(
    inputs: Value,
    function: &Function,
    artifacts: &Artifacts,
) -> Result<Value, FunctionError> {
    let inputs = fetched(inputs, artifacts).await?;
    let Value::Map(entries) = inputs else {
        return Ok(inputs);
    };
    let mut made = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let keep = function
            .inputs
            .get(&name)
            .is_some_and(|parameter| parameter.r#type == TypeName::Artifact);
        let value = if keep {
            value
        } else {
            field(value, artifacts).await?
        };
        made.push((name, value));
    }
    Ok(Value::Map(made))
}

async fn field(value: Value, artifacts: &Artifacts) -> Result<Value, FunctionError> {
    let value = fetched(value, artifacts).await?;
    let Value::Array(items) = value else {
        return Ok(value);
    };
    if !items.iter().any(Value::is_reference) {
        return Ok(Value::Array(items));
    }
    let mut made = Vec::with_capacity(items.len());
    for item in items {
        made.push(fetched(item, artifacts).await?);
    }
    Ok(Value::Array(made))
}

async fn fetched(value: Value, artifacts: &Artifacts) -> Result<Value, FunctionError> {
    let is_value =
        value.is_reference() && value.get("media_type").and_then(Value::as_str) == Some(MEDIA_TYPE);
    if !is_value {
        return Ok(value);
    }
    let digest = value.get("digest").and_then(Value::as_str).unwrap_or_default();
    let limit = u64::try_from(COMPOSED_INPUT_BYTES_MAX).unwrap_or(u64::MAX);
    let data = artifacts.get(digest, limit).await?;
    Value::unpack(&data)
        .map_err(|error| FunctionError::contract(format!("the artifact {digest} is no value: {error}")))
}
