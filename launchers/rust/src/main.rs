//! The launcher at the head of a package: arguments of the process in, `exec` out. `launchers/LAUNCH.md` is normative
//! for everything in between; reading is pspf's, unpacking flavor-store's part.
//!
//! | part of LAUNCH.md | module |
//! |---|---|
//! | 1 before anything, 7 starting the program | `process`, `program` |
//! | 2 opening | `package_file` |
//! | 3 warm start, 4 cold start | `start` |
//! | 5 commands, 6 environment | `planning`, `program`, `environment`, `settings` |
//! | 8 tools | `tools` |
//! | 9 validation | `validation` |
//! | 10 messages, 11 exit codes | `failure`, `output`, `log`, `log_file`, `json`, `progress` |
//! | 13 trust | `trust` |
//! | 14 lifecycles | `lifecycle` |
//! | 15 waiting parent | `ending`, `supervise` |
//! | 16 foreign and plain packages | `foreign` |
//!
//! What differs between systems stands in files of its own: the two sides of `process`, `supervise`, `log_file` and
//! `foreign::child`.
#![cfg_attr(all(unix, not(test)), no_main)]

mod ending;
mod environment;
mod failure;
mod floor;
mod foreign;
mod json;
mod lifecycle;
mod log;
#[cfg_attr(unix, path = "log_file_unix.rs")]
#[cfg_attr(windows, path = "log_file_windows.rs")]
mod log_file;
mod output;
mod package_file;
mod planning;
#[cfg_attr(unix, path = "process_unix.rs")]
#[cfg_attr(windows, path = "process_windows.rs")]
mod process;
mod program;
mod progress;
mod settings;
mod start;
#[cfg_attr(unix, path = "supervise_unix.rs")]
#[cfg_attr(windows, path = "supervise_windows.rs")]
mod supervise;
mod tools;
mod trust;
mod validation;

use std::ffi::OsString;
use std::path::Path;

use flavor_store::publish::Records;
use pspf::ErrorCode;

use crate::failure::{Failure, Result};
use crate::log::Log;
use crate::package_file::PackageFile;
use crate::program::Given;
use crate::settings::Settings;
use crate::start::{Cold, Keep, Ready};
use crate::validation::Level;

/// Windows starts programs here; other systems start them in `process`.
#[cfg(all(windows, not(test)))]
fn main() {
    std::process::exit(run(std::env::args_os().collect()));
}

/// Runs a start to its end; returns the exit code if no program took over.
#[cfg_attr(test, expect(dead_code, reason = "tests have another entry point"))]
fn run(arguments: Vec<OsString>) -> i32 {
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
        Ok(code) => code,
        Err(failure) => {
            log.failure(&format!("{} [{}]", failure.message, failure.code));
            i32::from(failure.report(&name))
        }
    }
}

fn start(mut arguments: Vec<OsString>, name: &mut String, log: &mut Log) -> Result<i32> {
    if process::is_elevated() {
        return Err(Failure::new(ErrorCode::LaunchElevated, "elevated starts are refused"));
    }
    let settings = Settings::from_environment()?;
    if settings.log.is_some() {
        // Before a file is opened for writing: it must not become standard error.
        process::occupy_standard_descriptors();
    }
    *log = Log::open(settings.log.as_ref());
    let log = *log;
    let mut file = PackageFile::of_this_process()?;
    *name = file.base_name().to_string_lossy().into_owned();
    if settings.tools {
        let tool = if arguments.len() > 1 { Some(arguments.remove(1)) } else { None };
        let bare = start::has_no_payload(&file);
        match tool.as_ref().map(|tool| tool.to_string_lossy()).as_deref() {
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
            _ => {
                let rest = arguments.get(1..).unwrap_or_default();
                let context = tools::Context { file: &file, settings: &settings, log, name };
                return tools::run(tool.as_deref(), rest, context);
            }
        }
    }
    run_package(&settings, &file, &arguments, log, name)
}

fn run_package(
    settings: &Settings,
    file: &PackageFile,
    arguments: &[OsString],
    log: Log,
    name: &mut String,
) -> Result<i32> {
    let level = settings.validation;
    let typed = arguments.first().map_or(file.path.as_os_str(), OsString::as_os_str);
    let cold = |records: Records, name: &mut String| {
        start::cold(file, Cold { records, keep: Keep::ThisBoot, level, typed, log }, name)
    };
    let warm = if level == Level::Strict { start::warm(file, log) } else { Err(Records::Believed) };
    let ready = match warm {
        Ok(warm) if warm.plan.reads_content => {
            warm.plan.package.clone_into(name);
            start::warm_with_content(file, warm, log, name)?
        }
        Ok(warm) => {
            warm.plan.package.clone_into(name);
            Ready { plan: warm.plan, supervised: None, repaired: Vec::new() }
        }
        Err(records) => cold(records, name)?,
    };
    let given = Given { settings, package: file, arguments, log };
    match ready.supervised {
        Some(supervised) => ending::run(&ready.plan, supervised, given, name),
        None => match program::start(&ready.plan, given)? {},
    }
}
