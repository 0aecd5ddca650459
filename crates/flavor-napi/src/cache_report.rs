//! What the cache commands tell: conversions of the store's reports for JavaScript.

use std::path::Path;

use flavor_store::collect;
use flavor_store::inventory::{Inventory, PackageState};
use flavor_store::location::places;
use flavor_store::repair;
use flavor_store::root::Root;
use napi_derive::napi;

use crate::number;

/// A place where a store may be.
#[napi(object, object_from_js = false)]
pub struct BindingCachePlace {
    /// Absolute path.
    pub path: String,
    /// The variable that it comes from.
    pub origin: String,
    /// Whether there is a store.
    pub exists: bool,
}

/// One work environment.
#[napi(object, object_from_js = false)]
pub struct BindingCacheEnvironment {
    /// Folder name.
    pub folder: String,
    /// Absolute path.
    pub path: String,
    /// Name of the package, where it is known.
    pub name: Option<String>,
    /// Version of the package, where it is known.
    pub version: Option<String>,
    /// Bytes of regular files.
    pub bytes: f64,
    /// Entries of any kind.
    pub members: f64,
    /// Seconds since 1970.
    pub last_used: f64,
    /// Whether a program was seen to use it.
    pub in_use: bool,
    /// Whether it has a record.
    pub complete: bool,
    /// Whether programs may keep files of the user in it.
    pub private: bool,
    /// Keys of its slots, where they are known.
    pub slots: Option<Vec<String>>,
}

/// One shared slot.
#[napi(object, object_from_js = false)]
pub struct BindingCacheSlot {
    /// Its key.
    pub key: String,
    /// Absolute path.
    pub path: String,
    /// Bytes of regular files.
    pub bytes: f64,
    /// Entries of any kind.
    pub members: f64,
    /// Seconds since 1970.
    pub last_used: f64,
    /// Whether a program was seen to use it.
    pub in_use: bool,
    /// Whether it has a record.
    pub complete: bool,
    /// Folder names of the environments that refer to it.
    pub environments: Vec<String>,
}

/// One receipt.
#[napi(object, object_from_js = false)]
pub struct BindingCacheReceipt {
    /// File name.
    pub name: String,
    /// Seconds since 1970.
    pub last_used: f64,
    /// Whether it can be read.
    pub valid: bool,
    /// Name of the package.
    pub package_name: Option<String>,
    /// Path of the package file.
    pub package_path: Option<String>,
    /// Whether the package is still there.
    pub package_present: bool,
    /// Folder name of its environment.
    pub environment: Option<String>,
}

/// Everything in one store.
#[napi(object, object_from_js = false)]
pub struct BindingCacheInventory {
    /// Root path.
    pub root: String,
    /// Whether there is a store.
    pub exists: bool,
    /// Every place where launchers look, in order.
    pub places: Vec<BindingCachePlace>,
    /// Work environments.
    pub environments: Vec<BindingCacheEnvironment>,
    /// Shared slots.
    pub slots: Vec<BindingCacheSlot>,
    /// Receipts.
    pub receipts: Vec<BindingCacheReceipt>,
    /// Staging folders of dead starts.
    pub dead: f64,
}

/// One thing that went.
#[napi(object, object_from_js = false)]
pub struct BindingCacheItem {
    /// `staging`, `receipt`, `environment` or `slot`.
    pub kind: String,
    /// Its name in its folder.
    pub name: String,
    /// Bytes of regular files.
    pub bytes: f64,
    /// Seconds since 1970.
    pub last_used: f64,
    /// `dead-start`, `malformed`, `package-gone`, `incomplete`, `unused`, `unreferenced`, `budget` or `named`.
    pub reason: String,
}

/// What a clean-up did.
#[napi(object, object_from_js = false)]
pub struct BindingCacheRemoval {
    /// Root path.
    pub root: String,
    /// What went, in order.
    pub removed: Vec<BindingCacheItem>,
    /// Folder names of environments that stay because programs run from them.
    pub in_use: Vec<String>,
    /// Whether slots stay because nobody knows what an environment refers to.
    pub slots_unknown: bool,
    /// Bytes of environments and slots that are left.
    pub left: f64,
}

