//! Regular expressions: compiled once an evaluation, and bounded in what they may cost.

use regex::Regex;
use symphony_protocol::Value;

use super::numbers::shown;
use crate::error::{Error, ErrorKind, type_error};

/// Patterns that one evaluation may compile: a constant is one; those that are computed are few.
const PATTERNS_MAX: usize = 32;
/// Compiled size: what bounds the work for each character of the text.
const SIZE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of text that one evaluation may search: at the worst pattern's speed, about a second.
const SEARCHED_BYTES_MAX: usize = 1024 * 1024;

/// The patterns of one evaluation.
#[derive(Debug, Default)]
pub struct Patterns {
    known: Vec<(String, Regex)>,
    searched: usize,
}

impl Patterns {
    /// Whether the pattern is found somewhere.
    pub fn matches(&mut self, text: &str, pattern: &str) -> Result<Value, Error> {
        Ok(self.compiled(text, pattern)?.is_match(text).into())
    }

    /// The groups of the first place, the whole one first; null where there is none.
    pub fn groups(&mut self, text: &str, pattern: &str) -> Result<Value, Error> {
        let Some(found) = self.compiled(text, pattern)?.captures(text) else {
            return Ok(Value::Nil);
        };
        let groups = found
            .iter()
            .map(|group| group.map_or(Value::Nil, |g| g.as_str().into()));
        Ok(Value::Array(groups.collect()))
    }

    fn compiled(&mut self, text: &str, pattern: &str) -> Result<&Regex, Error> {
        let limit = |message: String| Error::new(ErrorKind::Limit, message);
        self.searched = self.searched.saturating_add(text.len());
        if self.searched > SEARCHED_BYTES_MAX {
            let message = format!("regular expressions search at most {SEARCHED_BYTES_MAX} bytes");
            return Err(limit(message));
        }
        let place = self.known.iter().position(|(known, _)| known == pattern);
        let place = match place {
            Some(place) => place,
            None if self.known.len() >= PATTERNS_MAX => {
                return Err(limit(format!("at most {PATTERNS_MAX} regular expressions")));
            }
            None => {
                let made = regex::RegexBuilder::new(pattern)
                    .size_limit(SIZE_BYTES_MAX)
                    .build();
                let made = made.map_err(|error| match error {
                    regex::Error::CompiledTooBig(_) => {
                        limit(format!("{} is too large a regular expression", shown(pattern)))
                    }
                    _ => type_error(format!("{} is no regular expression", shown(pattern))),
                });
                self.known.push((pattern.to_owned(), made?));
                self.known.len() - 1
            }
        };
        let found = self.known.get(place).map(|(_, compiled)| compiled);
        found.ok_or_else(|| limit("no regular expression".to_owned()))
    }
}
