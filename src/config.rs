//! `config.toml`: read, checked, and written back.
//!
//! A setting that is misspelt must not be ignored: in this program it could mean that receipts go
//! out which the user meant to withhold. So every key and every value is checked, all problems are
//! told at once, each with its line and column and what would be right, and a file with a problem
//! is not used at all.
//!
//! What there is to know about a key stands in the table of [`settings`]: reading, `kvitto config`,
//! the hints in errors and the test of `config.example.toml` all come from it. Writing ([`save`])
//! edits the text that the user wrote and leaves the rest of it as it was.

use std::{fmt, io, path::Path, path::PathBuf};

use crate::settings::{self, Config};

mod edit;
mod read;

pub use edit::save;

impl Config {
    /// Reads the file; one that is not there means the defaults.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&read_text(path)?)
            .map_err(|problems| ConfigError::Invalid { path: path.into(), problems: Problems(problems) })
    }

    /// Reads the text of a `config.toml`, or tells everything that is wrong with it, in the order
    /// of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        read::config(text)
    }

    /// The settings as the text of a `config.toml`, every key named.
    pub fn to_toml(&self) -> String {
        let mut tables: Vec<(String, String)> = Vec::new();
        for setting in settings::all() {
            for (id, value) in setting.all(self) {
                let (table, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
                let table = table.replace('*', &quote(id));
                let at = tables.iter().position(|(known, _)| *known == table).unwrap_or_else(|| {
                    tables.push((table, String::new()));
                    tables.len() - 1
                });
                tables[at].1.extend([name, " = ", &value.to_string(), "\n"]);
            }
        }
        let tables: Vec<_> = tables.into_iter().map(|(name, keys)| format!("[{name}]\n{keys}")).collect();
        tables.join("\n")
    }
}

/// A part of a key as it is written: in quotes where TOML wants them.
fn quote(part: &str) -> String {
    toml_edit::Key::new(part).to_string()
}

/// The text of the file, empty when there is none.
fn read_text(path: &Path) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(ConfigError::Read { path: path.into(), source }),
    }
}

/// Why there are no settings, or why they could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read the settings in {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file says something that it may not say.
    #[error("the settings in {} cannot be used\n{problems}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        problems: Problems,
    },
    /// The file could not be written; it is as it was.
    #[error("cannot write the settings to {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is laid out in a way that the change does not fit into; it is as it was.
    #[error("cannot change {} without harming what it says: change it by hand, {key} = {value}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// The key to be changed.
        key: String,
        /// What it should say.
        value: String,
    },
}

/// One thing that is wrong in a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The whole key as written, as in `delivery.rooms."!a".send`; empty when the text is no TOML
    /// there.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n    {hint}"))
    }
}

/// All that is wrong in a config file, one below the other.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            write!(f, "{}  {problem}", if n == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
