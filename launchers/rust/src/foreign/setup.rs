//! Setup commands of foreign and plain packages (LAUNCH.md 16.7). Texts become steps before anything is unpacked; steps
//! are carried out once, in the environment's final place. Every path is the store's to judge (STORE.md 8.11).

use std::ffi::OsString;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use flavor_store::pattern;
use flavor_store::private::{Found, PrivateTree, relative};
use flavor_store::staging::Staging;
use flavor_store::{ZeroUmask, os_string};
use pspf::ErrorCode;
use pspf::native::{FileMode, SetupCommand};

use crate::failure::{Failure, Result, escaped};
use crate::foreign::child;
use crate::foreign::programs;
use crate::foreign::values::{Moment, Values};
use crate::foreign::{refuse, words};
use crate::log::Log;
use crate::output::to_stderr;

/// What is shown of the output of a command that failed.
const SHOWN: u64 = 4096;
/// Stands for the file that a command is run for.
const FILE: &str = "{file}";

/// One command, ready to be carried out. Paths are relative to the environment.
#[derive(Debug)]
pub(crate) enum Step {
    Run(Vec<OsString>),
    RunForEach { words: Vec<Option<OsString>>, folder: String, pattern: String },
    Write { path: String, content: Vec<u8>, mode: u32 },
    Chmod { path: String, mode: u32 },
    ChmodMatching { folder: String, pattern: String, mode: u32 },
}

impl Step {
    /// Reads one setup command.
    pub(crate) fn new(command: &SetupCommand, values: &Values, workenv: &Path) -> Result<Self> {
        let needed = |field: Option<&String>, name: &str| {
            field
                .cloned()
                .ok_or_else(|| refuse(&format!("a setup command `{}` has no `{name}`", command.kind)))
        };
        let path = |text: &str| Ok::<_, Failure>(relative(workenv, &values.replace(text, Moment::Setup)?)?);
        let mode = |default: u32| command.mode.map_or(default, FileMode::permissions);
        match command.kind.as_str() {
            "execute" => {
                let text = needed(command.command.as_ref(), "command")?;
                let words = self::command(&words::split(&text)?, values, workenv)?;
                // There is no file here that the word could stand for.
                Ok(Self::Run(words.into_iter().map(|word| word.unwrap_or_else(|| FILE.into())).collect()))
            }
            "enumerate_and_execute" => {
                let text = needed(command.command.as_ref(), "command")?;
                let mut words = words::split(&text)?;
                if !words.iter().skip(1).any(|word| word == FILE) {
                    words.push(FILE.into());
                }
                let words = self::command(&words, values, workenv)?;
                let (folder, pattern) = match &command.enumerate {
                    Some(files) => {
                        (path(&files.path)?, files.pattern.as_deref().or(command.pattern.as_deref()))
                    }
                    None => match needed(command.pattern.as_ref(), "enumerate")?.rsplit_once('/') {
                        Some((folder, _)) => (path(folder)?, command.pattern.as_deref()),
                        None => (String::new(), command.pattern.as_deref()),
                    },
                };
                let pattern =
                    pattern.map_or("*", |text| text.rsplit_once('/').map_or(text, |(_, last)| last));
                Ok(Self::RunForEach { words, folder, pattern: pattern.to_owned() })
            }
            "write_file" => {
                let content = needed(command.content.as_ref(), "content")?;
                let content = values.replace(&content, Moment::Setup)?;
                let path = path(&needed(command.path.as_ref(), "path")?)?;
                Ok(Self::Write { path, content, mode: mode(0o644) })
            }
            "chmod" => {
                let text = needed(command.path.as_ref(), "path")?;
                let mode = mode(0o700);
                let path = path(&text)?;
                let last = path.rsplit_once('/').map_or(path.as_str(), |(_, last)| last);
                if !pattern::is_pattern(last.as_bytes()) {
                    return Ok(Self::Chmod { path, mode });
                }
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                Ok(Self::ChmodMatching { folder, pattern: last.to_owned(), mode })
            }
            other => Err(refuse(&format!("there is no setup command of type {other:?}"))),
        }
    }
}

