//! The launcher at the head of a package: arguments of the process in, `exec` out. `launchers/LAUNCH.md` is normative
//! for everything in between; reading is pspf's, unpacking flavor-store's part.
//!
//! | part of LAUNCH.md | module |
//! |---|---|
//! | 1 before anything, 7 starting the program | `process_unix`, `program` |
//! | 2 opening | `package_file` |
//! | 3 warm start, 4 cold start | `start` |
//! | 5 commands, 6 environment | `planning`, `program`, `environment`, `settings` |
//! | 8 tools | `tools` |
//! | 9 validation | `settings` |
//! | 10 messages, 11 exit codes | `failure`, `output`, `log`, `json` |
#![cfg_attr(not(test), no_main)]
#![cfg(unix)]

mod environment;
mod failure;
mod json;
mod log;
mod output;
mod package_file;
mod planning;
mod process_unix;
mod program;
mod settings;
mod start;
mod tools;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;

use pspf::ErrorCode;

use crate::failure::{Failure, Result, escaped};
use crate::log::Log;
use crate::output::{to_stderr, to_stdout};
use crate::package_file::PackageFile;
use crate::settings::Settings;
use crate::start::Keep;

/// Runs a start to its end; returns the exit code if no program took over.
#[cfg_attr(test, expect(dead_code, reason = "tests have another entry point"))]
fn run(arguments: Vec<OsString>) -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
        let message = format!(
            "internal error: {}{}",
            panic.payload_as_str().unwrap_or("panic"),
            place.unwrap_or_default()
        );
        let code = Failure::new(ErrorCode::LaunchPanic, message).report("flavor-launcher");
        std::process::exit(i32::from(code));
    }));
    // Until the package's name is known, the name of its file.
    let mut name = String::from("flavor-launcher");
    let mut log = Log::OFF;
    match start(arguments, &mut name, &mut log) {
        Ok(()) => 0,
        Err(failure) => {
            log.failure(&format!("{} [{}]", failure.message, failure.code));
            failure.report(&name)
        }
    }
}

fn start(mut arguments: Vec<OsString>, name: &mut String, log: &mut Log) -> Result<()> {
    if process_unix::is_elevated() {
        return Err(Failure::new(ErrorCode::LaunchElevated, "elevated starts are refused"));
    }
    let settings = Settings::from_environment();
    if settings.log.is_some() {
        // Before a file is opened for writing: it must not become standard error.
        start::occupy_standard_descriptors();
    }
    *log = Log::open(settings.log.as_ref());
    let log = *log;
    let mut file = PackageFile::of_this_process()?;
    *name = file.base_name().to_string_lossy().into_owned();
    let notice = settings.validation_notice()?;
    if settings.tools {
        let tool = if arguments.len() > 1 { Some(arguments.remove(1)) } else { None };
        let tool = tool.as_ref().map(|tool| tool.to_string_lossy());
        let bare = start::has_no_payload(&file);
        match tool.as_deref() {
            Some("help") => {
                to_stdout(tools::HELP.as_bytes());
                return Ok(());
            }
            Some("run") if bare => {
                // The first argument becomes what a direct start would have as its own name.
                arguments.remove(0);
                let Some(path) = arguments.first() else {
                    return Err(Failure::new(
                        ErrorCode::LaunchArguments,
                        "`run` needs the path of a package",
                    ));
                };
                file = PackageFile::at(Path::new(path))?;
                *name = file.base_name().to_string_lossy().into_owned();
            }
            Some("run") => {}
            Some("info") => return tools::info(&file),
            Some("metadata") => return tools::metadata(&file),
            Some("verify") => return tools::verify(&file),
            Some("warm") => return tools::warm(&file, log, name),
            other => return Err(tools::unknown(other)),
        }
    }
    if let Some(notice) = notice {
        to_stderr(&format!("{}: notice: {notice}\n", escaped(name)));
    }
    match run_package(&settings, &file, &arguments, log, name)? {}
}

fn run_package(
    settings: &Settings,
    file: &PackageFile,
    arguments: &[OsString],
    log: Log,
    name: &mut String,
) -> Result<Infallible> {
    let plan = match start::warm(file, log) {
        Ok(plan) => {
            plan.package.clone_into(name);
            plan
        }
        Err(records) => start::cold(file, records, Keep::ThisBoot, log, name)?,
    };
    program::start(&plan, settings, file, arguments, log)
}
