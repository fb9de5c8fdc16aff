//! Reading a document's JSON: every part by its pointer, every mistake noted and the reading continued.

use serde_json::{Map, Value as Json};
use symphony_expression::{Error, Expression, Template};
use symphony_protocol::{Problem, Value};

/// Problems of one document; more than a person reads.
const PROBLEMS_MAX: usize = 100;

/// Where in the document, as a JSON pointer.
#[derive(Clone, Debug, Default)]
pub struct Place(pub String);

impl Place {
    pub fn child(&self, name: &str) -> Self {
        Self(format!(
            "{}/{}",
            self.0,
            name.replace('~', "~0").replace('/', "~1")
        ))
    }
}

/// Collects problems.
#[derive(Debug, Default)]
pub struct Problems {
    pub found: Vec<Problem>,
}

impl Problems {
    pub fn add(&mut self, at: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.add_at(at, message, remedy, None);
    }

    pub fn add_at(
        &mut self,
        at: &Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
        column: Option<u64>,
    ) {
        if self.found.len() < PROBLEMS_MAX {
            let cut = |text: String| text.chars().take(1000).collect::<String>();
            let (message, remedy) = (cut(message.into()), cut(remedy.into()));
            self.found.push(Problem {
                at: at.0.clone(),
                message,
                remedy,
                column,
                ..Default::default()
            });
        }
    }

    pub fn expression(&mut self, at: &Place, error: &Error) {
        self.add_at(at, error.to_string(), "mend the expression", error.column());
    }

    /// A mapping whose words are among `known`; others are problems that name the nearest.
    pub fn mapping<'a>(
        &mut self,
        json: &'a Json,
        at: &Place,
        known: &[&str],
    ) -> Option<&'a Map<String, Json>> {
        let Some(map) = json.as_object() else {
            self.add(
                at,
                format!("a mapping is expected here, not {}", kind(json)),
                "write `word: value` pairs",
            );
            return None;
        };
        for word in map.keys().filter(|word| !known.contains(&word.as_str())) {
            self.add(
                &at.child(word),
                format!("the word `{word}` is not known here"),
                suggest(word, known),
            );
        }
        Some(map)
    }

    pub fn text<'a>(&mut self, json: &'a Json, at: &Place) -> Option<&'a str> {
        let text = json.as_str();
        if text.is_none() {
            self.add(
                at,
                format!("text is expected here, not {}", kind(json)),
                "put it in quotes",
            );
        }
        text
    }

    pub fn list<'a>(&mut self, json: &'a Json, at: &Place) -> Option<&'a [Json]> {
        let list = json.as_array();
        if list.is_none() {
            self.add(
                at,
                format!("a list is expected here, not {}", kind(json)),
                "write [a, b]",
            );
        }
        list.map(Vec::as_slice)
    }

    pub fn texts(&mut self, json: &Json, at: &Place) -> Vec<String> {
        let items = self.list(json, at).unwrap_or_default();
        items
            .iter()
            .filter_map(|item| self.text(item, at))
            .map(str::to_owned)
            .collect()
    }

    pub fn count(&mut self, json: &Json, at: &Place, low: u64, high: u64) -> Option<u64> {
        let count = json.as_u64().filter(|count| (low..=high).contains(count));
        if count.is_none() {
            self.add(
                at,
                format!("a whole number from {low} to {high} is expected here"),
                "change the number",
            );
        }
        count
    }

    pub fn flag(&mut self, json: &Json, at: &Place) -> Option<bool> {
        let flag = json.as_bool();
        if flag.is_none() {
            self.add(at, "true or false is expected here", "write true or false");
        }
        flag
    }

    /// A duration in milliseconds.
    pub fn duration(&mut self, json: &Json, at: &Place) -> Option<u64> {
        let made = json.as_str().and_then(duration_ms);
        if made.is_none() {
            self.add(
                at,
                format!("{json} is no duration"),
                "write 200ms, 10s, 5m, 2h or 1d",
            );
        }
        made
    }

    pub fn name<'a>(&mut self, name: &'a str, at: &Place) -> Option<&'a str> {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if first && name.len() <= 128 && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Some(name);
        }
        self.add(
            at,
            format!("`{name}` is no name"),
            "use letters, digits and _, beginning with a letter",
        );
        None
    }

    /// A condition or the like: a string is CEL with or without `${}`, another value stands for itself.
    pub fn condition(&mut self, json: &Json, at: &Place) -> Option<Expression> {
        match json.as_str() {
            Some(text) => Expression::parse(text)
                .map_err(|error| self.expression(at, &error))
                .ok(),
            None => Some(Expression::constant(to_value(json))),
        }
    }

    /// EXPR where a whole value may stand too: `value:`, `for_each:`.
    pub fn computed(&mut self, json: &Json, at: &Place) -> Option<Template> {
        match json.as_str() {
            Some(text) if !text.contains("${") => {
                let parsed = Expression::parse(text).map(|made| Template::Expression(Box::new(made)));
                parsed.map_err(|error| self.expression(at, &error)).ok()
            }
            _ => self.template(json, at),
        }
    }

    /// VALUE: text with `${}` inside, at any depth. Mistakes are told at the innermost place.
    pub fn template(&mut self, json: &Json, at: &Place) -> Option<Template> {
        match json {
            Json::Object(map) => {
                let mut entries = Vec::with_capacity(map.len());
                let before = self.found.len();
                for (key, inner) in map {
                    if let Some(made) = self.template(inner, &at.child(key)) {
                        entries.push((key.clone(), made));
                    }
                }
                (self.found.len() == before).then_some(Template::Map(entries))
            }
            _ => Template::parse(&to_value(json))
                .map_err(|error| self.expression(at, &error))
                .ok(),
        }
    }
}

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

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

/// A remedy that names the nearest known word, or all of a few.
pub fn suggest(word: &str, known: &[&str]) -> String {
    let near = known.iter().map(|other| (distance(word, other), *other)).min();
    match near {
        Some((steps, other)) if steps <= 1 + word.len() / 3 => format!("did you mean `{other}`?"),
        _ if known.is_empty() => "there are none".to_owned(),
        _ if known.len() <= 12 => format!("it may be {}", known.join(", ")),
        _ => "see the reference of the workflow language".to_owned(),
    }
}

/// Levenshtein's distance, with a swap of neighbours as one step.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |r: &Vec<usize>, at: usize| r.get(at).copied().unwrap_or(usize::MAX - 1);
            let above = rows.last().map_or(usize::MAX - 1, |r| get(r, j + 1)) + 1;
            let left = get(&row, j) + 1;
            let diagonal = rows.last().map_or(usize::MAX - 1, |r| get(r, j)) + usize::from(x != y);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            let swap = if swapped {
                rows.get(i - 1).map_or(usize::MAX - 1, |r| get(r, j - 1)) + 1
            } else {
                usize::MAX
            };
            row.push(above.min(left).min(diagonal).min(swap));
        }
        rows.push(row);
    }
    rows.last()
        .and_then(|row| row.last())
        .copied()
        .unwrap_or_default()
}
