//! Errors of the bus and of components: a kind to act on, a sentence to read.

use symphony_protocol::WireError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The broker is not there, or went away.
    Unavailable,
    /// No answer in time.
    TimedOut,
    /// A stream refuses for room; try again later.
    Busy,
    /// The write expected another last sequence: somebody else owns the subject now.
    Fenced,
    /// The bytes or the request are not what they should be.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// The configuration is wrong; the sentence names the place.
    Config,
    /// The disk or the machine refused.
    Io,
    /// Something that should not happen.
    Internal,
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub fn unavailable(error: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Unavailable, error.to_string())
    }

    pub fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, error.to_string())
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        Self::new(ErrorKind::Invalid, error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string())
    }
}
