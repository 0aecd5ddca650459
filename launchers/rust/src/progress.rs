//! One line on a terminal while a first start takes long (LAUNCH.md 10.5), erased when it is done. It is drawn by a thread of
//! its own, from the number of bytes that were read, so that nothing else knows about it.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::failure::escaped;
use crate::output::to_stderr;

/// Quicker starts show nothing.
const DELAY: Duration = Duration::from_millis(300);
const INTERVAL: Duration = Duration::from_millis(100);

/// The line; erased when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    done: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to count. `read` grows to about `total`. Nothing happens unless standard error is a terminal in whose foreground this
    /// process is.
    pub(crate) fn begin(name: &str, read: &Arc<AtomicU64>, total: u64) -> Option<Self> {
        if !std::io::stderr().is_terminal() || !crate::process::is_in_foreground() {
            return None;
        }
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let (name, read, watched) = (escaped(name), Arc::clone(read), Arc::clone(&done));
        // Enough for formatting a line.
        let builder = std::thread::Builder::new().stack_size(64 * 1024);
        let thread = builder.spawn(move || draw(&name, &read, total, &watched)).ok()?;
        Some(Self { done, thread: Some(thread) })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        *self.done.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.done.1.notify_all();
        // The line is erased before anything else is printed or started.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn draw(name: &str, read: &AtomicU64, total: u64, done: &(Mutex<bool>, Condvar)) {
    let mut wait = DELAY;
    let mut width = 0;
    let begun = Instant::now();
    loop {
        let next = Instant::now() + wait;
        let mut finished = done.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*finished && Instant::now() < next {
            let rest = next.saturating_duration_since(Instant::now());
            finished = done.1.wait_timeout(finished, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        if *finished {
            break;
        }
        drop(finished);
        let percent = read.load(Ordering::Relaxed).saturating_mul(100).checked_div(total).unwrap_or(0);
        let seconds = begun.elapsed().as_secs();
        let line = format!("{name}: unpacking for the first start, {}% ({seconds} s)", percent.min(99));
        width = line.chars().count();
        to_stderr(&format!("\r{line}"));
        wait = INTERVAL;
    }
    if width > 0 {
        // Blanks instead of a control sequence: every terminal knows them.
        to_stderr(&format!("\r{:width$}\r", ""));
    }
}
