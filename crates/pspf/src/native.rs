//! What the metadata says to launchers of the original beside `execution` and `runtime` (FORMAT.md §5): setup commands,
//! folders and variables of the work environment, and the test of a finished one. Decoded apart from [`crate::Metadata`],
//! by who starts such a package, because readers that start nothing accept whatever stands there.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{Error, ErrorCode, Result};

/// The keys that only launchers act upon.
#[derive(Debug, Default, Deserialize)]
pub struct Native {
    /// What prepares a work environment, in order.
    #[serde(default)]
    pub setup_commands: Vec<SetupCommand>,
    /// Folders and variables.
    #[serde(default)]
    workenv: Option<NativeWorkenv>,
    /// How a finished work environment is told from others.
    #[serde(default)]
    pub cache_validation: Option<CacheValidation>,
}

/// `workenv` of the metadata, which is not that of `x-flavor`.
#[derive(Debug, Default, Deserialize)]
struct NativeWorkenv {
    directories: Option<Vec<NativeDirectory>>,
    env: Option<BTreeMap<String, String>>,
}

/// A folder that is made before setup.
#[derive(Debug, Deserialize)]
pub struct NativeDirectory {
    /// With placeholders.
    pub path: String,
    /// Octal text.
    #[serde(default)]
    pub mode: Option<FileMode>,
}

/// A file whose content marks a work environment as complete.
#[derive(Debug, Deserialize)]
pub struct CacheValidation {
    /// With placeholders.
    pub check_file: String,
    /// With placeholders; absent in some packages of the original's Go builder.
    #[serde(default)]
    pub expected_content: Option<String>,
}

/// A mode: octal text, or a number as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(pub u32);

/// One setup command. Which fields count depends on its kind.
#[derive(Debug, Default)]
pub struct SetupCommand {
    /// `execute` where the package does not say.
    pub kind: String,
    /// Command text.
    pub command: Option<String>,
    /// File to write or to change.
    pub path: Option<String>,
    /// What is written.
    pub content: Option<String>,
    /// Its mode.
    pub mode: Option<FileMode>,
    /// Pattern of files, below the work environment.
    pub pattern: Option<String>,
    /// Files to run the command for.
    pub enumerate: Option<Enumerate>,
}

/// Files of one folder.
#[derive(Debug)]
pub struct Enumerate {
    /// The folder.
    pub path: String,
    /// Which of its files; all when absent.
    pub pattern: Option<String>,
}

impl Native {
    /// Decodes the JSON of a package that was opened, so the strict pass has accepted it.
    pub fn decode(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json)
            .map_err(|error| Error::rule(ErrorCode::PspfMetadataModel, format!("metadata: {error}")))
    }

    /// Folders to make.
    pub fn directories(&self) -> &[NativeDirectory] {
        self.workenv.as_ref().and_then(|workenv| workenv.directories.as_deref()).unwrap_or_default()
    }

    /// Variables of the program.
    pub fn variables(&self) -> Option<&BTreeMap<String, String>> {
        self.workenv.as_ref()?.env.as_ref()
    }
}

