//! The command line. It asks nothing and opens nothing; variables stand in only where an option is missing.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

pub(crate) const HELP: &str = "\
Assembles a signed PSPF/2025 package from a JSON manifest.

Usage: flavor-rs-builder --manifest FILE --output FILE --launcher-bin FILE [OPTIONS]

Options:
  -m, --manifest FILE      the manifest (FORMAT.md, section 15)
  -o, --output FILE        the package; its folder must exist
      --launcher-bin FILE  the launcher to embed; copied, never executed [FLAVOR_LAUNCHER_BIN]
      --private-key FILE   Ed25519 private key: PKCS#8 PEM or 32 raw bytes
      --public-key FILE    its public key, to be compared; needs --private-key
      --key-seed TEXT      derive the key from a text; `env` reads it from FLAVOR_KEY_SEED, `-` from standard input.
                           Without any of the three: a key that nobody keeps
      --workenv-base DIR   what {workenv} in sources stands for [FLAVOR_WORKENV_BASE, else the working folder]
      --log-level LEVEL    trace, debug, info, warn, error or off; `json` or `json:LEVEL` for JSON lines
                           [FLAVOR_BUILDER_LOG_LEVEL, FLAVOR_LOG_LEVEL, else warn]
  -V, --version            print the version
  -h, --help               print this text

Other sources of slots that are relative are relative to the working folder.

Variables besides those above:
  FLAVOR_LOG_PATH          append log lines to this file instead of printing them
  SOURCE_DATE_EPOCH        seconds since 1970 for archive members and the build record

Exit codes:
  0    the package is there, complete
  2    the command line is wrong
  101  an internal rule was broken
  102  the package would break a rule of the format
  106  a file could not be read or written
  107  the key cannot be used
  109  the manifest, a file that it names or a variable cannot be used
  110  the launcher cannot be used
  130  interrupted
After every code but 0 the output is as it was before.
";

pub(crate) enum Action {
    Help,
    Version,
    Build(Box<Options>),
}

pub(crate) struct Options {
    pub(crate) manifest: PathBuf,
    pub(crate) output: PathBuf,
    pub(crate) launcher: PathBuf,
    pub(crate) key: Key,
    pub(crate) log: Option<String>,
    pub(crate) workenv_base: Option<PathBuf>,
}

/// Where the key comes from.
pub(crate) enum Key {
    Ephemeral,
    Files { private: PathBuf, public: Option<PathBuf> },
    Seed(String),
    SeedOfVariable,
    SeedOfInput,
}

/// Options as they were given, each at most once.
#[derive(Default)]
struct Given {
    manifest: Option<OsString>,
    output: Option<OsString>,
    launcher: Option<OsString>,
    private_key: Option<OsString>,
    public_key: Option<OsString>,
    key_seed: Option<OsString>,
    log_level: Option<OsString>,
    workenv_base: Option<OsString>,
}

/// Reads the arguments behind the program's name.
pub(crate) fn parse(
    arguments: impl Iterator<Item = OsString>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Action, String> {
    let arguments: Vec<OsString> = arguments.collect();
    let mut parser = Parser::from_args(arguments);
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let (name, place) = match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Action::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Action::Version),
            Arg::Short('m') | Arg::Long("manifest") => ("--manifest", &mut given.manifest),
            Arg::Short('o') | Arg::Long("output") => ("--output", &mut given.output),
            Arg::Long("launcher-bin") => ("--launcher-bin", &mut given.launcher),
            Arg::Long("private-key") => ("--private-key", &mut given.private_key),
            Arg::Long("public-key") => ("--public-key", &mut given.public_key),
            Arg::Long("key-seed") => ("--key-seed", &mut given.key_seed),
            Arg::Long("log-level") => ("--log-level", &mut given.log_level),
            Arg::Long("workenv-base") => ("--workenv-base", &mut given.workenv_base),
            other => return Err(other.unexpected().to_string()),
        };
        let value = parser.value().map_err(|error| error.to_string())?;
        if value.is_empty() {
            return Err(format!("{name} is empty"));
        }
        if place.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    given.finish(variable).map(|options| Action::Build(Box::new(options)))
}

impl Given {
    fn finish(self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Options, String> {
        let launcher = self.launcher.or_else(|| variable("FLAVOR_LAUNCHER_BIN"));
        let needed = |value: Option<OsString>, name: &str| {
            value.map(PathBuf::from).ok_or_else(|| format!("{name} is missing"))
        };
        let text = |value: OsString, name: &str| {
            value.into_string().map_err(|_| format!("{name} is not valid UTF-8"))
        };
        let log = self.log_level.map(|level| text(level, "--log-level")).transpose()?;
        if let Some(level) = log.as_deref().filter(|level| crate::log::parse(level).is_none()) {
            return Err(format!(
                "--log-level {level:?}, expected trace, debug, info, warn, error, off or json:LEVEL"
            ));
        }
        let seed = self.key_seed.map(|seed| text(seed, "--key-seed")).transpose()?;
        let key = match (seed, self.private_key, self.public_key) {
            (None, None, None) => Key::Ephemeral,
            (None, Some(private), public) => {
                Key::Files { private: private.into(), public: public.map(PathBuf::from) }
            }
            (Some(_), Some(_), _) => {
                return Err("--key-seed and --private-key are two keys; give one".to_owned());
            }
            (_, None, Some(_)) => return Err("--public-key needs --private-key".to_owned()),
            (Some(seed), None, None) => match seed.as_str() {
                "env" => Key::SeedOfVariable,
                "-" => Key::SeedOfInput,
                _ => Key::Seed(seed),
            },
        };
        Ok(Options {
            manifest: needed(self.manifest, "--manifest")?,
            output: needed(self.output, "--output")?,
            launcher: needed(launcher, "--launcher-bin (or FLAVOR_LAUNCHER_BIN)")?,
            key,
            log,
            workenv_base: self.workenv_base.or_else(|| variable("FLAVOR_WORKENV_BASE")).map(PathBuf::from),
        })
    }
}
