//! JSON as values, durations and sizes as numbers.

use serde_json::Value as Json;
use symphony_protocol::Value;

/// JSON as a value; key order is kept.
pub fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::from(value),
            _ => Value::Float(
                number
                    .as_f64()
                    .filter(|value| value.is_finite())
                    .unwrap_or_default(),
            ),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(to_value).collect()),
        Json::Object(map) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), to_value(value)))
                .collect(),
        ),
    }
}

/// `200ms, 10s, 5m, 2h, 1d` in milliseconds.
pub fn duration_ms(text: &str) -> Option<u64> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(at)?;
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.contains(['e', 'E', '+', '-']) {
        return None;
    }
    let made = number.parse::<f64>().ok()? * factor;
    // A hundred years: above it somebody mistyped, and sums of such could overflow.
    (made.is_finite() && made <= 3.2e12).then_some(made.round() as u64)
}

pub fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

/// How deep a value of JSON is nested.
pub fn depth(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Json::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Bytes: a number, or `64KiB, 2GiB, 10MB`.
pub fn size_bytes(json: &Json) -> Option<u64> {
    if let Some(count) = json.as_u64() {
        return Some(count);
    }
    let text = json.as_str()?;
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(at)?;
    let factor = match unit {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    let plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let made = plain.then(|| number.trim().parse::<f64>().ok())?? * factor;
    (made.is_finite() && made <= 1e18).then_some(made as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_milliseconds() {
        let cases = [
            ("200ms", 200),
            ("10s", 10_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1.5s", 1500),
        ];
        for (text, wanted) in cases {
            assert_eq!(duration_ms(text), Some(wanted), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "5 s",
            "5w",
            "1e3s",
            "99999999999999999999d",
            "NaNs",
            "1.5.2s",
            "٣s",
        ] {
            assert_eq!(duration_ms(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes() {
        assert_eq!(size_bytes(&json!("64KiB")), Some(65_536));
        assert_eq!(size_bytes(&json!(12)), Some(12));
        for bad in [json!("64"), json!("KiB"), json!(-1), json!("1XB"), json!(true)] {
            assert_eq!(size_bytes(&bad), None, "{bad}");
        }
    }
}
