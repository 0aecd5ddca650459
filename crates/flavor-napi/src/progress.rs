//! Progress across the border. Ticks are lossy: they are thinned by time, and dropped when JavaScript is slow. The
//! end of an operation is told by its result, never by a tick.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flavor_pack::progress::{Event, Progress};
use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use crate::number;

/// Ticks of one slot closer together than this are not sent: a terminal cannot show them.
const INTERVAL: Duration = Duration::from_millis(25);

/// How far an operation is.
#[napi(object, object_from_js = false)]
pub struct BindingProgress {
    /// `compress`, `write`, `verify`, `extract` or `measure`.
    pub stage: String,
    /// Bytes done.
    pub done: f64,
    /// Bytes in all.
    pub total: f64,
    /// The slot or file at work.
    pub detail: String,
}

/// `(event: BindingProgress) => void`: called as it is, not keeping the process alive, with a bounded queue.
pub type OnProgress = ThreadsafeFunction<BindingProgress, (), BindingProgress, Status, false, true, 64>;

/// Sends ticks and looks at the flag.
pub struct Reporter {
    callback: Option<OnProgress>,
    cancelled: Arc<AtomicBool>,
    last: Mutex<Option<(Instant, String)>>,
}

impl Reporter {
    /// Reports to `callback`, stops when `cancelled` is set.
    pub fn new(callback: Option<OnProgress>, cancelled: Arc<AtomicBool>) -> Self {
        Self { callback, cancelled, last: Mutex::new(None) }
    }

    fn is_due(&self, event: Event<'_>) -> bool {
        // Somebody else is sending at this moment: this tick is one of many.
        let Ok(mut last) = self.last.try_lock() else { return false };
        let now = Instant::now();
        let due = match &*last {
            None => true,
            Some((time, detail)) => {
                event.done >= event.total || detail != event.detail || now.duration_since(*time) >= INTERVAL
            }
        };
        if due {
            *last = Some((now, event.detail.to_owned()));
        }
        due
    }
}

impl Progress for Reporter {
    fn event(&self, event: Event<'_>) {
        if let Some(callback) = self.callback.as_ref().filter(|_| self.is_due(event)) {
            let tick = BindingProgress {
                stage: event.stage.name().to_owned(),
                done: number(event.done),
                total: number(event.total),
                detail: event.detail.to_owned(),
            };
            // A full queue, or a callback whose realm is gone: the tick is dropped.
            let _ = callback.call(tick, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