/// Words with their placeholders replaced; `None` stands for the file that the command is run for.
fn command(words: &[String], values: &Values, workenv: &Path) -> Result<Vec<Option<OsString>>> {
    let mut replaced = Vec::new();
    for (position, word) in words.iter().enumerate() {
        let text = values.replace(word, Moment::Setup)?;
        replaced.push(match position {
            0 => Some(programs::resolve(&text, workenv)?.0),
            _ if word == FILE => None,
            _ => Some(os_string(text)),
        });
    }
    Ok(replaced)
}

/// What setup commands run with.
pub(crate) struct Setup<'a> {
    pub(crate) steps: &'a [Step],
    pub(crate) environment: &'a [(OsString, OsString)],
    pub(crate) staging: &'a Staging<'a>,
    pub(crate) umask: &'a ZeroUmask,
    pub(crate) log: Log,
}

impl Setup<'_> {
    /// Carries every step out; the first failure ends it.
    pub(crate) fn run(&self, tree: &PrivateTree) -> Result<()> {
        for (number, step) in self.steps.iter().enumerate() {
            self.step(step, tree)?;
            self.log.debug(|| format!("setup command {} of {} done", number + 1, self.steps.len()));
        }
        Ok(())
    }

    fn step(&self, step: &Step, tree: &PrivateTree) -> Result<()> {
        match step {
            Step::Run(words) => self.execute(words),
            Step::RunForEach { words, folder, pattern } => {
                for name in matching(tree, folder, pattern)? {
                    let path = tree.path_in(folder, &name).into_os_string();
                    let word = |word: &Option<OsString>| word.clone().unwrap_or_else(|| path.clone());
                    self.execute(&words.iter().map(word).collect::<Vec<_>>())?;
                }
                Ok(())
            }
            Step::Write { path, content, mode } => {
                if tree.find(path)? == Some(Found::Directory) {
                    return Err(failed(&format!("cannot write {path:?}: it is a folder")));
                }
                Ok(tree.write_file(path, content, *mode)?)
            }
            Step::Chmod { path, mode } => {
                if tree.find(path)?.is_none() {
                    return Err(failed(&format!("cannot change the mode of {path:?}: it does not exist")));
                }
                Ok(tree.set_mode(path, *mode)?)
            }
            Step::ChmodMatching { folder, pattern, mode } => {
                for name in matching(tree, folder, pattern)? {
                    tree.set_mode_in(folder, &name, *mode)?;
                }
                Ok(())
            }
        }
    }

    fn execute(&self, words: &[OsString]) -> Result<()> {
        let Some(program) = words.first() else { return Ok(()) };
        let cannot = |error: std::io::Error| failed(&format!("cannot run `{}`: {error}", program.display()));
        let mut output = self.staging.scratch_file()?;
        let ended = self.umask.lifted(|| {
            programs::first(program, self.environment, |path| {
                child::run(path, words, self.environment, &output)
            })
        });
        let Some(why) = ended.map_err(cannot)?.failure() else { return Ok(()) };
        let length = output.seek(SeekFrom::End(0)).unwrap_or(0);
        let mut shown = Vec::new();
        let _ = output.seek(SeekFrom::Start(length.saturating_sub(SHOWN)));
        let _ = output.take(SHOWN).read_to_end(&mut shown);
        for line in String::from_utf8_lossy(&shown).lines() {
            to_stderr(&format!("{}\n", escaped(line)));
        }
        let program = program.display();
        Err(failed(&format!("`{program}`, a setup command of the package, {why}")))
    }
}

/// Names of the regular files in `folder` that `pattern` covers.
fn matching(tree: &PrivateTree, folder: &str, pattern: &str) -> Result<Vec<OsString>> {
    let mut files = tree.files(folder)?;
    files.retain(|name| pattern::matches(pattern.as_bytes(), name.as_encoded_bytes()));
    Ok(files)
}

fn failed(message: &str) -> Failure {
    Failure::new(ErrorCode::LaunchSetup, message)
}
