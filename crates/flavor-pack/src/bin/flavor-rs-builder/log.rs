//! Log lines for people and for machines: on standard error, or appended to a file. Failures are always on standard
//! error, too. Values of keys and of the environment never get here.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write as _;

use serde_json::json;

/// How much a person wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    const ALL: [(&str, Self); 6] = [
        ("off", Self::Off),
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }
}

/// A level, and whether lines are JSON. `json` alone means `json:info`; case does not matter.
pub(crate) fn parse(text: &str) -> Option<(Level, bool)> {
    let lower = text.to_ascii_lowercase();
    let (name, json) = match lower.strip_prefix("json") {
        Some("") => ("info", true),
        Some(rest) => (rest.strip_prefix(':')?, true),
        None => (lower.as_str(), false),
    };
    let name = if name == "warning" { "warn" } else { name };
    Level::ALL.iter().find(|(known, _)| *known == name).map(|(_, level)| (*level, json))
}

pub(crate) struct Log {
    level: Level,
    json: bool,
    file: Option<File>,
}

impl Log {
    /// `option` was checked when the command line was read. A variable that is wrong must not stop a build.
    pub(crate) fn open(option: Option<&str>, variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let mut log = Self { level: Level::Warn, json: false, file: None };
        let stated = ["FLAVOR_BUILDER_LOG_LEVEL", "FLAVOR_LOG_LEVEL"]
            .into_iter()
            .find_map(|name| variable(name).map(|value| (name, value.to_string_lossy().into_owned())));
        let mut doubts = Vec::new();
        if let Some((level, json)) = option.and_then(parse) {
            (log.level, log.json) = (level, json);
        } else if let Some((name, value)) = stated {
            match parse(&value) {
                Some((level, json)) => (log.level, log.json) = (level, json),
                None => doubts.push(format!("{name} is {value:?}, which is no log level")),
            }
        }
        if let Some(path) = variable("FLAVOR_LOG_PATH") {
            match OpenOptions::new().create(true).append(true).open(&path) {
                Ok(file) => log.file = Some(file),
                Err(error) => doubts.push(format!("FLAVOR_LOG_PATH {}: {error}", path.display())),
            }
        }
        for doubt in doubts {
            log.line(Level::Warn, &doubt);
        }
        log
    }

    pub(crate) fn line(&self, level: Level, message: &str) {
        if level > self.level {
            return;
        }
        let line = self.rendered(level, message);
        match &self.file {
            // A log that cannot be written is no reason to stop.
            Some(file) => drop((&*file).write_all(line.as_bytes())),
            None => eprint!("{line}"),
        }
    }

    /// Why there is no package.
    pub(crate) fn failure(&self, message: &str, hints: &[&str]) {
        if self.file.is_some() {
            self.line(Level::Error, message);
        }
        eprint!("{}", self.rendered(Level::Error, message));
        if !self.json {
            for hint in hints {
                eprintln!("flavor-rs-builder: hint: {hint}");
            }
        }
    }

    fn rendered(&self, level: Level, message: &str) -> String {
        if self.json {
            return format!("{}\n", json!({"level": level.name(), "message": message}));
        }
        let word = if level == Level::Warn { "warning" } else { level.name() };
        format!("flavor-rs-builder: {word}: {message}\n")
    }
}
