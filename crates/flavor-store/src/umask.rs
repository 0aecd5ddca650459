//! The umask while the store is written: modes are given exactly at creation, so that no chmod is needed.

use rustix::fs::Mode;
use rustix::process::umask;

/// Sets the process's umask to 0 until it is dropped. The umask belongs to the whole process: take it where no other
/// thread creates files, and drop it before the program is started, which inherits it.
#[derive(Debug)]
pub struct ZeroUmask(Mode);

impl ZeroUmask {
    /// Sets it.
    pub fn set() -> Self {
        Self(umask(Mode::empty()))
    }

    /// Does `work` with the umask that the process was started with, for programs that inherit it.
    pub fn lifted<T>(&self, work: impl FnOnce() -> T) -> T {
        umask(self.0);
        let done = work();
        umask(Mode::empty());
        done
    }
}

impl Drop for ZeroUmask {
    fn drop(&mut self) {
        umask(self.0);
    }
}
