//! The rules that a plan obeys besides its types. The file system is not looked at.

use std::collections::HashSet;

use pspf::operations::{Operation, OperationChain};
use pspf::{layout, tar};

use super::native::{Mode, SetupCommand};
use super::{Plan, PlanRuntimeEnvironment, PlanSlot, lifecycles};
use crate::assemble::LEVELS;
use crate::{Error, Result, compose};

/// Every lifecycle that a launcher knows (LAUNCH.md 14.1).
pub(super) const LIFECYCLES: [&str; 15] = [
    "runtime",
    "startup",
    "eager",
    "cache",
    "cached",
    "init",
    "shutdown",
    "temporary",
    "temp",
    "volatile",
    "lazy",
    "dev",
    "persistent",
    "config",
    "platform",
];
pub(super) const ROLES: [&str; 4] = ["runtime", "dependencies", "application", "data"];

impl Plan {
    pub(super) fn check(&self) -> Result<()> {
        if let Some(format) = self.format.as_deref().filter(|format| *format != layout::FORMAT_NAME) {
            return Err(Error::plan("format", format!("{format:?}, expected {:?}", layout::FORMAT_NAME)));
        }
        let name = &self.package.name;
        if !pspf::metadata::is_folded_name(name) {
            return Err(Error::plan(
                "package.name",
                format!("{name:?}, expected 1 to 64 letters of a-z, digits and `-` inside"),
            ));
        }
        check_text("package.version", &self.package.version)?;
        self.check_slots()?;
        self.check_execution()?;
        if let Some(rules) = self.runtime.as_ref().and_then(|runtime| runtime.env.as_ref()) {
            rules.check()?;
        }
        self.check_native()?;
        let Some(flavor) = &self.extensions.flavor else { return Ok(()) };
        compose::check_flavor(flavor, self.slots.len())?;
        if !self.is_plain() {
            for text in self.environment().values() {
                compose::check_placeholders(flavor, "execution.env", text)?;
            }
        }
        for (position, slot) in flavor.slots.iter().enumerate() {
            if !ROLES.contains(&slot.role.as_str()) {
                let at = format!("extensions.x-flavor.slots[{position}].role");
                return Err(Error::plan(
                    at,
                    format!("{:?}, expected one of {}", slot.role, ROLES.join(", ")),
                ));
            }
        }
        if self.is_plain() { Ok(()) } else { lifecycles::check(&self.slots, flavor) }
    }

    fn check_slots(&self) -> Result<()> {
        if self.slots.len() > layout::limit::SLOTS {
            return Err(Error::plan(
                "slots",
                format!("{} slots, at most {} are allowed", self.slots.len(), layout::limit::SLOTS),
            ));
        }
        let mut ids = HashSet::new();
        for (position, slot) in self.slots.iter().enumerate() {
            slot.check(position, self.is_plain())?;
            if !ids.insert(&slot.id) {
                return Err(Error::plan(
                    format!("slots[{position}].id"),
                    format!("{:?} is taken already", slot.id),
                ));
            }
        }
        Ok(())
    }

    fn check_execution(&self) -> Result<()> {
        let execution = &self.execution;
        check_text("execution.command", &execution.command)?;
        let slots = self.slots.len() as u64;
        if execution.primary_slot >= slots.max(1) {
            return Err(Error::plan(
                "execution.primary_slot",
                format!("slot {}, the package has {slots} slots", execution.primary_slot),
            ));
        }
        for (at, names) in
            [("execution.env", &execution.env), ("execution.environment", &execution.environment)]
        {
            names.iter().flatten().try_for_each(|(name, _)| check_variable(at, name))?;
        }
        if let (Some(one), Some(other)) = (&execution.env, &execution.environment)
            && one != other
            && !one.is_empty()
            && !other.is_empty()
        {
            return Err(Error::plan(
                "execution.environment",
                "differs from execution.env, which means the same",
            ));
        }
        Ok(())
    }

    fn check_native(&self) -> Result<()> {
        if !self.is_plain() {
            for (key, stated) in [
                ("setup_commands", self.setup_commands.is_some()),
                ("cache_validation", self.cache_validation.is_some()),
                ("workenv", self.workenv.is_some()),
            ] {
                if stated {
                    let message = "has no meaning in a package with commands; say it in extensions.x-flavor";
                    return Err(Error::plan(key, message));
                }
            }
        }
        for (position, command) in self.setup_commands.iter().flatten().enumerate() {
            command.check(&format!("setup_commands[{position}]"))?;
        }
        if let Some(rule) = &self.cache_validation {
            inside("cache_validation.check_file", &rule.check_file)?;
        }
        let Some(workenv) = &self.workenv else { return Ok(()) };
        for (position, directory) in workenv.directories.iter().flatten().enumerate() {
            let at = format!("workenv.directories[{position}]");
            if !directory.path.starts_with("{workenv}") {
                let message = format!("{:?}, expected a path that begins with {{workenv}}", directory.path);
                return Err(Error::plan(format!("{at}.path"), message));
            }
            inside(&format!("{at}.path"), &directory.path)?;
            directory.mode.iter().try_for_each(|mode| check_mode(&format!("{at}.mode"), mode))?;
        }
        workenv.env.iter().flatten().try_for_each(|(name, _)| check_variable("workenv.env", name))
    }
}

impl PlanRuntimeEnvironment {
    fn check(&self) -> Result<()> {
        for (at, names) in [("runtime.env.unset", &self.unset), ("runtime.env.pass", &self.pass)] {
            for name in names.iter().flatten() {
                check_variable(at, name)?;
            }
        }
        for (from, to) in self.map.iter().flatten() {
            check_variable("runtime.env.map", from)?;
            check_variable("runtime.env.map", to)?;
        }
        self.set.iter().flatten().try_for_each(|(name, _)| check_variable("runtime.env.set", name))
    }
}

