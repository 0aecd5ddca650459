//! `extract`, `slot`, `warm` and `repair`: tools that unpack. Each checks every digest of what it makes visible (S19).

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use flavor_store::ZeroUmask;
use flavor_store::environment::{Part, shared_slots};
use flavor_store::extract::extract_slot;
use flavor_store::location::places;
use flavor_store::publish::{Presence, Records, ensure_slot, has_slot, is_believed, publish_slot};
use flavor_store::root::{Root, Space};
use flavor_store::slot_key::slot_key;
use flavor_store::staging::Staging;
use flavor_store::usage::enter;
use pspf::{ErrorCode, Package, ReadAt};

use super::{Asked, Context, line, wrong};
use crate::failure::{Failure, Result, escaped};
use crate::foreign::is_native;
use crate::json::{Object, array, text};
use crate::lifecycle::{decide, is_lazy};
use crate::output::to_stdout;
use crate::package_file::PackageFile;
use crate::planning::{flavor_of, require_target};
use crate::process::occupy_standard_descriptors;
use crate::progress::Progress;
use crate::settings::variable;
use crate::start::{Cold, Keep, cold, warm as warm_start};
use crate::trust;
use crate::validation::Level;

/// `extract [--output DIR] [SLOT…]`.
pub(super) fn extract(context: &mut Context, asked: &Asked) -> Result<()> {
    occupy_standard_descriptors();
    let package = open(context)?;
    flavor_of(&package)?;
    let slots = &package.metadata().slots;
    let mut wanted: Vec<usize> = (0..slots.len()).filter(|slot| !slots[*slot].self_ref).collect();
    if !asked.words.is_empty() {
        wanted = asked.words.iter().map(|word| position_of(&package, word)).collect::<Result<Vec<_>>>()?;
    }
    let parent = Path::new(asked.value.unwrap_or(OsStr::new(".")));
    std::fs::create_dir(parent).or_else(|error| match error.kind() {
        ErrorKind::AlreadyExists => Ok(()),
        _ => Err(cannot_create(parent, &error)),
    })?;
    for slot in wanted {
        let id = &slots[slot].id;
        let folder = parent.join(folder_name(slot, id));
        extract_slot(&package, slot, &folder)?;
        context.file.require_unchanged()?;
        let shown = folder.display().to_string();
        asked.print(
            "extract",
            |object| object.number("slot", slot as u64).text("id", id).text("path", &shown),
            || format!("slot {slot} ({}): {}\n", escaped(id), escaped(&shown)),
        );
    }
    Ok(())
}

/// One plain component, whatever the id is; `flavor extract-all` has the same names.
fn folder_name(slot: usize, id: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let id: String = id.chars().take(100).map(|letter| if plain(letter) { letter } else { '_' }).collect();
    format!("{slot:02}_{id}")
}

/// `slot SLOT`: the place where programs find it.
pub(super) fn slot(context: &mut Context, asked: &Asked) -> Result<()> {
    occupy_standard_descriptors();
    let package = open(context)?;
    let flavor = flavor_of(&package)?;
    require_target(flavor)?;
    let slot = position_of(&package, asked.words[0])?;
    let entry = &package.metadata().slots[slot];
    // Who may not start gets nothing into the store either.
    trust::asked(&package)?;
    let decided = decide(&package, Records::Believed, variable)?;
    let data = decided.data.iter().find(|(position, _)| *position == slot).map(|(_, path)| path);
    let folder =
        flavor.workenv.unpack.iter().find(|unpack| unpack.slot == slot as u64).map(|unpack| &unpack.into);
    let path = match (decided.wanted.parts[slot], data, folder) {
        (Part::Outside, Some(path), _) => {
            let _umask = ZeroUmask::set();
            flavor_store::data::copy_once(path, &package, slot)?;
            path.clone()
        }
        (Part::Shared, ..) => published(context, &package, slot)?,
        (Part::Absent, ..) if is_lazy(entry) => published(context, &package, slot)?,
        (Part::Private, _, Some(folder)) => workenv(context)?.join(folder),
        _ => {
            let message = format!(
                "slot {slot} ({:?}) has no place of its own that lasts longer than a start",
                entry.id
            );
            return Err(Failure::new(ErrorCode::LaunchLifecycle, message));
        }
    };
    context.file.require_unchanged()?;
    if asked.json {
        let info = &package.metadata().package;
        let json = |object: Object| {
            let object = object.text("name", &info.name).text("version", &info.version);
            let object = object.number("slot", slot as u64).text("id", &entry.id);
            object.text("path", &path.display().to_string())
        };
        asked.print("slot", json, String::new);
    } else {
        // Bytes as they are: whoever asked opens this path.
        to_stdout(&[path.as_os_str().as_encoded_bytes(), b"\n"].concat());
    }
    Ok(())
}

