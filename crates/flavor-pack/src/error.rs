//! What package operations can refuse. Each error knows its stable code, its hints and, where there is one, the
//! path it is about; a text never contains its cause.

use std::io;
use std::path::{Path, PathBuf};

use pspf::ErrorCode;

/// Everything that this crate can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule of the format, found by the format crate.
    #[error(transparent)]
    Format(#[from] pspf::Error),
    /// A rule of the format, found in the file at `path`.
    #[error("{error}: {path}", path = path.display())]
    Package {
        /// The package.
        path: PathBuf,
        /// The rule. Its text is this one's text, so it is not a cause of it; see [`Error::causes`].
        error: pspf::Error,
    },
    /// The manifest for assembly is malformed.
    #[error("{at}: {message}")]
    Plan {
        /// Where in the manifest, such as `slots[1].id`.
        at: String,
        /// What is wrong there.
        message: String,
    },
    /// A file that cannot be a member of a package.
    #[error("{message}: {path:?}")]
    Member {
        /// The file on this machine.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Key material that cannot be used.
    #[error("{message}")]
    Key {
        /// The key file, when it came from one.
        path: Option<PathBuf>,
        /// What was found and what was expected.
        message: String,
    },
    /// A key file that would be overwritten.
    #[error("key file exists already: {path}", path = path.display())]
    KeyExists {
        /// The file.
        path: PathBuf,
    },
    /// The launcher to embed cannot be used.
    #[error("{message}: {path}", path = path.display())]
    Launcher {
        /// The launcher.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A value that the caller may not choose.
    #[error("{message}")]
    Option {
        /// What was given and what is allowed.
        message: String,
    },
    /// The output cannot be written.
    #[error("cannot {action}: {path}", path = path.display())]
    Output {
        /// What was tried.
        action: &'static str,
        /// The output.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Any other file that cannot be read or written.
    #[error("cannot {action}: {path}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Aborted,
    /// A broken invariant of this crate.
    #[error("internal error: {message}")]
    Internal {
        /// What was broken.
        message: String,
    },
}

/// Shorthand of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A broken rule of the manifest for assembly.
    pub(crate) fn plan(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Plan { at: at.into(), message: message.into() }
    }

    /// A file that cannot be a member.
    pub(crate) fn member(path: &Path, message: impl Into<String>) -> Self {
        Self::Member { path: path.to_path_buf(), message: message.into() }
    }

    /// Turns a system error about `path` into one of ours.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// Turns a system error about the output into one of ours.
    pub(crate) fn output(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Output { action, path, source }
    }

    /// Names the package that a rule of the format was broken in.
    pub(crate) fn package(path: &Path) -> impl FnOnce(pspf::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Package { path, error }
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Format(error) | Self::Package { error, .. } => error.code(),
            Self::Plan { .. } => ErrorCode::FlavorPlan,
            Self::Member { .. } => ErrorCode::FlavorMember,
            Self::Key { .. } => ErrorCode::FlavorKey,
            Self::KeyExists { .. } => ErrorCode::FlavorKeyExists,
            Self::Launcher { .. } => ErrorCode::FlavorLauncher,
            Self::Option { .. } => ErrorCode::FlavorOption,
            Self::Output { .. } => ErrorCode::FlavorOutput,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorCode::FlavorNotFound,
            Self::Io { .. } => ErrorCode::FlavorIo,
            Self::Aborted => ErrorCode::FlavorAborted,
            Self::Internal { .. } => ErrorCode::FlavorInternal,
        }
    }

    /// Next steps for the person who sees the error.
    pub fn hints(&self) -> Vec<&'static str> {
        self.code().hint().into_iter().collect()
    }

    /// The file that the error is about.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Package { path, .. }
            | Self::Member { path, .. }
            | Self::KeyExists { path }
            | Self::Launcher { path, .. }
            | Self::Output { path, .. }
            | Self::Io { path, .. } => Some(path),
            Self::Key { path, .. } => path.as_deref(),
            Self::Format(_)
            | Self::Plan { .. }
            | Self::Option { .. }
            | Self::Aborted
            | Self::Internal { .. } => None,
        }
    }

    /// Absolute byte offset in the package, where there is one.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Format(error) | Self::Package { error, .. } => error.offset(),
            _ => None,
        }
    }

    /// Texts of the causes, nearest first.
    pub fn causes(&self) -> Vec<String> {
        let first = match self {
            Self::Package { error, .. } => std::error::Error::source(error),
            _ => std::error::Error::source(self),
        };
        std::iter::successors(first, |cause| cause.source()).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_contains_its_cause_and_the_causes_are_listed() {
        let error = Error::io("read the key file", Path::new("keys/a.pem"))(io::Error::other("disk on fire"));
        assert_eq!(error.to_string(), "cannot read the key file: keys/a.pem");
        assert_eq!(error.causes(), ["disk on fire"]);
        let source = io::Error::other("disk on fire");
        let error = Error::package(Path::new("a.psp"))(pspf::Error::Io { offset: 8, length: 4, source });
        assert_eq!(error.to_string(), "cannot read 4 bytes at byte 8 of the package: a.psp");
        assert_eq!((error.causes(), error.offset()), (vec!["disk on fire".to_owned()], Some(8)));
    }

    #[test]
    fn a_missing_file_has_a_code_of_its_own() {
        let error = Error::io("open the package", Path::new("a.psp"))(io::ErrorKind::NotFound.into());
        assert_eq!(error.code(), ErrorCode::FlavorNotFound);
        assert_eq!(error.hints(), ["check the path"]);
    }
}
