//! `text.count` and `text.merge`.

use std::collections::HashMap;
use std::path::Path;

use symphony_protocol::{TypeName, Value};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};

use crate::files::read_text;
use crate::spec::{Spec, needs, number, optional_text, takes};

pub fn functions() -> Vec<Offered> {
    use TypeName::{Array, File, Integer, Object, String};
    vec![
        Spec::new(
            "text.count",
            "Count the words of a file or a text: runs of letters, lower-cased",
        )
        .inputs([
            ("file", takes(File, Value::Nil)),
            ("text", takes(String, Value::Nil)),
        ])
        .outputs([("words", Object), ("total", Integer)])
        .runs(Handler::blocking(count)),
        Spec::new(
            "text.merge",
            "Add up counts of words, and name the most frequent ones",
        )
        .inputs([("counts", needs(Array)), ("top", takes(Integer, Value::Int(20)))])
        .outputs([
            ("words", Object),
            ("top", Array),
            ("total", Integer),
            ("distinct", Integer),
        ])
        .pure()
        .runs(Handler::blocking(merge)),
    ]
}

/// Words are runs of what Unicode calls letters (`str.isalpha()` in Python), lower-cased afterwards.
pub fn words(text: &str) -> HashMap<String, i64> {
    let mut counts: HashMap<String, i64> = HashMap::new();
    let is_letter = |c: char| c.is_ascii_alphabetic() || (!c.is_ascii() && is_letter(c));
    for word in text
        .split(|c: char| !is_letter(c))
        .filter(|word| !word.is_empty())
    {
        // Most words are lower-case ASCII, and known: no new string for those.
        if word.bytes().all(|b| b.is_ascii_lowercase()) {
            match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.to_owned(), 1);
                }
            }
        } else {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    counts
}

/// The categories Lu, Ll, Lt, Lm and Lo. `char::is_alphabetic` also takes marks and letter numbers, which Python's
/// `isalpha` does not.
fn is_letter(c: char) -> bool {
    use unicode_general_category::{GeneralCategory as G, get_general_category};
    matches!(
        get_general_category(c),
        G::UppercaseLetter | G::LowercaseLetter | G::TitlecaseLetter | G::ModifierLetter | G::OtherLetter
    )
}

fn sorted(counts: HashMap<String, i64>) -> Value {
    let mut words: Vec<(String, Value)> = counts
        .into_iter()
        .map(|(word, n)| (word, Value::Int(n)))
        .collect();
    words.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Map(words)
}

fn count(_: &Context, inputs: Value) -> Outcome {
    let counts = match (optional_text(&inputs, "file"), optional_text(&inputs, "text")) {
        (Some(file), None) => words(&read_text(Path::new(file))?),
        (None, Some(text)) => words(text),
        _ => return Err(FunctionError::contract("give either `file` or `text`")),
    };
    let total = counts.values().sum();
    Ok(Value::from([
        ("words", sorted(counts)),
        ("total", Value::Int(total)),
    ]))
}

fn merge(_: &Context, inputs: Value) -> Outcome {
    let top = number(&inputs, "top", 20.0)?.clamp(0.0, 100_000.0) as usize;
    let Some(Value::Array(lists)) = inputs.get("counts") else {
        return Err(FunctionError::contract("`counts` is a list of objects"));
    };
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for list in lists {
        match list {
            Value::Nil => {} // an item of a map that failed and was passed over
            Value::Map(entries) => {
                for (word, count) in entries {
                    let count = count
                        .as_i64()
                        .ok_or_else(|| FunctionError::contract("counts are integers"))?;
                    let sum = counts.entry(word).or_default();
                    *sum = sum
                        .checked_add(count)
                        .ok_or_else(|| FunctionError::contract("the counts overflow"))?;
                }
            }
            other => {
                return Err(FunctionError::contract(format!(
                    "`counts` holds {}",
                    other.type_name()
                )));
            }
        }
    }
    let total: i64 = counts.values().sum();
    let distinct = counts.len() as u64;
    let mut ranked: Vec<(&str, i64)> = counts.iter().map(|(word, count)| (*word, *count)).collect();
    ranked.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    let best = ranked.iter().take(top);
    let best = best
        .map(|(word, count)| Value::from([("word", (*word).into()), ("count", Value::Int(*count))]))
        .collect();
    let all = counts
        .into_iter()
        .map(|(word, count)| (word.to_owned(), count))
        .collect();
    Ok(Value::from([
        ("words", sorted(all)),
        ("top", Value::Array(best)),
        ("total", Value::Int(total)),
        ("distinct", Value::from(distinct)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_in_lower_case() {
        let counts = words("The cat, the CAT's 2nd cat_3 - Äpfel ÄPFEL; наука x\u{0301}y ⅷ");
        let of = |word: &str| counts.get(word).copied();
        assert_eq!(of("the"), Some(2));
        assert_eq!(of("cat"), Some(3));
        assert_eq!(of("s"), Some(1));
        assert_eq!(of("nd"), Some(1));
        assert_eq!(of("äpfel"), Some(2));
        assert_eq!(of("наука"), Some(1));
        // A combining mark and a letter number are no letters: they part words, as Python's isalpha() says.
        assert_eq!((of("x"), of("y"), of("ⅷ")), (Some(1), Some(1), None));
    }

    #[test]
    fn ties_are_ordered_by_word() {
        let counts = Value::Array(vec![
            Value::from([("b", Value::Int(2)), ("a", Value::Int(2))]),
            Value::Nil,
        ]);
        let context = crate::testing::context();
        let made = merge(&context, Value::from([("counts", counts)])).unwrap();
        let first = made
            .get("top")
            .and_then(|top| top.as_array()?.first()?.get("word")?.as_str().map(str::to_owned));
        assert_eq!(first.as_deref(), Some("a"));
        assert_eq!(made.get("total"), Some(&Value::Int(4)));
        assert_eq!(made.get("distinct"), Some(&Value::Int(2)));
    }
}