impl SetupCommand {
    fn check(&self, at: &str) -> Result<()> {
        let place = |key: &str| format!("{at}.{key}");
        match self {
            Self::Execute { command } => check_text(&place("command"), command),
            Self::EnumerateAndExecute { command, enumerate } => {
                check_text(&place("command"), command)?;
                inside(&place("enumerate.path"), &enumerate.path)?;
                check_text(&place("enumerate.pattern"), &enumerate.pattern)
            }
            Self::WriteFile { path, mode, .. } => {
                inside(&place("path"), path)?;
                match mode {
                    Some(Mode::Text(text)) => check_mode(&place("mode"), text),
                    Some(Mode::Number(number)) if *number > 0o777 => {
                        Err(Error::plan(place("mode"), format!("{number}, expected at most 511 (0777)")))
                    }
                    _ => Ok(()),
                }
            }
            Self::Chmod { path, mode } => {
                inside(&place("path"), path)?;
                mode.iter().try_for_each(|mode| check_mode(&place("mode"), mode))
            }
        }
    }
}

impl PlanSlot {
    fn check(&self, position: usize, plain: bool) -> Result<()> {
        let at = |key: &str| format!("slots[{position}].{key}");
        if let Some(number) = self.slot.filter(|number| *number != position as u64) {
            return Err(Error::plan(
                at("slot"),
                format!("{number}, but the slot stands at position {position}"),
            ));
        }
        check_text(&at("id"), &self.id)?;
        inside(&at("target"), &self.target)?;
        check_text(&at("source"), &self.source)?;
        let chain = self.operations.as_deref().map(OperationChain::parse).transpose();
        let chain = chain.map_err(|error| Error::plan(at("operations"), error.to_string()))?;
        let expected = |text: &str, expected: &str| {
            Err(Error::plan(at("operations"), format!("{text:?}, expected {expected}")))
        };
        let text = self.operations.as_deref().unwrap_or_default();
        let undone = |operation: &Operation| !matches!(operation, Operation::Bzip2 | Operation::Xz);
        if !plain && chain.as_ref().is_some_and(|chain| !chain.operations().iter().all(undone)) {
            return expected(
                text,
                "raw, tar, gzip and zstd in a package with commands: no launcher has to undo others",
            );
        }
        if self.is_self() && !plain {
            return Err(Error::plan(
                at("source"),
                "$SELF holds nothing that a package with commands could use",
            ));
        }
        if self.is_self() && chain.is_some_and(|chain| !chain.operations().is_empty()) {
            return expected(text, "none: $SELF holds no bytes");
        }
        for (key, word) in [("purpose", self.purpose()), ("resolution", self.resolution())] {
            check_text(&at(key), word)?;
        }
        let word = self.lifecycle();
        if !LIFECYCLES.contains(&word) {
            let message = format!("{word:?}, expected one of {}", LIFECYCLES.join(", "));
            return Err(Error::plan(at("lifecycle"), message));
        }
        if let Some(platform) = &self.platform {
            if word != "platform" {
                let message = format!("stated with the lifecycle {word:?}, expected `platform`");
                return Err(Error::plan(at("platform"), message));
            }
            if !is_platform(platform) {
                let message = format!(
                    "{platform:?}, expected linux, darwin or windows, or one of them with _amd64 or _arm64"
                );
                return Err(Error::plan(at("platform"), message));
            }
        }
        if let Some(level) = self.level.filter(|level| !LEVELS.contains(level)) {
            return Err(Error::plan(at("level"), format!("{level}, expected 3, 9 or 19")));
        }
        let stated = self.permissions.as_deref().filter(|text| !text.is_empty());
        stated.map_or(Ok(()), |text| check_mode(&at("permissions"), text))
    }
}

fn is_platform(text: &str) -> bool {
    let (os, arch) = text.split_once('_').map_or((text, None), |(os, arch)| (os, Some(arch)));
    ["linux", "darwin", "windows"].contains(&os) && arch.is_none_or(|arch| ["amd64", "arm64"].contains(&arch))
}

/// Octal digits with or without `0o`, nothing above 0777.
pub(super) fn octal_mode(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = (1..=4).contains(&digits.len()) && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    octal.then(|| u16::from_str_radix(digits, 8).ok())?.filter(|mode| *mode <= 0o777)
}

fn check_mode(at: &str, text: &str) -> Result<()> {
    if octal_mode(text).is_some() {
        return Ok(());
    }
    Err(Error::plan(at, format!("{text:?}, expected an octal mode up to 0777")))
}

/// The path below the work environment that a text names; empty for the work environment itself. Launchers refuse
/// every other path at every start (security rule S21); here it fails the build.
pub(crate) fn inside<'a>(at: &str, text: &'a str) -> Result<&'a str> {
    check_text(at, text)?;
    let path = match text.strip_prefix("{workenv}") {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').unwrap_or(text),
        None if text == "." => "",
        None => text,
    };
    let path = if path == "/" { path } else { path.strip_suffix('/').unwrap_or(path) };
    if !path.is_empty() {
        tar::check_path(path).map_err(|error| Error::plan(at, error.to_string()))?;
    }
    Ok(path)
}

pub(crate) fn check_text(at: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::plan(at, "is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::plan(at, format!("{text:?} contains a control character")));
    }
    Ok(())
}

pub(crate) fn check_variable(at: &str, name: &str) -> Result<()> {
    check_text(at, name)?;
    if name.contains('=') {
        return Err(Error::plan(at, format!("{name:?} is no name of a variable")));
    }
    Ok(())
}
