//! The Python environment that Synapse runs in, made once under the target folder.
//!
//! Tests run as several processes at once, so a file lock lets one of them make it while the others
//! wait. A marker file, written last, tells a finished environment from one whose making was
//! interrupted; the marker's name carries the version, so a new pin makes a new environment.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// The Synapse that the tests are written against.
const SYNAPSE: &str = "matrix-synapse==1.163.2";

/// The environment's Python, ready to run Synapse. Installs it first where needed, and says so on
/// stderr.
pub fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's tmp folder is in the target folder");
    let venv = target.join("synapse-venv");
    let python = venv.join("bin/python");
    let marker = venv.join(SYNAPSE);

    let lock = File::create(target.join("synapse-venv.lock")).expect("the target folder can be written");
    lock.lock().expect("the target folder's file system has locks");
    if !marker.exists() {
        make(&venv, &python);
        File::create(&marker).expect("the new environment can be written");
    }
    python
}

fn make(venv: &Path, python: &Path) {
    // Not by `eprintln!`: a test runner would keep it back, and this takes a while.
    let news = format!("Installing {SYNAPSE} from PyPI into {} for the tests. This is done once.\n", venv.display());
    let _ = io::stderr().write_all(news.as_bytes());
    if venv.exists() {
        fs::remove_dir_all(venv).expect("a half-made environment can be removed");
    }
    run(
        Command::new("python3").args(["-m", "venv"]).arg(venv),
        "The tests need python3 (3.10 or newer) with venv: install it (Debian and Ubuntu: apt-get install python3-venv).",
    );
    run(
        Command::new(python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SYNAPSE]),
        "The tests need Synapse from PyPI, and pip could not install it.",
    );
}

fn run(command: &mut Command, advice: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{advice}\n{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{advice}\n{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
