//! The metadata of a foreign or plain package for one place of its environment: command, edits of the user's
//! environment, what the environment must hold, and setup (LAUNCH.md 16.2–16.7). Nothing is touched here.

use std::ffi::OsString;
use std::path::Path;

use flavor_store::os_string;
use flavor_store::plan::Edit;
use flavor_store::private::{Check, Wanted, relative};
use pspf::native::{FileMode, Native};
use pspf::{Package, ReadAt};

use crate::environment;
use crate::failure::Result;
use crate::foreign::setup::Step;
use crate::foreign::values::{Moment, Values};
use crate::foreign::{programs, words};

/// Folders for which the package gives no mode.
const DIRECTORY_MODE: u32 = 0o700;

/// Everything that a start needs.
pub(crate) struct Prepared {
    pub(crate) argv: Vec<OsString>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) wanted: Wanted,
    pub(crate) steps: Vec<Step>,
}

impl Prepared {
    pub(crate) fn new<R: ReadAt>(package: &Package<R>, native: &Native, workenv: &Path) -> Result<Self> {
        let values = Values::new(package, workenv)?;
        let (argv, program) = command(package, &values, workenv)?;
        let mut wanted = Wanted { program, ..Wanted::default() };
        for argument in &argv {
            let below = argument.as_encoded_bytes().strip_prefix(workenv.as_os_str().as_encoded_bytes());
            if let Some(below) = below.filter(|below| below.starts_with(b"/"))
                && let Ok(path) = relative(workenv, &below[1..])
            {
                wanted.named.push(path);
            }
        }
        let path =
            |text: &str| -> Result<String> { Ok(relative(workenv, &values.replace(text, Moment::Setup)?)?) };
        for directory in native.directories() {
            let mode = directory.mode.map_or(DIRECTORY_MODE, FileMode::permissions);
            wanted.directories.push((path(&directory.path)?, mode));
        }
        if let Some(check) = &native.cache_validation
            && let Some(content) = &check.expected_content
        {
            let content = values.replace(content, Moment::Program)?;
            wanted.check = Some(Check { path: path(&check.check_file)?, content });
        }
        let steps = native.setup_commands.iter();
        let steps = steps.map(|command| Step::new(command, &values, workenv)).collect::<Result<Vec<_>>>()?;
        let edits = edits(package, native, &values, workenv)?;
        Ok(Self { argv, edits, wanted, steps })
    }
}

/// The words of the command, and the path of its program if that lies inside.
fn command<R: ReadAt>(
    package: &Package<R>,
    values: &Values,
    workenv: &Path,
) -> Result<(Vec<OsString>, Option<String>)> {
    let mut argv = Vec::new();
    let mut program = None;
    for word in words::split(&package.metadata().execution.command)? {
        let text = values.replace(&word, Moment::Program)?;
        if argv.is_empty() {
            let (resolved, below) = programs::resolve(&text, workenv)?;
            argv.push(resolved);
            program = below;
        } else {
            argv.push(os_string(text));
        }
    }
    Ok((argv, program))
}

/// LAUNCH.md 16.6.
fn edits<R: ReadAt>(
    package: &Package<R>,
    native: &Native,
    values: &Values,
    workenv: &Path,
) -> Result<Vec<Edit>> {
    let metadata = package.metadata();
    let rules = metadata.runtime.as_ref().and_then(|runtime| runtime.env.as_ref());
    let replaced = |text: &str| values.replace(text, Moment::Program).map(|value| Some(os_string(value)));
    let mut edits = environment::inherited(rules)?;
    if let Some(set) = rules.and_then(|rules| rules.set.as_ref()) {
        edits.extend(environment::layer(set, |text| Ok(Some(text.into())))?);
    }
    if let Some(variables) = native.variables() {
        edits.extend(environment::layer(variables, replaced)?);
    }
    let execution = &metadata.execution;
    for variables in execution.environment.iter().chain([&execution.env]) {
        edits.extend(environment::layer(variables, replaced)?);
    }
    edits.extend(environment::described(&metadata.package, workenv.as_os_str(), &metadata.package.name));
    edits.push(Edit::Prepend("PATH".into(), workenv.join("bin").into()));
    edits.extend(environment::closing());
    Ok(edits)
}
