//! What can be wrong with an expression, when it is read and when it is computed.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no expression.
    Syntax,
    /// It names something that does not exist.
    Unknown,
    /// Values of types that do not go together.
    Type,
    /// An overflow, a division by zero, a result that is no finite number.
    Arithmetic,
    /// A bound on size, depth or cost.
    Limit,
    /// What a template makes is more than a task may be given.
    TooLarge,
}

/// The sentence names the expression; `column` is from 1, where it is known.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    column: Option<u64>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            column: None,
        }
    }

    pub fn at(mut self, column: u64) -> Self {
        self.column = Some(column);
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn column(&self) -> Option<u64> {
        self.column
    }

    /// The same error with the beginning of the expression's text before it.
    pub fn within(mut self, text: &str) -> Self {
        let end = text.char_indices().nth(160).map_or(text.len(), |(at, _)| at);
        let text = text.get(..end).unwrap_or_default();
        self.message = format!("`{text}`: {}", self.message);
        self
    }
}

pub fn type_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Type, message)
}
