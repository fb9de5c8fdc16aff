//! What a worker says that it has: labels and resources, as text of the command line or the environment.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind};

const UNITS: [(&str, f64); 5] = [
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("B", 1.0),
];

/// `zone=a,rack=7` as names with values. Kind `Config`: a part is no `name=value`.
pub fn labels(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let read = |part: &str| match part.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(Error::new(
            ErrorKind::Config,
            format!("`{part}` is no label: write name=value"),
        )),
    };
    parts.map(read).collect()
}

/// `cpu=4,memory=8GiB,gpu=1` as counts; memory in bytes. Kind `Config`: a part is no `name=count`.
pub fn resources(text: &str) -> Result<BTreeMap<String, f64>, Error> {
    let read = |(name, value): (String, String)| {
        let unit = UNITS
            .iter()
            .find(|(unit, _)| name == "memory" && value.ends_with(unit));
        let (digits, times) = unit.map_or((value.as_str(), 1.0), |(unit, times)| {
            (value.strip_suffix(unit).unwrap_or(&value), *times)
        });
        match digits.parse::<f64>() {
            Ok(count) if count.is_finite() && count >= 0.0 => Ok((name, count * times)),
            _ => {
                let text = format!(
                    "{name}={value} is no resource: write cpu=4, memory=8GiB, gpu=1 or another name with a count"
                );
                Err(Error::new(ErrorKind::Config, text))
            }
        }
    };
    labels(text)?.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_resources_are_read_and_what_is_neither_is_refused_by_name() {
        let found = labels(" zone=a, rack=7,").unwrap();
        assert_eq!(found.get("zone").map(String::as_str), Some("a"));
        let has = resources("cpu=4,memory=1.5GiB,gpu=1,licence=3").unwrap();
        assert_eq!(has.get("memory"), Some(&1_610_612_736.0));
        assert_eq!((has.get("cpu"), has.get("licence")), (Some(&4.0), Some(&3.0)));
        for text in ["cpu", "cpu=", "cpu=many", "cpu=1GiB", "gpu=-1"] {
            let error = resources(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        }
    }
}
