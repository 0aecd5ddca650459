//! Every variable that the launcher obeys, each in one place. Those of the store's location are
//! `flavor_store::location`'s.

use std::ffi::OsString;

use crate::failure::Result;
use crate::log::LogSettings;
use crate::validation::Level;

/// `1`: the arguments name a tool (LAUNCH.md 8).
const TOOLS: &str = "FLAVOR_LAUNCHER_CLI";
/// Name of the command to run (LAUNCH.md 5.1).
const COMMAND: &str = "FLAVOR_COMMAND";
/// How strict verification is (LAUNCH.md 9).
const VALIDATION: &str = "FLAVOR_VALIDATION";
/// How much is logged (LAUNCH.md 10.3).
const LOG_LEVEL: &str = "FLAVOR_LOG_LEVEL";
/// The file that the log is appended to (LAUNCH.md 10.4).
const LOG_PATH: &str = "FLAVOR_LOG_PATH";

/// What is addressed to the launcher and must not reach the program (S3).
pub(crate) const NOT_FOR_THE_PROGRAM: [&str; 3] = [VALIDATION, COMMAND, TOOLS];

/// A variable of the user's environment, for those who look up several. One function instead of a closure at each place: what is
/// generic over it is compiled once.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The settings of one start.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) tools: bool,
    pub(crate) command: Option<OsString>,
    pub(crate) log: Option<LogSettings>,
    pub(crate) validation: Level,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Ok(Self {
            tools: set(TOOLS).is_some_and(|value| value == "1"),
            command: set(COMMAND),
            log: LogSettings::new(set(LOG_LEVEL).as_deref(), set(LOG_PATH)),
            validation: Level::parse(set(VALIDATION).as_deref())?,
        })
    }

    #[cfg(test)]
    pub(crate) fn for_test(command: Option<&str>) -> Self {
        Self { tools: false, command: command.map(OsString::from), log: None, validation: Level::Strict }
    }
}
