//! `config.toml` read, checked, written back.
