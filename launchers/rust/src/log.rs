//! The log of a start (LAUNCH.md 10.3 to 10.5): off unless a variable asks for it. It names phases, paths and reasons, and
//! never the value of a variable. Failing to write it is no failure of the start.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::failure::escaped;
use crate::json::Object;
use crate::log_file;
use crate::output::to_stderr;

/// How much is logged; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let levels = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
        levels.into_iter().find(|level| level.word() == text).or((text == "warning").then_some(Self::Warn))
    }
}

/// What `FLAVOR_LOG_LEVEL` and `FLAVOR_LOG_PATH` ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSettings {
    level: Level,
    json: bool,
    path: Option<OsString>,
}

impl LogSettings {
    /// `None` if nothing is to be logged.
    pub(crate) fn new(level: Option<&OsStr>, path: Option<OsString>) -> Option<Self> {
        let Some(text) = level else {
            return path.map(|path| Self { level: Level::Info, json: false, path: Some(path) });
        };
        let text = text.to_str()?.to_ascii_lowercase();
        let (json, text) = match text.strip_prefix("json") {
            Some("") => (true, "info"),
            Some(rest) => (true, rest.strip_prefix(':')?),
            None => (false, text.as_str()),
        };
        Some(Self { level: Level::parse(text)?, json, path })
    }
}

#[derive(Debug)]
struct Sink {
    level: Level,
    json: bool,
    /// Standard error when absent.
    file: Option<File>,
    since: Instant,
    /// When the last phase ended, in microseconds since the beginning.
    phase: AtomicU64,
}

/// The log of this process, or nothing. There is one for the whole life of the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log(Option<&'static Sink>);

impl Log {
    /// A log that is off.
    pub(crate) const OFF: Self = Self(None);

    /// Opens what the settings ask for.
    pub(crate) fn open(settings: Option<&LogSettings>) -> Self {
        let Some(settings) = settings else { return Self::OFF };
        let since = Instant::now();
        let file = match settings.path.as_deref().map(|path| log_file::open(Path::new(path))).transpose() {
            Ok(file) => file,
            Err(reason) => {
                to_stderr(&format!("flavor-launcher: notice: nothing is logged: {}\n", escaped(&reason)));
                return Self::OFF;
            }
        };
        let (level, json) = (settings.level, settings.json);
        // Leaked: it lives as long as the process, and copies of it are everywhere.
        Self(Some(Box::leak(Box::new(Sink { level, json, file, since, phase: AtomicU64::new(0) }))))
    }

    /// The failure that ends the start; on standard error it is shown anyway.
    pub(crate) fn failure(self, text: &str) {
        if self.0.is_some_and(|sink| sink.file.is_some()) {
            self.line(Level::Error, || text.to_owned());
        }
    }

    /// Something that the user may want to change.
    pub(crate) fn warn(self, text: impl FnOnce() -> String) {
        self.line(Level::Warn, text);
    }

    /// What happened, in one line a start.
    pub(crate) fn info(self, text: impl FnOnce() -> String) {
        self.line(Level::Info, text);
    }

    /// Why the start went this way. The text is made only if somebody asked for it.
    pub(crate) fn debug(self, text: impl FnOnce() -> String) {
        self.line(Level::Debug, text);
    }

    /// Everything else.
    pub(crate) fn trace(self, text: impl FnOnce() -> String) {
        self.line(Level::Trace, text);
    }

    /// Ends a phase and says how long it took.
    pub(crate) fn phase(self, name: &str) {
        let Some(sink) = self.0.filter(|sink| sink.level >= Level::Debug) else { return };
        let now = u64::try_from(sink.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let took = now.saturating_sub(sink.phase.swap(now, Ordering::Relaxed));
        self.line(Level::Debug, || format!("phase {name}: {}.{:03} ms", took / 1000, took % 1000));
    }

    fn line(self, level: Level, text: impl FnOnce() -> String) {
        let Some(sink) = self.0.filter(|sink| sink.level >= level) else { return };
        let elapsed = sink.since.elapsed();
        let micros = elapsed.as_micros();
        let line = if sink.json {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis());
            let line = Object::new()
                .number("time_ms", u64::try_from(time).unwrap_or(u64::MAX))
                .text("level", level.word())
                .number("pid", u64::from(std::process::id()))
                .number("elapsed_us", u64::try_from(micros).unwrap_or(u64::MAX))
                .text("message", &text());
            line.finish() + "\n"
        } else {
            let (whole, rest) = (micros / 1000, micros % 1000);
            let text = escaped(&text());
            format!("flavor-launcher: {}: {text} ({whole}.{rest:03} ms)\n", level.word())
        };
        match &sink.file {
            // One write call, so that lines of several processes do not mix.
            Some(file) => drop((&mut &*file).write_all(line.as_bytes())),
            None => to_stderr(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(level: &str) -> Option<(Level, bool)> {
        LogSettings::new(Some(OsStr::new(level)), None).map(|settings| (settings.level, settings.json))
    }

    #[test]
    fn levels_are_read_in_any_case_and_others_log_nothing() {
        assert_eq!(settings("error"), Some((Level::Error, false)));
        assert_eq!(settings("WARNING"), Some((Level::Warn, false)));
        assert_eq!(settings("json"), Some((Level::Info, true)));
        assert_eq!(settings("JSON:Trace"), Some((Level::Trace, true)));
        for unknown in ["off", "verbose", "json:", "jsonx", "json:off"] {
            assert_eq!(settings(unknown), None, "{unknown}");
        }
        assert_eq!(LogSettings::new(None, None), None);
        assert_eq!(
            LogSettings::new(None, Some("x".into())).map(|settings| settings.level),
            Some(Level::Info)
        );
    }
}
