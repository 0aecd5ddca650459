//! How long operations report and how they are stopped. Reports are ticks for a person: they may be dropped and
//! come from any thread. Cancellation is asked for once per file and once per chunk; what was begun is undone by
//! the operation that was stopped.

use crate::{Error, Result};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Slots are archived and compressed; bytes of content.
    Compress,
    /// The package file is written; bytes of the file.
    Write,
    /// A package is checked; stored bytes.
    Verify,
    /// Slots are written as files and folders; stored bytes.
    Extract,
    /// What lies in the slots is counted, or compressed anew to learn its size; stored bytes, or bytes of content.
    Measure,
}

impl Stage {
    /// The word that callers show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compress => "compress",
            Self::Write => "write",
            Self::Verify => "verify",
            Self::Extract => "extract",
            Self::Measure => "measure",
        }
    }
}

/// One tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// What is being done.
    pub stage: Stage,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
    /// The slot or file at work.
    pub detail: &'a str,
}

/// Receives ticks and is asked whether to go on.
pub trait Progress: Sync {
    /// A tick; must not block for long.
    fn event(&self, event: Event<'_>) {
        let _ = event;
    }

    /// Whether the caller wants the operation to stop.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Stops the operation when the caller wants that.
    fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Aborted) } else { Ok(()) }
    }
}

/// Nobody listens and nobody cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
