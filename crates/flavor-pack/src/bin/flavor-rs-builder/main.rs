//! `flavor-rs-builder`: a manifest of the original's native builders, a launcher and a key in, one signed package out.
//! The options and variables are those of the original's builders; the work is `flavor_pack::assemble`'s.
//!
//! Guaranteed: the output appears complete or not at all, no folder is created, and the launcher is copied, never
//! executed. Standard output is for `--help` and `--version`; everything else goes to standard error or the log file.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flavor_pack::Error;
use flavor_pack::assemble::{Assembled, Request, assemble};
use flavor_pack::keys::KeySource;
use flavor_pack::progress::Progress;
use pspf::ErrorCode;
use pspf::layout::limit;

mod log;
mod options;

use log::{Level, Log};
use options::{Action, Key, Options};

/// The default level of `flavor pack`.
const COMPRESSION_LEVEL: i32 = 9;
/// Whoever can guess the text has the key.
const SHORT_SEED: usize = 16;

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match options::parse(std::env::args_os().skip(1), &variable) {
        Ok(Action::Help) => {
            print!("{}", options::HELP);
            ExitCode::SUCCESS
        }
        Ok(Action::Version) => {
            println!("flavor-rs-builder {}", env!("CARGO_PKG_VERSION"));
            println!("format {}", pspf::layout::FORMAT_NAME);
            ExitCode::SUCCESS
        }
        Ok(Action::Build(options)) => build(*options, &variable),
        Err(message) => {
            eprintln!("flavor-rs-builder: error: {message} [{}]", ErrorCode::FlavorUsage);
            eprintln!(
                "flavor-rs-builder: hint: `flavor-rs-builder --help` lists options, variables and exit codes"
            );
            ExitCode::from(2)
        }
    }
}

fn build(options: Options, variable: &dyn Fn(&str) -> Option<OsString>) -> ExitCode {
    let log = Log::open(options.log.as_deref(), variable);
    match run(options, variable, &log) {
        Ok(assembled) => {
            for slot in &assembled.slots {
                log.line(Level::Info, &format!("slot {:?}: {} bytes stored", slot.id, slot.stored));
            }
            log.line(
                Level::Info,
                &format!(
                    "wrote {}: {} bytes, sha256 {}, signed by {}",
                    assembled.path.display(),
                    assembled.size,
                    assembled.sha256,
                    assembled.fingerprint
                ),
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut text = format!("{error} [{}]", error.code());
            for cause in error.causes() {
                text = format!("{text}\n  cause: {cause}");
            }
            log.failure(&text, &error.hints());
            ExitCode::from(exit_code(error.code()))
        }
    }
}

fn run(options: Options, variable: &dyn Fn(&str) -> Option<OsString>, log: &Log) -> Result<Assembled, Error> {
    let cancelled = cancellation()?;
    let base = std::env::current_dir().map_err(io_error("find out the working folder", Path::new(".")))?;
    let request = Request {
        manifest_json: manifest(&options.manifest)?,
        workenv_base: Some(base.join(options.workenv_base.as_deref().unwrap_or(Path::new("")))),
        base,
        output: options.output,
        launcher: options.launcher,
        launcher_sha256: None,
        level: COMPRESSION_LEVEL,
        threads: None,
        key: key(options.key, variable, log)?,
        source_date_epoch: source_date_epoch(variable)?,
        alignment: None,
        build_cache: None,
    };
    log.line(Level::Debug, &format!("relative sources are relative to {}", request.base.display()));
    if let Some(folder) = &request.workenv_base {
        log.line(Level::Debug, &format!("{{workenv}} in sources is {}", folder.display()));
    }
    log.line(Level::Debug, &format!("the launcher is {}", request.launcher.display()));
    let assembled = assemble(&request, &Interruptible(cancelled))?;
    for warning in &assembled.warnings {
        log.line(Level::Warn, warning);
    }
    Ok(assembled)
}

fn manifest(path: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit::METADATA_BYTES + 1).read_to_end(&mut bytes))
        .map_err(io_error("read the manifest", path))?;
    String::from_utf8(bytes).map_err(|_| Error::Plan {
        at: path.display().to_string(),
        message: "the manifest is not valid UTF-8".to_owned(),
    })
}

fn key(key: Key, variable: &dyn Fn(&str) -> Option<OsString>, log: &Log) -> Result<KeySource, Error> {
    let seed = |text: String| {
        if text.chars().count() < SHORT_SEED {
            log.line(Level::Warn, "the key seed is short: whoever guesses it can sign in its name");
        }
        KeySource::Seed(text.into())
    };
    Ok(match key {
        Key::Ephemeral => {
            log.line(
                Level::Warn,
                "no key was given: the package is signed with one that nobody keeps, so it has integrity but no identity",
            );
            KeySource::Ephemeral
        }
        Key::Files { private, public: None } => KeySource::File(private),
        Key::Files { private, public: Some(public) } => {
            KeySource::Pair { key: Box::new(KeySource::File(private)), public }
        }
        Key::SeedOfVariable => {
            let text = variable("FLAVOR_KEY_SEED").and_then(|text| text.into_string().ok());
            let message = "--key-seed env asks for a text in FLAVOR_KEY_SEED, which is not set".to_owned();
            seed(text.ok_or(Error::Option { message })?)
        }
        Key::SeedOfInput => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(io_error("read the key seed", Path::new("-")))?;
            seed(text.trim_end_matches(['\n', '\r']).to_owned())
        }
        Key::Seed(text) => {
            log.line(
                Level::Warn,
                "a key seed in the arguments is visible to other users of this machine; use --key-seed env or --key-seed -",
            );
            seed(text)
        }
    })
}

fn source_date_epoch(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<u64>, Error> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    let message = format!("SOURCE_DATE_EPOCH {}, expected seconds since 1970", text.display());
    seconds.map(Some).ok_or(Error::Option { message })
}

/// A flag that the signals which end a program raise instead, so that no temporary file stays behind.
fn cancellation() -> Result<Arc<AtomicBool>, Error> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let cancelled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&cancelled))
            .map_err(io_error("listen to signals", Path::new(".")))?;
    }
    Ok(cancelled)
}

struct Interruptible(Arc<AtomicBool>);

impl Progress for Interruptible {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::Io { action, path, source }
}

/// As the table in `--help` and in FORMAT.md §13 says.
fn exit_code(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::FlavorInternal => 101,
        ErrorCode::FlavorIo | ErrorCode::FlavorNotFound | ErrorCode::FlavorOutput | ErrorCode::PspfIo => 106,
        ErrorCode::FlavorKey => 107,
        ErrorCode::FlavorPlan | ErrorCode::FlavorMember | ErrorCode::FlavorOption => 109,
        ErrorCode::FlavorLauncher => 110,
        ErrorCode::FlavorAborted => 130,
        _ => 102,
    }
}
