//! The command line: what can be typed after `kvitto`, and what comes back to the shell.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::PathBuf,
};

use crate::{
    app::event::Event,
    client::{
        Profile,
        errors::{LoginError, SessionError},
        reply::FailureKind,
        session::{self, Restored},
    },
    config::ConfigError,
    delivery::{receipt::SUMMARY_ABOVE, receipt_queue::KEY_WAIT},
    model::Secret,
    runtime::{
        self, End, Start, log,
        paths::{Paths, PlacesError, ProfileName, Temporary},
    },
    server::demo::{Demo, News},
    settings::{Config, ui::Palette},
};
use clap::{Args, Parser, Subcommand};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// This device's public name, unless another is given. The machine's own name is nobody's business.
const DEVICE_NAME: &str = "kvitto";

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    something failed
  2    the command line is wrong
  3    config.toml cannot be used
  4    not logged in, or the homeserver refused the login
  5    the homeserver was not reached
  6    the profile is in use by another kvitto
  101  a bug in kvitto";

/// A terminal Matrix client that shows, device by device, who has received and decrypted your
/// message.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    places: PlaceArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct PlaceArguments {
    /// Which account: each profile has its own login, keys and messages
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    profile: ProfileName,
    /// The settings file
    #[arg(long, global = true, value_name = "FILE", env = "KVITTO_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of accounts and logs
    #[arg(long, global = true, value_name = "DIR", env = "KVITTO_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try kvitto: no account, no network, your settings are not used, and nothing is kept
    Demo,
    /// Log in with a password (the client itself can also do it in the browser)
    Login(LoginArguments),
    /// End the session on the server and delete everything of the account on this machine
    Logout(LogoutArguments),
    /// Print where things are and the settings in force
    Config,
}

#[derive(Debug, Args)]
struct LoginArguments {
    /// A server name such as matrix.org, or the homeserver's URL
    #[arg(long, value_name = "URL")]
    homeserver: String,
    /// The user's name, or the full id
    #[arg(long, value_name = "NAME")]
    user: String,
    /// What others see as the name of this device
    #[arg(long, value_name = "NAME", default_value = DEVICE_NAME)]
    device_name: String,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Args)]
struct LogoutArguments {
    /// Delete nothing: the next login goes on with the same messages, drafts and keys
    #[arg(long)]
    keep: bool,
}

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No places, or not ours.
    #[error(transparent)]
    Paths(#[from] PlacesError),
    /// No settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be written.
    #[error("cannot write the log in {}: {source}", folder.display())]
    Log {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The full-screen client has no screen.
    #[error("kvitto needs a terminal to draw on: run it without a pipe or a redirection (see kvitto --help)")]
    NoTerminal,
    /// The terminal failed while the client ran.
    #[error("the terminal failed: {0}")]
    Terminal(io::Error),
    /// What was to be printed or read could not be.
    #[error("cannot read or write: {0}")]
    Stdio(#[from] io::Error),
    /// No password on standard input.
    #[error("there is no password in the first line of standard input")]
    NoPassword,
    /// The login failed.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The session on disk cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The demo needs a thread and a few files.
    #[error("the demo cannot start: {0}")]
    Demo(io::Error),
    /// There is a session already.
    #[error("profile \"{profile}\" is logged in as {user}: log out first, or choose another with --profile")]
    LoggedIn {
        /// The profile.
        profile: ProfileName,
        /// Who.
        user: String,
    },
    /// Another account's things are there.
    #[error(
        "profile \"{profile}\" holds messages and keys of {user}: choose another with --profile, or delete them with \
         'kvitto logout'"
    )]
    OtherAccount {
        /// The profile.
        profile: ProfileName,
        /// Whose.
        user: String,
    },
    /// There is no session.
    #[error("profile \"{0}\" is not logged in")]
    NotLoggedIn(ProfileName),
}

impl Error {
    /// The program's exit code, as `--help` lists them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(ConfigError::Read { .. } | ConfigError::Invalid { .. }) => 3,
            Self::NotLoggedIn(_) => 4,
            Self::Login(error) => match error.kind() {
                FailureKind::RateLimited { .. }
                | FailureKind::Forbidden
                | FailureKind::Refused
                | FailureKind::Server => 4,
                FailureKind::Offline => 5,
                FailureKind::NotFound
                | FailureKind::Redacted
                | FailureKind::TooLarge
                | FailureKind::BadInput
                | FailureKind::Storage
                | FailureKind::NoSession
                | FailureKind::Cancelled
                | FailureKind::Bug => 1,
            },
            Self::Session(SessionError::ServerNotTold { .. } | SessionError::NotLeft { .. }) => 5,
            Self::Paths(PlacesError::InUse(_)) => 6,
            _ => 1,
        }
    }
}

