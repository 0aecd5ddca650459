//! `FLAVOR_VALIDATION` (STORE.md 16, LAUNCH.md 9): what one start puts up with. What is kept never depends on it (S3), so a
//! lowered start keeps nothing.

use std::ffi::OsStr;
use std::fmt::Write as _;

use pspf::{ErrorCode, Package, Tolerance};

use crate::failure::{Failure, Result, escaped};
use crate::log::Log;
use crate::output::to_stderr;
use crate::package_file::PackageFile;

/// How much is checked, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Full,
    Strict,
    Standard,
    Relaxed,
    Minimal,
    None,
}

impl Level {
    /// Reads the variable's value.
    pub(crate) fn parse(value: Option<&OsStr>) -> Result<Self> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(Self::Strict) };
        let all = [Self::Full, Self::Strict, Self::Standard, Self::Relaxed, Self::Minimal, Self::None];
        all.into_iter().find(|level| *level.word() == *value).ok_or_else(|| {
            let words: Vec<&str> = all.into_iter().map(Self::word).collect();
            let message =
                format!("FLAVOR_VALIDATION has an unknown value, expected one of {}", words.join(", "));
            Failure::new(ErrorCode::LaunchValidation, message)
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Strict => "strict",
            Self::Standard => "standard",
            Self::Relaxed => "relaxed",
            Self::Minimal => "minimal",
            Self::None => "none",
        }
    }

    /// Whether this start keeps nothing.
    pub(crate) fn is_lowered(self) -> bool {
        self > Self::Strict
    }

    fn tolerance(self) -> Tolerance {
        Tolerance {
            rendering: self >= Self::Standard,
            signature: self >= Self::Relaxed,
            slots: self >= Self::Minimal,
        }
    }

    fn compares_launcher(self) -> bool {
        self < Self::Minimal
    }
}

/// Opens the package and compares the launcher's bytes, as the level asks. A lowered start says so in one line, with
/// everything that a stricter one would have refused.
pub(crate) fn open<'file>(
    file: &'file PackageFile,
    level: Level,
    log: Log,
    name: &mut String,
) -> Result<Package<&'file PackageFile>> {
    let (checks, package) = Package::open_tolerating(file, level.tolerance());
    let package = package?;
    package.metadata().package.name.clone_into(name);
    let mut found: Vec<(&str, String)> =
        checks.into_iter().filter(|check| !check.ok).map(|check| (check.name, check.detail)).collect();
    log.phase("open");
    if package.flavor().is_some() && level.compares_launcher() {
        match package.verify_launcher() {
            Err(error) if level.is_lowered() => found.push(("launcher", error.to_string())),
            other => other?,
        }
        log.phase("launcher digest");
    }
    if level.is_lowered() {
        let mut line = format!(
            "FLAVOR_VALIDATION={} lowers the checks of this start, which keeps nothing",
            level.word()
        );
        for (number, (check, detail)) in found.iter().enumerate() {
            let _ = write!(line, "{} {check}", if number == 0 { "; put up with:" } else { "," });
            log.warn(|| format!("{check}: {detail}"));
        }
        to_stderr(&format!("{}: notice: {}\n", escaped(name), escaped(&line)));
    }
    Ok(package)
}

/// Opens the package strictly without looking at the launcher's bytes, for what a receipt has vouched for.
pub(crate) fn open_metadata<'file>(
    file: &'file PackageFile,
    log: Log,
    name: &mut String,
) -> Result<Package<&'file PackageFile>> {
    let package = Package::open(file)?;
    package.metadata().package.name.clone_into(name);
    log.phase("open");
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_documented_words_and_nothing_else() {
        assert_eq!(Level::parse(None).ok(), Some(Level::Strict));
        assert_eq!(Level::parse(Some(OsStr::new(""))).ok(), Some(Level::Strict));
        for word in ["full", "strict", "standard", "relaxed", "minimal", "none"] {
            assert_eq!(Level::parse(Some(OsStr::new(word))).expect(word).word(), word);
        }
        for word in ["STRICT", "off", "strict ", "0"] {
            let failure = Level::parse(Some(OsStr::new(word))).expect_err(word);
            assert_eq!(failure.code, ErrorCode::LaunchValidation);
        }
    }

    #[test]
    fn each_level_puts_up_with_at_least_what_the_one_before_does() {
        let levels =
            [Level::Full, Level::Strict, Level::Standard, Level::Relaxed, Level::Minimal, Level::None];
        let count = |level: Level| {
            let Tolerance { rendering, signature, slots } = level.tolerance();
            usize::from(rendering) + usize::from(signature) + usize::from(slots)
        };
        assert_eq!(levels.map(count), [0, 0, 1, 2, 3, 3]);
    }
}
