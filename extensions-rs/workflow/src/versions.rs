//! Semantic versions, and the ranges that stand behind `@`.
//!
//! A range is one or more comparisons that must all hold, with commas or spaces between them: `^1.2`, `~1.2.3`,
//! `>=1.0 <2`, `1.4.0`, `1.4` (any 1.4.x), `*`. A pre-release is taken only by a comparison with exactly that version.

use std::cmp::Ordering;

/// Comparisons of one range.
const COMPARISONS_MAX: usize = 8;
/// Digits of a part of a version.
const DIGITS_MAX: usize = 9;

/// `1.2.3`, with an optional pre-release or build part.
pub fn is_version(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    text.len() <= 64 && text.bytes().all(rest) && numbers(core(text)).is_some_and(|parts| parts.len() == 3)
}

fn core(text: &str) -> &str {
    text.split(['-', '+']).next().unwrap_or_default()
}

/// One to three numbers.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let number = |part: &str| {
        let digits = part.len() <= DIGITS_MAX && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    };
    let parts: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    (parts.len() <= 3).then_some(parts)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// The parts that are written are equal.
    Same,
    /// At least this, and the first part that is not 0 is equal.
    Caret,
    /// At least this, and the part before the last that is written is equal.
    Tilde,
    AtLeast,
    Above,
    AtMost,
    Below,
}

/// Longer signs first.
const SIGNS: [(&str, Comparison); 7] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("^", Comparison::Caret),
    ("~", Comparison::Tilde),
    ("=", Comparison::Same),
];

/// What versions a call or a subworkflow takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    comparisons: Vec<(Comparison, Vec<u64>)>,
    /// A pre-release that is named in full.
    exact: Option<String>,
}

impl VersionRange {
    /// None: this is no range.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('-') && is_version(text) {
            return Some(Self {
                comparisons: Vec::new(),
                exact: Some(text.to_owned()),
            });
        }
        let parts: Vec<&str> = text.split([',', ' ']).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() || parts.len() > COMPARISONS_MAX {
            return None;
        }
        let mut comparisons = Vec::with_capacity(parts.len());
        for part in parts {
            if part == "*" {
                continue;
            }
            let found = SIGNS
                .iter()
                .find_map(|(sign, comparison)| Some((*comparison, part.strip_prefix(sign)?)));
            let (comparison, version) = found.unwrap_or((Comparison::Same, part));
            comparisons.push((comparison, numbers(version)?));
        }
        Some(Self {
            comparisons,
            exact: None,
        })
    }

    /// The newest of some versions that is in the range.
    pub fn newest<'a>(&self, versions: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let fitting = versions.into_iter().filter(|version| self.holds(version));
        fitting.max_by(|one, other| compare_versions(one, other))
    }

    /// Whether a semantic version is in the range.
    pub fn holds(&self, version: &str) -> bool {
        if let Some(exact) = &self.exact {
            return exact == version;
        }
        let release = !version.split('+').next().unwrap_or_default().contains('-');
        let Some(parts) = numbers(core(version)).filter(|parts| parts.len() == 3 && release) else {
            return false;
        };
        let holds = |(comparison, wanted): &(Comparison, Vec<u64>)| compare(*comparison, wanted, &parts);
        self.comparisons.iter().all(holds)
    }
}

/// By their three numbers; a release is newer than what comes before it, and the rest is told apart as text. What is no
/// version comes first.
pub fn compare_versions(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| {
        let rest = version.get(core(version).len()..).unwrap_or_default().to_owned();
        (numbers(core(version)), !rest.starts_with('-'), rest)
    };
    parts(one).cmp(&parts(other))
}

fn compare(comparison: Comparison, wanted: &[u64], have: &[u64]) -> bool {
    let begins = |count: usize| have.get(..count) == wanted.get(..count);
    // Parts that are not written count as 0 below and as "any" above.
    let written = have.get(..wanted.len()).unwrap_or_default().cmp(wanted);
    match comparison {
        Comparison::Same => written == Ordering::Equal,
        Comparison::AtLeast => written != Ordering::Less,
        Comparison::Above => written == Ordering::Greater,
        Comparison::AtMost => written != Ordering::Greater,
        Comparison::Below => written == Ordering::Less,
        Comparison::Caret => {
            let leading = wanted.iter().position(|part| *part > 0);
            written != Ordering::Less && begins(leading.map_or(wanted.len(), |at| at + 1))
        }
        Comparison::Tilde => written != Ordering::Less && begins(wanted.len().min(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_of_their_numbers() {
        let pairs = [
            ("1.9.0", "1.10.0"),
            ("2.0.0-rc.1", "2.0.0"),
            ("2.0.0-rc.1", "2.0.0+build.1"),
            ("1.9.9", "2.0.0-rc.1"),
            ("latest", "0.0.1"),
        ];
        for (older, later) in pairs {
            assert_eq!(compare_versions(older, later), Ordering::Less, "{older} {later}");
            assert_eq!(
                compare_versions(later, older),
                Ordering::Greater,
                "{older} {later}"
            );
        }
    }

    #[test]
    fn ranges_take_what_they_say() {
        // The conductor's own reader is held to the same table.
        let table = include_str!("../../../tests/data/version_ranges.json");
        let rows: Vec<serde_json::Value> = serde_json::from_str(table).unwrap();
        assert!(rows.len() > 10);
        for row in rows {
            let range = VersionRange::parse(row["range"].as_str().unwrap()).unwrap();
            for (list, wanted) in [("taken", true), ("refused", false)] {
                for version in row[list].as_array().unwrap() {
                    let version = version.as_str().unwrap();
                    assert_eq!(range.holds(version), wanted, "{range:?} {version}");
                }
            }
        }
        for text in [
            "",
            " ",
            "^",
            "1.2.3.4",
            "^x",
            "=>1",
            "1..2",
            "1234567890",
            "^1.2.x",
            "1 2 3 4 5 6 7 8 9",
        ] {
            assert_eq!(VersionRange::parse(text), None, "{text}");
        }
    }
}