impl FileMode {
    /// Octal digits, also behind `0o`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = !digits.is_empty() && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        octal.then(|| u32::from_str_radix(digits, 8).ok())?.map(Self)
    }

    fn from_value(value: &Value) -> std::result::Result<Self, String> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).map(Self);
        number
            .or_else(|| Self::parse(value.as_str()?))
            .ok_or_else(|| "a mode is neither octal text nor number".into())
    }

    /// The nine permission bits; setuid, setgid and sticky never leave a package.
    pub fn permissions(self) -> u32 {
        self.0 & 0o777
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SetupCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl SetupCommand {
    /// The original's Go builder also writes plain texts, and objects without a type.
    fn from_value(value: Value) -> std::result::Result<Self, String> {
        const EXECUTE: &str = "execute";
        if let Value::String(command) = value {
            return Ok(Self { kind: EXECUTE.into(), command: Some(command), ..Self::default() });
        }
        let enumerate = match value.get("enumerate") {
            None | Some(Value::Null) => None,
            Some(files) => {
                let path = text(files, "path")?.ok_or("a setup command enumerates files of no `path`")?;
                Some(Enumerate { path, pattern: text(files, "pattern")? })
            }
        };
        let mode = match value.get("mode") {
            None | Some(Value::Null) => None,
            Some(mode) => Some(FileMode::from_value(mode)?),
        };
        Ok(Self {
            kind: text(&value, "type")?.unwrap_or_else(|| EXECUTE.into()),
            command: text(&value, "command")?,
            path: text(&value, "path")?,
            content: text(&value, "content")?,
            mode,
            pattern: text(&value, "pattern")?,
            enumerate,
        })
    }
}

/// A text of an object; absent and null are the same.
fn text(object: &Value, key: &str) -> std::result::Result<Option<String>, String> {
    let fields = object.as_object().ok_or_else(|| "a setup command is neither text nor object".to_owned())?;
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{key}` of a setup command is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<Native> {
        Native::decode(json.as_bytes())
    }

    #[test]
    fn what_the_three_builders_write_is_read() {
        let native = decode(
            r#"{"setup_commands":["a b",{"command":"c"},{"type":"chmod","path":"p","mode":"0o755"},
            {"type":"write_file","path":"p","content":"x","mode":420,"enumerate":null},
            {"type":"enumerate_and_execute","command":"c","enumerate":{"path":"w","pattern":"*.whl"}}],
            "workenv":{"directories":[{"path":"{workenv}/tmp","mode":"0700"},{"path":"x"}],"env":{"A":"b"}},
            "cache_validation":{"check_file":"f"},"other":[1]}"#,
        )
        .expect("decode");
        let kinds: Vec<&str> = native.setup_commands.iter().map(|command| command.kind.as_str()).collect();
        assert_eq!(kinds, ["execute", "execute", "chmod", "write_file", "enumerate_and_execute"]);
        assert_eq!(native.setup_commands[0].command.as_deref(), Some("a b"));
        assert_eq!(native.setup_commands[2].mode, Some(FileMode(0o755)));
        assert_eq!(native.setup_commands[3].mode, Some(FileMode(0o644)));
        assert_eq!(native.directories().len(), 2);
        assert_eq!(native.variables().map(BTreeMap::len), Some(1));
        for json in
            [r#"{"workenv":null,"cache_validation":null}"#, "{}", r#"{"workenv":{"directories":null}}"#]
        {
            assert!(decode(json).expect(json).directories().is_empty(), "{json}");
        }
    }

    #[test]
    fn a_wrong_type_is_refused() {
        for json in [
            r#"{"setup_commands":[5]}"#,
            r#"{"setup_commands":[{"command":["a"]}]}"#,
            r#"{"setup_commands":[{"mode":"rwx"}]}"#,
            r#"{"setup_commands":[{"mode":-1}]}"#,
            r#"{"setup_commands":{}}"#,
            r#"{"workenv":{"env":{"A":5}}}"#,
            r#"{"workenv":{"directories":[{"mode":"0700"}]}}"#,
            r#"{"cache_validation":{}}"#,
        ] {
            let error = decode(json).expect_err(json);
            assert_eq!(error.code(), ErrorCode::PspfMetadataModel, "{json}");
        }
    }

    #[test]
    fn s21_no_mode_holds_more_than_permissions() {
        assert_eq!(FileMode::parse("4755").map(FileMode::permissions), Some(0o755));
        assert_eq!(FileMode::parse("0").map(FileMode::permissions), Some(0));
        for bad in ["", "8", "0o", "rwx", "+7", "-1", "77777777777777"] {
            assert_eq!(FileMode::parse(bad), None, "{bad}");
        }
    }
}