/// How one slot or environment is.
#[napi(object, object_from_js = false)]
pub struct BindingCacheFinding {
    /// `environment` or `slot`.
    pub kind: String,
    /// Folder name or key.
    pub name: String,
    /// `intact`, `added`, `changed`, `incomplete`, `missing`, `unknown`, `private` or `repaired`.
    pub condition: String,
    /// Whether something is wrong.
    pub is_failure: bool,
    /// The package that it was compared with.
    pub package_path: Option<String>,
}

/// A package that cannot be used.
#[napi(object, object_from_js = false)]
pub struct BindingCacheUnusable {
    /// Absolute path.
    pub path: String,
    /// Why not.
    pub reason: String,
}

/// What a verification or repair found.
#[napi(object, object_from_js = false)]
pub struct BindingCacheFindings {
    /// Root path.
    pub root: String,
    /// Environments and slots.
    pub findings: Vec<BindingCacheFinding>,
    /// Packages that receipts name and that cannot be used.
    pub unusable: Vec<BindingCacheUnusable>,
}

pub(crate) fn inventory_of(root: &Path, inventory: Option<Inventory>) -> BindingCacheInventory {
    let places = places(|name| std::env::var_os(name)).into_iter().map(|place| BindingCachePlace {
        exists: matches!(Root::open(&place.path), Ok(Some(_))),
        path: text(&place.path),
        origin: place.origin.to_owned(),
    });
    let exists = inventory.is_some();
    let (environments, slots, receipts, dead) = inventory.map_or_else(Default::default, |inventory| {
        (inventory.environments, inventory.slots, inventory.receipts, inventory.dead)
    });
    let environments = environments.into_iter().map(|entry| {
        let (name, version) = entry.package.unzip();
        BindingCacheEnvironment {
            path: text(root.join("v1/envs").join(&entry.folder)),
            folder: entry.folder,
            name,
            version,
            bytes: number(entry.bytes),
            members: number(entry.members),
            last_used: time(entry.last_used),
            in_use: entry.in_use,
            complete: entry.complete,
            private: entry.private,
            slots: entry.slots,
        }
    });
    let slots = slots.into_iter().map(|entry| BindingCacheSlot {
        path: text(root.join("v1/slots").join(&entry.key)),
        key: entry.key,
        bytes: number(entry.bytes),
        members: number(entry.members),
        last_used: time(entry.last_used),
        in_use: entry.in_use,
        complete: entry.complete,
        environments: entry.environments,
    });
    let receipts = receipts.into_iter().map(|entry| BindingCacheReceipt {
        name: entry.name,
        last_used: time(entry.last_used),
        valid: entry.content.is_some(),
        package_present: entry.content.as_ref().is_some_and(|content| content.state == PackageState::Present),
        package_path: entry.content.as_ref().map(|content| text(&content.path)),
        environment: entry.content.as_ref().map(|content| content.environment.clone()),
        package_name: entry.content.map(|content| content.package),
    });
    BindingCacheInventory {
        root: text(root),
        exists,
        places: places.collect(),
        environments: environments.collect(),
        slots: slots.collect(),
        receipts: receipts.collect(),
        dead: number(dead as u64),
    }
}

pub(crate) fn removal_of(root: &Path, report: collect::Report) -> BindingCacheRemoval {
    let removed = report.removed.into_iter().map(|item| BindingCacheItem {
        kind: item.kind.word().to_owned(),
        name: item.name,
        bytes: number(item.bytes),
        last_used: time(item.last_used),
        reason: item.reason.word().to_owned(),
    });
    BindingCacheRemoval {
        root: text(root),
        removed: removed.collect(),
        in_use: report.in_use,
        slots_unknown: report.slots_unknown,
        left: number(report.left),
    }
}

pub(crate) fn findings_of(root: &Path, report: repair::Report) -> BindingCacheFindings {
    let findings = report.findings.into_iter().map(|finding| BindingCacheFinding {
        kind: finding.kind.word().to_owned(),
        name: finding.name,
        condition: finding.condition.word().to_owned(),
        is_failure: finding.condition.is_failure(),
        package_path: finding.package.as_deref().map(text),
    });
    let unusable = report.unusable.into_iter();
    let unusable = unusable.map(|(path, reason)| BindingCacheUnusable { path: text(&path), reason });
    BindingCacheFindings { root: text(root), findings: findings.collect(), unusable: unusable.collect() }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

/// A time as JavaScript takes it.
#[expect(clippy::cast_precision_loss, reason = "times of files are below 2^53 seconds")]
fn time(seconds: i64) -> f64 {
    seconds as f64
}
