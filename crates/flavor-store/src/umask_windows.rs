//! Windows has no umask: who may use what is made there is inherited from the folder that it is made in.

/// Stands for the umask of other systems.
#[derive(Debug)]
pub struct ZeroUmask(());

impl ZeroUmask {
    /// Sets nothing.
    pub fn set() -> Self {
        Self(())
    }

    /// Does `work`.
    pub fn lifted<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
}

impl Drop for ZeroUmask {
    fn drop(&mut self) {}
}
