//! Choosing a command and starting its program (LAUNCH.md 5 and 7).

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use flavor_store::plan::{Plan, PlannedCommand, Start, apply};
use pspf::ErrorCode;

use crate::failure::{Failure, Result};
use crate::foreign::programs;
use crate::log::Log;
use crate::package_file::PackageFile;
use crate::process::{self, CallersFolder, command_name};
use crate::settings::Settings;
use crate::supervise::{self, Ending};

/// Which command runs.
pub(crate) fn choose<'plan>(
    plan: &'plan Plan,
    settings: &Settings,
    typed: &OsStr,
    package: &OsStr,
) -> Result<&'plan PlannedCommand> {
    if settings.command.is_some() {
        return require_command(plan, settings.command.as_deref());
    }
    let own = Path::new(typed).file_name().map(command_name);
    let own = own.filter(|name| *name != command_name(package));
    Ok(own.and_then(|name| named(plan, name)).unwrap_or(&plan.commands[plan.default]))
}

/// The command of a name, or the default one.
pub(crate) fn require_command<'plan>(
    plan: &'plan Plan,
    wanted: Option<&OsStr>,
) -> Result<&'plan PlannedCommand> {
    let Some(wanted) = wanted else { return Ok(&plan.commands[plan.default]) };
    named(plan, wanted).ok_or_else(|| {
        let known: Vec<&str> = plan.commands.iter().map(|command| command.name.as_str()).collect();
        let message =
            format!("there is no command `{}`; the package has {}", wanted.display(), known.join(", "));
        Failure::new(ErrorCode::LaunchCommand, message)
    })
}

fn named<'plan>(plan: &'plan Plan, name: &OsStr) -> Option<&'plan PlannedCommand> {
    plan.commands.iter().find(|command| OsStr::new(&command.name) == name)
}

/// What a start hands to the program besides its plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) package: &'a PackageFile,
    /// Begins with the command as it was typed.
    pub(crate) arguments: &'a [OsString],
    pub(crate) log: Log,
}

impl Given<'_> {
    fn typed(&self) -> &OsStr {
        self.arguments.first().map_or(self.package.path.as_os_str(), OsString::as_os_str)
    }

    fn environment(&self, command: &PlannedCommand) -> Vec<(OsString, OsString)> {
        let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let start = Start { package: self.package.path.as_os_str(), original: self.typed() };
        apply(&command.edits, &mut environment, start);
        self.log.debug(|| format!("command {:?} starts `{}`", command.name, command.argv[0].display()));
        for (name, _) in &environment {
            // Names only: values may be secrets (LAUNCH.md 6.3).
            self.log.trace(|| format!("the program gets the variable `{}`", name.display()));
        }
        environment
    }
}

/// Becomes the program.
pub(crate) fn start(plan: &Plan, given: Given) -> Result<Infallible> {
    let command = choose(plan, given.settings, given.typed(), given.package.base_name())?;
    let environment = given.environment(command);
    enter(command)?;
    let argv = command.argv.iter().chain(given.arguments.iter().skip(1));
    let Err(error) = programs::first(&command.argv[0], &environment, |program| {
        Err::<Infallible, _>(process::execute(program, argv.clone(), &environment))
    });
    Err(cannot_start(command, &error))
}

/// Runs the program as a child, to its end (LAUNCH.md 15). `release`: nothing else of this start uses the standard streams.
pub(crate) fn run(plan: &Plan, given: Given, release: bool) -> Result<Ending> {
    let command = choose(plan, given.settings, given.typed(), given.package.base_name())?;
    run_command(command, given.arguments.get(1..).unwrap_or_default(), given, release)
}

/// The same for one command, with these arguments behind its own.
pub(crate) fn run_command(
    command: &PlannedCommand,
    arguments: &[OsString],
    given: Given,
    release: bool,
) -> Result<Ending> {
    let environment = given.environment(command);
    let argv: Vec<&OsString> = command.argv.iter().chain(arguments).collect();
    let caller = CallersFolder::note();
    enter(command)?;
    let ending = programs::first(&command.argv[0], &environment, |program| {
        supervise::run(program, &argv, &environment, release)
    });
    caller.enter();
    ending.map_err(|error| cannot_start(command, &error))
}

fn enter(command: &PlannedCommand) -> Result<()> {
    let Some(cwd) = &command.cwd else { return Ok(()) };
    std::env::set_current_dir(cwd).map_err(|reason| {
        let message = format!("cannot enter the working folder `{}`: {reason}", cwd.display());
        Failure::new(ErrorCode::LaunchExecute, message)
    })
}

fn cannot_start(command: &PlannedCommand, error: &std::io::Error) -> Failure {
    let message = format!("cannot start `{}`: {error}", command.argv[0].display());
    Failure::new(ErrorCode::LaunchExecute, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let command = |name: &str| PlannedCommand {
            name: name.into(),
            argv: vec!["/p".into()],
            edits: Vec::new(),
            cwd: None,
        };
        Plan {
            package: "demo".into(),
            workenv: "/w".into(),
            commands: vec![command("demo"), command("demo-admin")],
            default: 0,
            stats: Vec::new(),
            conditions: Vec::new(),
            reads_content: false,
        }
    }

    fn chosen(wanted: Option<&str>, typed: &str, package: &str) -> std::result::Result<String, String> {
        let settings = Settings::for_test(wanted);
        choose(&plan(), &settings, OsStr::new(typed), OsStr::new(package))
            .map(|command| command.name.clone())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn a_link_with_a_commands_name_runs_that_command() {
        assert_eq!(chosen(None, "/usr/bin/demo-admin", "demo.psp"), Ok("demo-admin".into()));
        assert_eq!(chosen(None, "demo.psp", "demo.psp"), Ok("demo".into()));
        assert_eq!(chosen(None, "other", "demo.psp"), Ok("demo".into()));
        assert_eq!(chosen(None, "", "demo.psp"), Ok("demo".into()));
        // The file's own name is no choice of the user.
        assert_eq!(chosen(None, "./demo-admin", "demo-admin"), Ok("demo".into()));
    }

    #[test]
    fn an_unknown_command_is_refused_and_the_known_ones_are_named() {
        assert_eq!(chosen(Some("demo-admin"), "demo", "demo.psp"), Ok("demo-admin".into()));
        let message = chosen(Some("nope"), "demo", "demo.psp").expect_err("unknown");
        assert!(message.contains("demo, demo-admin"), "{message}");
    }
}
