//! The log: a file a day, seven kept, for the user's eyes only, and [bounded](bound) in rate and
//! size.
//!
//! No message text, key or token may get into it, at any level. kvitto's own lines are written with
//! that in mind; the libraries' are not (matrix-sdk logs whole requests and events at `debug` and
//! `trace`), so whatever level is chosen, everything that is not kvitto's stops at warnings. A
//! panic is logged by its place and backtrace alone: its message may quote what was being worked
//! on, as slicing a string in the wrong place does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tracing::level_filters::LevelFilter;
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{Registry, filter::Targets, layer::SubscriberExt, reload, util::SubscriberInitExt};

use self::bound::Bound;
use crate::files;

mod bound;

/// How many files are kept.
const FILES: usize = 7;
const A_DAY: Duration = Duration::from_hours(24);

/// The log is open as long as this lives.
pub struct Log {
    /// For whoever has to do with it meanwhile.
    pub handle: Handle,
    _writer: WorkerGuard,
}

/// The log that is open.
#[derive(Clone)]
pub struct Handle {
    /// Its folder.
    pub folder: PathBuf,
    filter: reload::Handle<Targets, Registry>,
}

impl Handle {
    /// From now on this gets into it.
    pub fn set_level(&self, level: LevelFilter) {
        if let Err(error) = self.filter.reload(filter(level)) {
            tracing::warn!(%error, "the log's level stays");
        }
    }
}

/// Starts the log of this process.
pub fn start(folder: &Path, level: LevelFilter) -> io::Result<Log> {
    let (writer, guard) = tracing_appender::non_blocking(PrivateFiles::new(folder)?);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let (layer, filter) = reload::Layer::new(filter(level));
    tracing_subscriber::registry().with(layer).with(lines).try_init().map_err(io::Error::other)?;
    Ok(Log { handle: Handle { folder: folder.into(), filter }, _writer: guard })
}

/// What gets into the log: kvitto's own lines up to `level`, everybody else's up to warnings.
fn filter(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(env!("CARGO_PKG_NAME"), level)
}

/// The day's file, which `tracing_appender` makes by the umask, readable by the user only.
struct PrivateFiles {
    files: RollingFileAppender,
    folder: PathBuf,
    /// The day whose file is private.
    day: u64,
    bound: Bound,
    opened: Instant,
}

impl PrivateFiles {
    fn new(folder: &Path) -> io::Result<Self> {
        files::folder(folder)?;
        let files = RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix(env!("CARGO_PKG_NAME"))
            .filename_suffix("log")
            .max_log_files(FILES)
            .build(folder)
            .map_err(io::Error::other)?;
        let mut files = Self { files, folder: folder.into(), day: 0, bound: Bound::new(0), opened: Instant::now() };
        files.keep_private()?;
        files.bound = Bound::new(newest(folder)?);
        Ok(files)
    }

    fn keep_private(&mut self) -> io::Result<()> {
        let today = today();
        if today != self.day {
            for file in fs::read_dir(&self.folder)? {
                files::close(&file?.path())?;
            }
            self.day = today;
        }
        Ok(())
    }
}

/// Days since 1970.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / A_DAY.as_secs()
}

/// How large the newest file is: today's, which was just opened.
fn newest(folder: &Path) -> io::Result<u64> {
    let files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let newest = files.into_iter().max_by_key(fs::DirEntry::file_name);
    newest.map_or(Ok(0), |file| Ok(file.metadata()?.len()))
}

impl io::Write for PrivateFiles {
    /// Each call is for one whole entry.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        if today() != self.day {
            self.bound.next_day();
        }
        let admitted = self.bound.admit(entry, self.opened.elapsed());
        if !admitted.is_empty() {
            self.files.write_all(&admitted)?;
            self.keep_private()?;
        }
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.files.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn libraries_never_write_more_than_warnings_and_kvitto_what_is_chosen() {
        use tracing::Level;
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        for (chosen, own, foreign) in [
            (LevelFilter::OFF, 0, 0),
            (LevelFilter::ERROR, 1, 1),
            (LevelFilter::WARN, 2, 2),
            (LevelFilter::INFO, 3, 2),
            (LevelFilter::DEBUG, 4, 2),
            (LevelFilter::TRACE, 5, 2),
        ] {
            let filter = filter(chosen);
            let written = |target: &str| levels.iter().filter(|level| filter.would_enable(target, level)).count();
            for target in ["kvitto", "kvitto::client::session"] {
                assert_eq!(written(target), own, "{target} at {chosen}");
            }
            for target in ["matrix_sdk::http_client", "matrix_sdk_crypto", "hyper", "reqwest", "ruma", "rustls", "log"]
            {
                assert_eq!(written(target), foreign, "{target} at {chosen}");
            }
        }
    }

    #[test]
    fn the_level_is_changed_while_the_log_is_open() {
        use tracing::{Level, enabled, subscriber::with_default};
        let (layer, filter) = reload::Layer::new(filter(LevelFilter::INFO));
        let handle = Handle { folder: PathBuf::new(), filter };
        with_default(Registry::default().with(layer), || {
            let written = || (enabled!(Level::INFO), enabled!(Level::DEBUG));
            assert_eq!(written(), (true, false));
            handle.set_level(LevelFilter::DEBUG);
            assert_eq!(written(), (true, true));
            handle.set_level(LevelFilter::OFF);
            assert_eq!(written(), (false, false));
        });
    }

    #[test]
    fn the_file_of_each_day_is_the_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mut log = PrivateFiles::new(&folder.path().join("log")).unwrap();
        let file = fs::read_dir(&log.folder).unwrap().next().unwrap().unwrap().path();
        let mode = || file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);

        // As after midnight: a file that was made by the umask.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        log.day -= 1;
        log.write_all(b"a line\n").unwrap();
        assert_eq!(mode(), 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), "a line\n");
    }

    #[test]
    fn a_flood_does_not_fill_the_disk_nor_does_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let entry = [b'x'; 1 << 10];
        let mut log = PrivateFiles::new(&path).unwrap();
        for _ in 0..20_000 {
            log.write_all(&entry).unwrap();
        }
        let size = newest(&path).unwrap();
        assert!(size < 1 << 20, "{size} bytes of a flood of 20 MB");

        let file = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
        fs::OpenOptions::new().append(true).open(&file).unwrap().set_len(bound::DAY).unwrap();
        let mut log = PrivateFiles::new(&path).unwrap();
        log.write_all(&entry).unwrap();
        assert_eq!(newest(&path).unwrap(), bound::DAY, "what is full stays full when the program starts again");
        log.day -= 1;
        log.write_all(&entry).unwrap();
        assert!(newest(&path).unwrap() > bound::DAY, "after midnight there is place");
    }
}
