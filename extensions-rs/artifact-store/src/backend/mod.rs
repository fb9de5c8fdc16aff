//! Where closed packs may lie beside the local disk: one interface, several places.

mod folder;
mod memory;
#[cfg(feature = "s3")]
mod s3;

pub use folder::Folder;
pub use memory::Memory;
#[cfg(feature = "s3")]
pub use s3::S3;

use crate::error::{Error, ErrorKind};

/// Objects by name. What is put is there whole or not at all, and is not changed afterwards. Names are of letters, digits, `.`
/// and `-`.
///
/// Errors of every method: `NotFound`, `Unavailable`.
pub trait Backend: Send + Sync {
    /// Durable when it returns. An object of the same name is replaced.
    fn put(&self, name: &str, data: Vec<u8>) -> Result<(), Error>;
    /// Exactly these bytes; kind `Corrupt` where the object is shorter.
    fn range(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, Error>;
    /// Its size in bytes; none: there is no such object.
    fn size(&self, name: &str) -> Result<Option<u64>, Error>;
    /// One that is not there is deleted already.
    fn delete(&self, name: &str) -> Result<(), Error>;
    /// The names of all objects, sorted.
    fn list(&self) -> Result<Vec<String>, Error>;
}

/// The backend that an operator names: `folder:PATH`, `memory:`, `s3://BUCKET/PREFIX`. Kind `Invalid`: there is none such.
pub fn named(text: &str) -> Result<Box<dyn Backend>, Error> {
    if let Some(path) = text.strip_prefix("folder:") {
        return Ok(Box::new(Folder::open(path.as_ref())?));
    }
    if text == "memory:" {
        return Ok(Box::new(Memory::default()));
    }
    if text.starts_with("s3://") {
        #[cfg(feature = "s3")]
        return Ok(Box::new(S3::open(text)?));
        #[cfg(not(feature = "s3"))]
        return Err(Error::new(
            ErrorKind::Invalid,
            "this program was built without S3: build it with `--features s3`",
        ));
    }
    let message = format!("`{text}` is no place for packs: folder:PATH or s3://BUCKET/PREFIX");
    Err(Error::new(ErrorKind::Invalid, message))
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {name}"))
}

fn short(name: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{name} is cut off"))
}
