//! The tools behind `FLAVOR_LAUNCHER_CLI=1` (LAUNCH.md 8). They open the package fully and strictly, and use no receipt for what they
//! say about it. What a tool may be given is one table; how it is carried out stands in a file by subject.

mod describe;
mod doctor;
mod links;
mod uninstall;
mod unpack;
mod verify;

use std::ffi::{OsStr, OsString};

use pspf::ErrorCode;

use crate::failure::{Failure, Result, escaped};
use crate::json::Object;
use crate::log::Log;
use crate::output::to_stdout;
use crate::package_file::PackageFile;
use crate::settings::Settings;

/// What `help` prints.
const HELP: &str = "\
Tools of this launcher, with FLAVOR_LAUNCHER_CLI=1 in the environment:
  run [ARGUMENTS...]   start the packaged program
  info                 name, version, target, signer, commands and slots
  commands             the commands, the default one marked
  metadata             the signed metadata as JSON
  verify               check every byte of the file
  extract [--output DIR] [SLOT...]
                       unpack slots, by number or id, or all of them, each into a folder of its own in DIR
  slot SLOT            where the slot lies for programs; unpacks it first if it is lazy
  install-links DIR [--force]
                       links in DIR, one a command, that start it; --force replaces links to other packages
  warm                 unpack everything now, and keep it across reboots; run nothing
  repair               compare what is unpacked with the package, and unpack anew what differs
  doctor               what a start would meet on this machine
  uninstall [--dry-run] [--data] [--links DIR]
                       remove what was unpacked of this package; --data removes the data it keeps for the user too, --links the
                       links of install-links from DIR
  help                 this list
With --json, each prints one JSON object a line; run, metadata and help print what they always do.
A launcher without payload knows `help` and:
  run FILE [ARGUMENTS...]
                       verify the package FILE and start its program
";

/// What a tool takes besides `--json`.
struct Form {
    name: &'static str,
    words: std::ops::RangeInclusive<usize>,
    flags: &'static [&'static str],
    /// An option with a value.
    valued: Option<&'static str>,
}

const fn form(name: &'static str, words: std::ops::RangeInclusive<usize>) -> Form {
    Form { name, words, flags: &[], valued: None }
}

/// Every tool but `run`, whose arguments are the program's.
const FORMS: [Form; 12] = [
    form("info", 0..=0),
    form("commands", 0..=0),
    form("metadata", 0..=0),
    form("verify", 0..=0),
    Form { valued: Some("--output"), ..form("extract", 0..=usize::MAX) },
    form("slot", 1..=1),
    Form { flags: &["--force"], ..form("install-links", 1..=1) },
    form("warm", 0..=0),
    form("repair", 0..=0),
    form("doctor", 0..=0),
    Form { name: "uninstall", words: 0..=0, flags: &["--dry-run", "--data"], valued: Some("--links") },
    form("help", 0..=0),
];

/// What a tool works with.
pub(crate) struct Context<'a> {
    pub(crate) file: &'a PackageFile,
    pub(crate) settings: &'a Settings,
    pub(crate) log: Log,
    /// The name in messages; becomes the package's when that is known.
    pub(crate) name: &'a mut String,
}

/// What the user asked of a tool.
#[derive(Debug, Default)]
struct Asked<'a> {
    json: bool,
    flags: Vec<&'static str>,
    value: Option<&'a OsStr>,
    words: Vec<&'a OsStr>,
}

/// Runs the tool `tool` with `arguments`; the exit code.
pub(crate) fn run(tool: Option<&OsStr>, arguments: &[OsString], mut context: Context) -> Result<i32> {
    let form = FORMS.iter().find(|form| tool.is_some_and(|tool| tool == form.name));
    let form = form.ok_or_else(|| unknown(tool))?;
    let asked = parse(arguments, form)?;
    let context = &mut context;
    match form.name {
        "info" => describe::info(context, &asked),
        "commands" => describe::commands(context, &asked),
        "metadata" => describe::metadata(context),
        "verify" => verify::verify(context, &asked),
        "extract" => unpack::extract(context, &asked),
        "slot" => unpack::slot(context, &asked),
        "install-links" => links::install(context, &asked),
        "warm" => unpack::warm(context, &asked),
        "repair" => unpack::repair(context, &asked),
        "uninstall" => uninstall::uninstall(context, &asked),
        "doctor" => doctor::doctor(context, &asked),
        _ => {
            to_stdout(HELP.as_bytes());
            Ok(())
        }
    }
    .map(|()| 0)
}

/// Options may stand anywhere; `--` ends them.
fn parse<'a>(arguments: &'a [OsString], form: &Form) -> Result<Asked<'a>> {
    let mut asked = Asked::default();
    let mut ended = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_encoded_bytes() {
            b"--" if !ended => ended = true,
            b"--json" if !ended => asked.json = true,
            bytes if !ended && bytes.starts_with(b"-") => {
                if form.valued.is_some_and(|option| option.as_bytes() == bytes) {
                    let value = rest.next().filter(|value| !value.is_empty() && asked.value.is_none());
                    let refusal = || wrong(&format!("`{}` takes one value, once", argument.display()));
                    asked.value = Some(value.ok_or_else(refusal)?);
                } else if let Some(flag) = form.flags.iter().find(|flag| flag.as_bytes() == bytes) {
                    asked.flags.push(flag);
                } else {
                    return Err(wrong(&format!("`{}` has no option `{}`", form.name, argument.display())));
                }
            }
            _ => asked.words.push(argument),
        }
    }
    if form.words.contains(&asked.words.len()) {
        return Ok(asked);
    }
    let (wanted, given) = (form.words.end(), asked.words.len());
    Err(wrong(&format!("`{}` takes {wanted} arguments besides options, {given} were given", form.name)))
}

impl Asked<'_> {
    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Prints a result in the form that was asked for.
    fn print(&self, tool: &str, json: impl FnOnce(Object) -> Object, text: impl FnOnce() -> String) {
        let printed = if self.json {
            json(Object::new().text("type", tool).number("schema", 1)).finish() + "\n"
        } else {
            text()
        };
        to_stdout(printed.as_bytes());
    }
}

/// One line of a list for people; the values are escaped here (S23).
fn line(name: &str, value: &str) -> String {
    format!("{name:<10} {}\n", escaped(value))
}

fn wrong(message: &str) -> Failure {
    Failure::new(ErrorCode::LaunchArguments, message)
}

/// The failure of an unknown or missing tool.
fn unknown(tool: Option<&OsStr>) -> Failure {
    let known = FORMS.map(|form| form.name).join(", ");
    let what = match tool {
        Some(tool) => format!("there is no tool `{}`", tool.display()),
        None => "FLAVOR_LAUNCHER_CLI=1 is set, but no argument names a tool".into(),
    };
    wrong(&format!("{what}; known are run, {known}"))
}