/// The work environment, composed now if no receipt vouches for it.
fn workenv(context: &mut Context) -> Result<PathBuf> {
    if let Ok(warm) = warm_start(context.file, context.log) {
        return Ok(warm.plan.workenv);
    }
    let how = how(context, Records::Believed, Keep::Prepared);
    Ok(cold(context.file, how, context.name)?.plan.workenv)
}

/// Where a shared slot lies, brought in if it is not there. A store that has it is used before one that could take it.
fn published(context: &Context, package: &Package<&PackageFile>, slot: usize) -> Result<PathBuf> {
    let key = slot_key(package, slot)?;
    let places = places(variable);
    for place in &places {
        if let Ok(Some(root)) = Root::open(&place.path)
            && is_believed(&root, &key)
        {
            return Ok(root.slot_path(&key));
        }
    }
    let _umask = ZeroUmask::set();
    let _progress = Progress::begin(context.name, &context.file.read, package.descriptors()[slot].size);
    let unpacked = flavor_of(package)?.slots[slot].unpacked;
    let root = Root::take(&places, |_| Space { bytes: unpacked.bytes, members: unpacked.members })?;
    // The collector stays out until the slot is there; afterwards it is young (STORE.md 14.2).
    let _entered = enter(&root)?;
    let staging = Staging::create(&root)?;
    Ok(ensure_slot(&root, &staging, package, slot)?.path)
}

/// `warm`.
pub(super) fn warm(context: &mut Context, asked: &Asked) -> Result<()> {
    let how = how(context, Records::Believed, Keep::Durable);
    let ready = cold(context.file, how, context.name)?;
    let workenv = ready.plan.workenv.display().to_string();
    asked.print(
        "warm",
        |object| object.text("workenv", &workenv),
        || format!("ready: {}\n", escaped(&workenv)),
    );
    Ok(())
}

/// `repair`: everything that was unpacked is compared with the package (S18), and nothing runs.
pub(super) fn repair(context: &mut Context, asked: &Asked) -> Result<()> {
    let package = open(context)?;
    let how = how(context, Records::Examined, Keep::Prepared);
    let mut repaired = cold(context.file, how, context.name)?.repaired;
    let compared = !is_native(&package);
    if compared {
        repaired.extend(repair_lazy(&package)?);
    }
    let json = |object: Object| {
        let repaired = array(repaired.iter().map(|what| text(what)));
        object.flag("compared", compared).raw("repaired", &repaired)
    };
    let lines = || match repaired.as_slice() {
        [] if !compared => {
            "a private environment cannot be compared with its package; it is complete\n".into()
        }
        [] => "everything is as the package says\n".into(),
        repaired => repaired.iter().map(|what| line("repaired", what)).collect(),
    };
    asked.print("repair", json, lines);
    Ok(())
}

/// The same for lazy slots that a program asked for earlier: a start leaves them alone.
fn repair_lazy(package: &Package<&PackageFile>) -> Result<Vec<String>> {
    let _umask = ZeroUmask::set();
    let mut repaired = Vec::new();
    for place in places(variable) {
        let Ok(Some(root)) = Root::open(&place.path) else { continue };
        let slots = &package.metadata().slots;
        for slot in shared_slots(package).into_iter().filter(|slot| is_lazy(&slots[*slot])) {
            if has_slot(&root, &slot_key(package, slot)?) {
                let _entered = enter(&root)?;
                let staging = Staging::create(&root)?;
                let found = publish_slot(&root, &staging, package, slot, Records::Examined)?;
                if found.presence == Presence::Repaired {
                    repaired.push(format!("slot {slot}"));
                }
            }
        }
    }
    Ok(repaired)
}

fn how<'a>(context: &Context<'a>, records: Records, keep: Keep) -> Cold<'a> {
    let typed = context.file.path.as_os_str();
    Cold { records, keep, level: Level::Strict, typed, log: context.log }
}

fn open<'file>(context: &mut Context<'file>) -> Result<Package<&'file PackageFile>> {
    crate::validation::open_metadata(context.file, context.log, context.name)
}

/// A slot by its number or its id.
fn position_of<R: ReadAt>(package: &Package<R>, wanted: &OsStr) -> Result<usize> {
    let slots = &package.metadata().slots;
    let by_id = slots.iter().position(|slot| *slot.id == *wanted);
    let by_number = || (0..slots.len()).find(|number| *number.to_string() == *wanted);
    by_id.or_else(by_number).ok_or_else(|| {
        let known: Vec<&str> = slots.iter().map(|slot| slot.id.as_str()).collect();
        wrong(&format!("there is no slot `{}`; the package has {}", wanted.display(), known.join(", ")))
    })
}

fn cannot_create(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(ErrorCode::StoreIo, format!("cannot create the folder `{}`: {error}", folder.display()))
}
