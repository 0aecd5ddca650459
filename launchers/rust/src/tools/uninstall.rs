//! `uninstall`: takes away what starts of this package left on the machine (LAUNCH.md 8.9, S15). What is in use stays; what other
//! packages use stays; the user's data stays unless they say otherwise. The package file itself is the user's to remove.

use std::path::{Path, PathBuf};

use flavor_store::collect::{Item, remove_package};
use flavor_store::data;
use flavor_store::environment::{environment_names, shared_slots};
use flavor_store::location::places;
use flavor_store::private::PrivateName;
use flavor_store::publish::Records;
use flavor_store::root::Root;
use flavor_store::slot_key::slot_key;
use pspf::{ErrorCode, Package};

use super::{Asked, Context, line, links};
use crate::failure::{Failure, Result};
use crate::foreign::is_native;
use crate::json::{Object, array, text};
use crate::lifecycle::decide;
use crate::package_file::PackageFile;
use crate::process::occupy_standard_descriptors;
use crate::settings::variable;

/// What went, or would go.
#[derive(Default)]
struct Gone {
    items: Vec<(PathBuf, Item)>,
    data: Vec<PathBuf>,
    links: Vec<PathBuf>,
    in_use: Vec<PathBuf>,
    /// Private environments, in which programs of other builders keep files of the user (STORE.md 8.7).
    kept: Vec<PathBuf>,
}

/// `uninstall [--dry-run] [--data] [--links DIR]`.
pub(super) fn uninstall(context: &mut Context, asked: &Asked) -> Result<()> {
    occupy_standard_descriptors();
    let package = crate::validation::open_metadata(context.file, context.log, context.name)?;
    let dry_run = asked.has("--dry-run");
    let mut gone = Gone::default();
    // Asked for first: if there is no answer, nothing has gone yet.
    let with_data = asked.has("--data");
    let data = if with_data { data_of(&package)? } else { Vec::new() };
    from_stores(&package, with_data, dry_run, &mut gone)?;
    if gone.in_use.is_empty() {
        for path in data {
            if data::remove(&path, dry_run)? {
                gone.data.push(path);
            }
        }
        if let (Some(folder), Some(flavor)) = (asked.value, package.flavor()) {
            gone.links = links::remove(context.file, flavor, Path::new(folder), dry_run)?;
        }
    }
    print(asked, &gone, dry_run);
    match gone.in_use.first() {
        None => Ok(()),
        Some(path) => {
            let message = format!("a program is running from `{}`; it was left alone", path.display());
            Err(Failure::new(ErrorCode::StoreInUse, message))
        }
    }
}

/// Every store that starts of this user may have used.
fn from_stores(
    package: &Package<&PackageFile>,
    with_data: bool,
    dry_run: bool,
    gone: &mut Gone,
) -> Result<()> {
    let mut folders = environment_names(package);
    let private = PrivateName::of(package);
    if with_data {
        folders.push(private.as_str().to_owned());
    }
    let mut keys = Vec::new();
    if !is_native(package) {
        for slot in shared_slots(package) {
            keys.push(slot_key(package, slot)?);
        }
    }
    for place in places(variable) {
        let Ok(Some(root)) = Root::open(&place.path) else { continue };
        let report = remove_package(&root, &folders, &keys, dry_run)?;
        let path = root.path().to_path_buf();
        let private = root.environment_path(private.as_str());
        if !with_data && private.exists() {
            gone.kept.push(private);
        }
        gone.items.extend(report.removed.into_iter().map(|item| (path.clone(), item)));
        gone.in_use.extend(report.in_use.iter().map(|name| root.environment_path(name)));
    }
    Ok(())
}

/// Where the package keeps data of the user, with the variables of now.
fn data_of(package: &Package<&PackageFile>) -> Result<Vec<PathBuf>> {
    if is_native(package) {
        return Ok(Vec::new());
    }
    let decided = decide(package, Records::Believed, variable)?;
    Ok(decided.data.into_iter().map(|(_, path)| path).collect())
}

fn print(asked: &Asked, gone: &Gone, dry_run: bool) {
    let Gone { items, data, links, in_use, kept } = gone;
    let shown = |path: &PathBuf| path.display().to_string();
    let json = |object: Object| {
        let removed = items.iter().map(|(store, item)| {
            let object = Object::new().text("store", &shown(store)).text("kind", item.kind.word());
            object.text("name", &item.name).number("bytes", item.bytes).finish()
        });
        let paths = |paths: &[PathBuf]| array(paths.iter().map(|path| text(&shown(path))));
        object
            .flag("dry_run", dry_run)
            .raw("removed", &array(removed))
            .raw("data", &paths(data))
            .raw("links", &paths(links))
            .raw("in_use", &paths(in_use))
            .raw("kept", &paths(kept))
    };
    let lines = || {
        let word = if dry_run { "would go" } else { "removed" };
        let mut lines: String = items
            .iter()
            .map(|(store, item)| {
                let name = format!("{} {} in {}", item.kind.word(), item.name, store.display());
                line(word, &format!("{name} ({} bytes)", item.bytes))
            })
            .collect();
        lines.extend(data.iter().map(|path| line(word, &format!("data {}", path.display()))));
        lines.extend(links.iter().map(|path| line(word, &format!("link {}", path.display()))));
        lines.extend(kept.iter().map(|path| line("kept", &format!("{}; --data removes it", path.display()))));
        lines.extend(in_use.iter().map(|path| line("in use", &shown(path))));
        if lines.is_empty() { "nothing of this package is unpacked here\n".into() } else { lines }
    };
    asked.print("uninstall", json, lines);
}
