//! The configuration file: TOML, one section a component.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};

/// A configuration file as read; components take their section of it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    table: toml::Table,
    name: String,
}

impl Config {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::new(ErrorKind::Config, format!("{name}: {error}")))?;
        Self::parse(&text, &name)
    }

    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let table = text.parse().map_err(|error: toml::de::Error| {
            Error::new(
                ErrorKind::Config,
                format!("{name}: {}", error.to_string().replace('\n', " ")),
            )
        })?;
        Ok(Self {
            table,
            name: name.to_owned(),
        })
    }

    /// The options of a component; its defaults where the file has no such section.
    pub fn section<T: DeserializeOwned>(&self, section: &str) -> Result<T, Error> {
        let table = self
            .table
            .get(section)
            .cloned()
            .unwrap_or_else(|| toml::Value::Table(toml::Table::new()));
        table.try_into().map_err(|error: toml::de::Error| {
            let text = error.to_string().replace('\n', " ");
            Error::new(ErrorKind::Config, format!("{} [{section}]: {text}", self.name))
        })
    }
}
