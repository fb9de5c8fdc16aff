//! Objects as files of a folder: written beside their place, synced, renamed, and the folder synced.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Backend, missing, short};
use crate::error::Error;

/// Names of files that are being written end so.
const PART: &str = ".part";

pub struct Folder {
    folder: PathBuf,
}

impl Folder {
    /// What a crash left half written is removed.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_name().to_string_lossy().ends_with(PART) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn file(&self, name: &str) -> Result<File, Error> {
        File::open(self.folder.join(name)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing(name),
            _ => error.into(),
        })
    }
}

impl Backend for Folder {
    fn put(&self, name: &str, data: Vec<u8>) -> Result<(), Error> {
        let part = self.folder.join(format!("{name}{PART}"));
        let mut file = File::create(&part)?;
        file.write_all(&data)?;
        file.sync_all()?;
        fs::rename(&part, self.folder.join(name))?;
        Ok(File::open(&self.folder)?.sync_all()?)
    }

    fn range(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut data = vec![0; length];
        let read = self.file(name)?.read_exact_at(&mut data, offset);
        read.map_err(|_| short(name))?;
        Ok(data)
    }

    fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        match fs::metadata(self.folder.join(name)) {
            Ok(about) => Ok(Some(about.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        let entries = fs::read_dir(&self.folder)?.flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.ends_with(PART))
            .collect();
        names.sort();
        Ok(names)
    }
}
