//! Work that several threads do at once: numbers that they take one after another until there are no more or one fails.
//! The calling thread is one of them, so it works where no thread can be made, and none is left when a call returns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// More workers than this only wait for directory locks of the file system.
pub(crate) const MAX_WORKERS: usize = 8;

/// What a worker is asked for.
pub(crate) enum Step {
    /// The work of this number.
    Number(usize),
    /// Its end, after its last number.
    Done,
}

/// One thread's part.
pub(crate) type Worker<'a> = Box<dyn FnMut(Step) -> Result<()> + 'a>;

/// Runs at most `most` workers, and no more than there are cores, over the numbers 0 to `count`.
pub(crate) fn run<'a>(count: usize, most: usize, worker: &(dyn Fn() -> Worker<'a> + Sync)) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    // Of several failures the one of the lowest number is reported.
    let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let work = || {
        let mut step = worker();
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            if let Err(error) = step(Step::Number(number)) {
                failed.store(true, Ordering::Relaxed);
                let mut failure = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if failure.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                    *failure = Some((number, error));
                }
            }
        }
        let _ = step(Step::Done);
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = cores.min(most).min(count);
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..workers {
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(other) => others.push(other),
                Err(_) => break,
            }
        }
        work();
        // The scope's end waits for their work only. A thread that is still ending could take a signal that this process,
        // as a waiting parent, counts on (LAUNCH.md 15).
        for other in others {
            if let Err(panic) = other.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
