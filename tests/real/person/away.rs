//! A person between two runs of their client: what is on disk, and the ways to start again from it.

use std::{fs, path::Path, sync::Arc};

use kvitto::{app::Phase, client::Profile, settings::Config};
use tempfile::TempDir;

use super::Person;
use crate::support::terminal::Terminal;

/// A person whose client does not run.
pub struct Away {
    pub(super) profile: Profile,
    pub(super) home: Arc<TempDir>,
}

impl Away {
    /// Starts the client again, from what is on disk, and does not wait for it.
    pub fn starts(self) -> Person {
        Person::start(self.profile, self.home)
    }

    /// Starts the client again, from what is on disk.
    pub async fn back(self) -> Person {
        let mut person = self.starts();
        person.until("the restored session", |p| (p.app.phase == Phase::Main).then_some(())).await;
        person
    }

    /// Starts the client again when its device's keys are gone.
    pub async fn back_without_keys(self) -> Person {
        for file in fs::read_dir(&self.profile.dir).expect("the profile is a folder") {
            let path = file.expect("the profile can be read").path();
            if path.to_string_lossy().contains("matrix-sdk-crypto") {
                fs::remove_file(path).expect("a file of the profile can be removed");
            }
        }
        let mut person = Person::start(self.profile, self.home);
        person.until("the login screen", |p| matches!(p.app.phase, Phase::Login(_)).then_some(())).await;
        person
    }

    /// Where the profile is.
    pub fn profile_dir(&self) -> &Path {
        &self.profile.dir
    }

    /// What the real program is given as `--data-dir` to go on as this person.
    pub fn data_dir(&self) -> &Path {
        self.home.path()
    }

    /// Starts the real program as this person, with the same settings.
    pub fn on_screen(&self) -> Terminal {
        let config = self.home.path().join("config.toml");
        let settings = Config { delivery: self.profile.settings.clone(), ..Config::default() };
        fs::write(&config, settings.to_toml()).expect("a temporary folder can be written");
        let [config, data] = [&config, self.data_dir()].map(|path| path.to_str().expect("a path of plain letters"));
        Terminal::start(&["--config", config, "--data-dir", data], 120, 40)
    }
}
