//! Reading a document's JSON: every part by its pointer, every mistake noted and the reading continued.

use serde_json::{Map, Value as Json};
use symphony_expression::{Error, ErrorKind, Expression, Template};
use symphony_protocol::Problem;
use symphony_protocol::bounds::VALUE_DEPTH_MAX;

use crate::nearest::suggest;
use crate::values::{depth, duration_ms, kind, to_value};

/// Problems of one document; more than a person reads.
const PROBLEMS_MAX: usize = 100;
/// Characters of a name that people say.
const LABEL_LENGTH_MAX: usize = 128;

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
                at: cut(at.0.clone()),
                message,
                remedy,
                column,
                ..Default::default()
            });
        }
    }

    /// Whether more would not be kept, so that nobody goes looking for remedies.
    pub fn full(&self) -> bool {
        self.found.len() >= PROBLEMS_MAX
    }

    /// A name that is not there; the nearest of the known ones is the remedy.
    pub fn unknown<'a>(
        &mut self,
        at: &Place,
        message: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
        column: Option<u64>,
    ) {
        if !self.full() {
            self.add_at(at, message, suggest(word, known), column);
        }
    }

    pub fn expression(&mut self, at: &Place, error: &Error) {
        let remedy = match error.kind() {
            ErrorKind::Unknown => "see the functions of the workflow language",
            ErrorKind::Limit | ErrorKind::TooLarge => "make it simpler, or let a function do it",
            _ => "mend the expression",
        };
        self.add_at(at, error.to_string(), remedy, error.column());
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
            let message = format!("the word `{word}` is not known here");
            self.unknown(&at.child(word), message, word, known.iter().copied(), None);
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

    /// A name that people and other systems say: of a signal, an event, a checkpoint.
    pub fn label(&mut self, json: &Json, at: &Place) -> Option<String> {
        let text = self.text(json, at)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if !text.is_empty() && text.len() <= LABEL_LENGTH_MAX && text.bytes().all(fits) {
            return Some(text.to_owned());
        }
        let message = format!("`{text}` is no name");
        self.add(at, message, "use 1 to 128 letters, digits, _, - and .");
        None
    }

    /// Text with `${}` inside.
    pub fn text_template(&mut self, json: &Json, at: &Place) -> Option<Template> {
        self.text(json, at)?;
        self.template(json, at)
    }

    /// A number above 0, at most a billion.
    pub fn positive(&mut self, json: &Json, at: &Place) -> Option<f64> {
        let number = json.as_f64().filter(|number| *number > 0.0 && *number <= 1e9);
        if number.is_none() {
            self.add(at, "a number above 0 is expected here", "change the number");
        }
        number
    }

    /// A word that a mapping must have.
    pub fn needed<'a>(&mut self, map: &'a Map<String, Json>, word: &str, at: &Place) -> Option<&'a Json> {
        let found = map.get(word);
        if found.is_none() {
            let message = format!("`{word}` is missing here");
            self.add(at, message, format!("add `{word}:`"));
        }
        found
    }

    /// Expressions by name, as an object: EXPR for each.
    pub fn computed_map(&mut self, json: &Json, at: &Place) -> Option<Template> {
        let Some(map) = json.as_object() else {
            self.add(at, "a mapping is expected here", "write `name: EXPR` pairs");
            return None;
        };
        let mut entries = Vec::with_capacity(map.len());
        for (name, value) in map {
            let at = at.child(name);
            self.name(name, &at);
            if let Some(made) = self.computed(value, &at) {
                entries.push((name.clone(), made.folded()));
            }
        }
        Some(Template::Map(entries))
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
        // As many levels as a payload may have, less the object that the value stands in.
        if depth(json) >= VALUE_DEPTH_MAX {
            let message = format!("the value is nested more than {} deep", VALUE_DEPTH_MAX - 1);
            self.add(at, message, "nest it less");
            return None;
        }
        self.part(json, at)
    }

    fn part(&mut self, json: &Json, at: &Place) -> Option<Template> {
        let before = self.found.len();
        let made = match json {
            Json::Object(map) => {
                let entries = map.iter().filter_map(|(key, inner)| {
                    let made = self.part(inner, &at.child(key))?;
                    Some((key.clone(), made.folded()))
                });
                Template::Map(entries.collect())
            }
            Json::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.filter_map(|(index, inner)| {
                    let made = self.part(inner, &at.child(&index.to_string()))?;
                    Some(made.folded())
                });
                Template::List(items.collect()).folded()
            }
            _ => Template::parse(&to_value(json))
                .map_err(|error| self.expression(at, &error))
                .ok()?,
        };
        (self.found.len() == before).then_some(made)
    }
}
