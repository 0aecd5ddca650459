//! Cancellation: a flag that JavaScript sets and the work looks at. The user's `AbortSignal` stays on the other
//! side of the border, where it can be listened to and let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi_derive::napi;

/// Stops the operations that it was given to; they settle with `ERR_FLAVOR_ABORTED`.
#[napi]
#[derive(Default)]
pub struct BindingCancelToken {
    flag: Arc<AtomicBool>,
}

#[napi]
impl BindingCancelToken {
    /// A token that nobody has cancelled.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the operations to stop. Asking again does nothing.
    #[napi]
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether `cancel` was called.
    #[napi(getter)]
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}

/// The flag of a token, or one that stays unset.
pub(crate) fn flag(token: Option<&BindingCancelToken>) -> Arc<AtomicBool> {
    token.map(|token| Arc::clone(&token.flag)).unwrap_or_default()
}