/// Does what the command line asks for.
pub fn run(arguments: Arguments) -> Result<(), Error> {
    let PlaceArguments { profile, config, data_dir } = arguments.places;
    if let Some(Command::Demo) = arguments.command {
        return demo();
    }
    let places = Paths::find(config, data_dir, profile)?;
    let config = Config::load(&places.config)?;
    match arguments.command {
        None | Some(Command::Demo) => open(&places, config),
        Some(Command::Login(login)) => log_in(&places, &config, &login),
        Some(Command::Logout(logout)) => log_out(&places, &config, &logout),
        Some(Command::Config) => print_config(&places, &config),
    }
}

/// The client, and after it the demo, if that is what the user wants.
fn open(places: &Paths, config: Config) -> Result<(), Error> {
    need_terminal()?;
    let lock = places.lock()?;
    let log = start_log(places, &config)?;
    match runtime::run(start(places, config, &log, None)).map_err(Error::Terminal)? {
        End::Quit => Ok(()),
        End::TryDemo => {
            drop(lock);
            let folder = Temporary::make()?;
            let (demo, config) = demo_places(&folder)?;
            // The log that is open already goes on.
            play(&demo, config, &log)
        }
    }
}

/// The demo alone: it reads and writes nothing but a folder of its own.
fn demo() -> Result<(), Error> {
    need_terminal()?;
    let folder = Temporary::make()?;
    let (places, config) = demo_places(&folder)?;
    let log = start_log(&places, &config)?;
    play(&places, config, &log)
}

/// Everything as the defaults are, but that receipts are not kept back for seconds: here that would
/// only look slow.
fn demo_places(folder: &Temporary) -> Result<(Paths, Config), Error> {
    let places = folder.places();
    fs::write(&places.config, "[delivery]\ntiming = \"prompt\"\n").map_err(Error::Demo)?;
    let config = Config::load(&places.config)?;
    Ok((places, config))
}

/// The client, with a homeserver and people of its own.
fn play(places: &Paths, config: Config, log: &log::Log) -> Result<(), Error> {
    let (tell, told) = unbounded_channel();
    let _demo = Demo::start(move |news| {
        let event = match news {
            News::Doing(what) => Event::DemoDoing(what),
            News::Failed(why) => Event::Failed(why),
            News::Ready(entrance) => Event::DemoReady(entrance),
        };
        // Nobody listens only while the program ends.
        let _ = tell.send(event);
    })
    .map_err(Error::Demo)?;
    runtime::run(start(places, config, log, Some(told))).map(drop).map_err(Error::Terminal)
}

/// What the client begins with; `demo` is what the demo tells, if this is one.
fn start(places: &Paths, config: Config, log: &log::Log, demo: Option<UnboundedReceiver<Event>>) -> Start {
    Start {
        profile: profile(places, &config, DEVICE_NAME),
        settings: config,
        palette: palette(),
        config: places.config.clone(),
        log: log.handle.clone(),
        demo,
    }
}

fn need_terminal() -> Result<(), Error> {
    if io::stdout().is_terminal() && io::stdin().is_terminal() { Ok(()) } else { Err(Error::NoTerminal) }
}

/// What the environment says about the colours.
fn palette() -> Palette {
    let variable = |name| std::env::var(name).ok();
    runtime::palette(variable("NO_COLOR").as_deref(), variable("COLORFGBG").as_deref())
}

fn log_in(places: &Paths, config: &Config, arguments: &LoginArguments) -> Result<(), Error> {
    let _lock = places.lock()?;
    let _log = start_log(places, config)?;
    let profile = profile(places, config, &arguments.device_name);
    // The tasks of a session that has ended are over before the next one is at its databases.
    in_tokio(async {
        let Restored::Active(session) = session::restore(&profile).await? else { return Ok(()) };
        let user = session.account.user_id.to_string();
        Err(Error::LoggedIn { profile: places.profile.clone(), user })
    })?;
    in_tokio(async {
        let password = password(arguments)?;
        let login = session::login_password(&profile, &arguments.homeserver, &arguments.user, &password).await?;
        if let Some(user) = session::replaces(&profile, &login).await? {
            login.give_up().await;
            return Err(Error::OtherAccount { profile: places.profile.clone(), user: user.to_string() });
        }
        let mut session = session::move_in(&profile, login).await?;
        session.settle().await;
        let account = &session.account;
        writeln!(io::stdout(), "Logged in as {}, device {}.", account.user_id, account.device)?;
        Ok(())
    })
}

