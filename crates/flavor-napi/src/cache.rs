//! The cache commands: what the store of unpacked packages holds, and what of it goes, is checked or is made anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flavor_pack::progress::{Event, Progress, Stage};
use flavor_store::collect::{self, Limits};
use flavor_store::inventory;
use flavor_store::location::{Place, places};
use flavor_store::repair::{self, Watch};
use flavor_store::root::Root;
use flavor_store::{Error, Refusal, Result};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::cache_report::{
    BindingCacheFindings, BindingCacheInventory, BindingCacheRemoval, findings_of, inventory_of, removal_of,
};
use crate::cancel::{self, BindingCancelToken};
use crate::error::{BindingFailure, settle};
use crate::progress::{OnProgress, Reporter};

/// What a clean-up is to do.
#[derive(Clone, Copy)]
#[napi(object, object_to_js = false)]
pub struct BindingCacheLimits {
    /// Seconds after which what was not used goes.
    pub max_age: Option<f64>,
    /// Bytes that may be left.
    pub max_bytes: Option<f64>,
    /// Also private environments, in which programs may keep files of the user.
    pub private: bool,
    /// Only say what would go.
    pub dry_run: bool,
}

type Work<T> = Box<dyn FnOnce(&Path, Option<&Root>) -> Result<T> + Send>;

/// An operation on a store, on its way to a worker thread.
pub struct CacheTask<T> {
    store: Option<PathBuf>,
    work: Option<Work<T>>,
}

impl<T> CacheTask<T> {
    fn of(
        store: Option<String>,
        work: impl FnOnce(&Path, Option<&Root>) -> Result<T> + Send + 'static,
    ) -> AsyncTask<Self>
    where
        Self: Task,
    {
        AsyncTask::new(Self { store: store.map(PathBuf::from), work: Some(Box::new(work)) })
    }
}

impl<T: Send + 'static + napi::bindgen_prelude::ToNapiValue + napi::bindgen_prelude::TypeName> Task
    for CacheTask<T>
{
    type Output = Either<BindingFailure, T>;
    type JsValue = Either<BindingFailure, T>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = self.work.take();
        Ok(settle(|| {
            let place = match self.store.take() {
                Some(path) => Place { path, origin: "--store" },
                // There is always one: the temporary folder ends the list.
                None => places(|name| std::env::var_os(name)).remove(0),
            };
            let root = Root::open(&place.path).map_err(|reason| Error::Location {
                refusals: vec![Refusal { place: place.path.clone(), origin: place.origin, reason }],
            })?;
            let path = root.as_ref().map_or(place.path.as_path(), Root::path);
            work.expect("internal error: a task runs once")(path, root.as_ref())
        }))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(output)
    }
}

/// What the store holds: the one at `store`, else the first place where launchers look.
#[napi(
    ts_args_type = "store?: string | null",
    ts_return_type = "Promise<BindingFailure | BindingCacheInventory>"
)]
pub fn cache_inventory(store: Option<String>) -> AsyncTask<CacheTask<BindingCacheInventory>> {
    CacheTask::of(store, |path, root| {
        let inventory = root.map(inventory::take).transpose()?;
        Ok(inventory_of(path, inventory))
    })
}

/// Removes what nobody needs.
#[napi(
    ts_args_type = "store: string | null | undefined, limits: BindingCacheLimits, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingCacheRemoval>"
)]
pub fn cache_prune(
    store: Option<String>,
    limits: BindingCacheLimits,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<CacheTask<BindingCacheRemoval>> {
    let BindingCacheLimits { max_age, max_bytes, private, dry_run } = limits;
    let cancelled = cancel::flag(token);
    CacheTask::of(store, move |path, root| {
        let limits = Limits {
            max_age: max_age.map_or(collect::DEFAULT_MAX_AGE, seconds),
            max_bytes: max_bytes.map(whole),
            private,
            dry_run,
        };
        let stop = || cancelled.load(Ordering::Relaxed);
        let report = root.map(|root| collect::prune(root, limits, &stop)).transpose()?;
        Ok(removal_of(path, report.unwrap_or_default()))
    })
}

/// Removes the packages named by name, folder or path of a package file.
#[napi(
    ts_args_type = "store: string | null | undefined, named: Array<string>, dryRun: boolean, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingCacheRemoval>"
)]
pub fn cache_remove(
    store: Option<String>,
    named: Vec<String>,
    dry_run: bool,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<CacheTask<BindingCacheRemoval>> {
    let cancelled = cancel::flag(token);
    CacheTask::of(store, move |path, root| {
        let stop = || cancelled.load(Ordering::Relaxed);
        match root {
            Some(root) => Ok(removal_of(path, collect::remove(root, &named, dry_run, &stop)?)),
            None => Err(collect::nothing_belongs_to(path, named.first().map_or("", String::as_str))),
        }
    })
}

/// Compares the store with the packages that it came from.
#[napi(
    ts_args_type = "store: string | null | undefined, packages: Array<string>, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingCacheFindings>"
)]
pub fn cache_verify(
    store: Option<String>,
    packages: Vec<String>,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<CacheTask<BindingCacheFindings>> {
    examine(store, packages, Examiner::new(on_progress, token), repair::verify)
}

/// Compares likewise, and makes anew what differs. Changes the umask of the process while it unpacks.
#[napi(
    ts_args_type = "store: string | null | undefined, packages: Array<string>, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingCacheFindings>"
)]
pub fn cache_repair(
    store: Option<String>,
    packages: Vec<String>,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<CacheTask<BindingCacheFindings>> {
    examine(store, packages, Examiner::new(on_progress, token), repair::repair)
}

fn examine(
    store: Option<String>,
    packages: Vec<String>,
    examiner: Examiner,
    operation: fn(&Root, &[PathBuf], &dyn Watch) -> Result<repair::Report>,
) -> AsyncTask<CacheTask<BindingCacheFindings>> {
    CacheTask::of(store, move |path, root| {
        let packages: Vec<PathBuf> = packages.into_iter().map(PathBuf::from).collect();
        let report = root.map(|root| operation(root, &packages, &examiner)).transpose()?.unwrap_or_default();
        Ok(findings_of(path, report))
    })
}

/// Passes progress on and looks at the token.
struct Examiner {
    reporter: Reporter,
    cancelled: Arc<AtomicBool>,
}

impl Examiner {
    fn new(on_progress: Option<OnProgress>, token: Option<&BindingCancelToken>) -> Self {
        let cancelled = cancel::flag(token);
        Self { reporter: Reporter::new(on_progress, Arc::clone(&cancelled)), cancelled }
    }
}

impl Watch for Examiner {
    fn progress(&self, path: &Path, done: u64, total: u64) {
        let detail = path.to_string_lossy();
        self.reporter.event(Event { stage: Stage::Verify, done, total, detail: &detail });
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// A number of bytes from JavaScript; saturating, as whoever asks for more has asked for everything.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
fn whole(number: f64) -> u64 {
    number as u64
}

fn seconds(number: f64) -> Duration {
    Duration::from_secs(whole(number))
}