fn log_out(places: &Paths, config: &Config, arguments: &LogoutArguments) -> Result<(), Error> {
    let _lock = places.lock()?;
    let _log = start_log(places, config)?;
    let profile = profile(places, config, DEVICE_NAME);
    in_tokio(async {
        let user = match session::restore(&profile).await? {
            Restored::Active(session) if arguments.keep => {
                session::leave(&profile, &session).await?;
                writeln!(
                    io::stdout(),
                    "Logged out {}; everything is kept for the next login.",
                    session.account.user_id
                )?;
                return Ok(());
            }
            Restored::Active(session) | Restored::Ended { session: Some(session), .. } if !arguments.keep => {
                session::logout(&profile, &session).await?;
                session.account.user_id.clone()
            }
            Restored::Ended { session: None, account, .. } if !arguments.keep => {
                session::forget(&profile)?;
                account.user_id
            }
            _ => return Err(Error::NotLoggedIn(places.profile.clone())),
        };
        writeln!(io::stdout(), "Logged out {user}.")?;
        Ok(())
    })
}

fn print_config(places: &Paths, config: &Config) -> Result<(), Error> {
    let origin = if places.config.exists() { "" } else { " (not there: these are the defaults)" };
    writeln!(
        io::stdout(),
        "# settings  {}{origin}\n# account   {}\n# log       {}\n\n{}",
        places.config.display(),
        places.account().display(),
        places.log().display(),
        config.to_toml().trim_end()
    )?;
    Ok(())
}

fn start_log(places: &Paths, config: &Config) -> Result<log::Log, Error> {
    let folder = places.log();
    let log = log::start(&folder, config.log_level).map_err(|source| Error::Log { folder, source })?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(log)
}

fn profile(places: &Paths, config: &Config, device_name: &str) -> Profile {
    Profile {
        dir: places.account(),
        device_name: device_name.to_owned(),
        settings: config.delivery.clone(),
        key_wait: KEY_WAIT,
        summary_above: SUMMARY_ABOVE,
    }
}

fn password(arguments: &LoginArguments) -> Result<Secret, Error> {
    if !arguments.password_stdin {
        return Ok(Secret(rpassword::prompt_password(format!("Password of {}: ", arguments.user))?));
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() { Err(Error::NoPassword) } else { Ok(Secret(password.to_owned())) }
}

fn in_tokio<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_its_help_lists_the_exit_codes() {
        Arguments::command().debug_assert();
        let help = Arguments::command().render_help().to_string();
        assert!(help.contains(EXIT_CODES), "{help}");
    }

    #[test]
    fn the_readme_lists_the_exit_codes_of_the_help() {
        let readme = include_str!("../README.md").replace('`', "");
        for (code, meaning) in EXIT_CODES.lines().skip(1).filter_map(|line| line.trim().split_once(' ')) {
            assert!(readme.contains(&format!("| {code} | {} |", meaning.trim())), "{code} {meaning}");
        }
    }

    #[test]
    fn places_may_stand_before_and_after_the_command() {
        for line in [["kvitto", "--profile", "work", "config"], ["kvitto", "config", "--profile", "work"]] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert_eq!(arguments.places.profile.to_string(), "work");
            assert!(matches!(arguments.command, Some(Command::Config)));
        }
    }

    #[test]
    fn a_profile_that_is_no_folder_name_is_a_usage_error() {
        let error = Arguments::try_parse_from(["kvitto", "--profile", "../x"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn every_failure_has_the_exit_code_that_the_help_says() {
        let profile: ProfileName = "work".parse().unwrap();
        let invalid = ConfigError::Invalid { path: "c".into(), problems: crate::config::Problems(Vec::new()) };
        for (error, code) in [
            (Error::NoTerminal, 1),
            (Error::LoggedIn { profile: profile.clone(), user: "@a:b".into() }, 1),
            (Error::Config(invalid), 3),
            (Error::NotLoggedIn(profile.clone()), 4),
            (Error::Login(LoginError::WrongPassword), 4),
            (Error::Paths(PlacesError::InUse(profile)), 6),
        ] {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }
}
