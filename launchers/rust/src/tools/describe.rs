//! `info`, `commands` and `metadata`: what the signed metadata says.

use pspf::metadata::Flavor;
use pspf::{Package, hex};

use super::{Asked, Context, line};
use crate::failure::Result;
use crate::json::{Object, array, text};
use crate::output::to_stdout;
use crate::package_file::PackageFile;
use crate::planning::flavor_of;

/// `info`.
pub(super) fn info(context: &Context, asked: &Asked) -> Result<()> {
    let package = Package::open(context.file)?;
    asked.print("info", |object| json(&package, object), || lines(&package));
    Ok(())
}

fn lines(package: &Package<&PackageFile>) -> String {
    let metadata = package.metadata();
    let mut text = line("name", &metadata.package.name) + &line("version", &metadata.package.version);
    if let Some(description) = metadata.package.description.as_ref().filter(|text| !text.is_empty()) {
        text += &line("about", description);
    }
    text += &line("signer", &hex::encode(&package.fingerprint()));
    let Some(flavor) = package.flavor() else { return text };
    if let Some(claims) = &flavor.signer.claims {
        text += &line("", &format!("claims {claims:?}"));
    }
    text += &line("target", &target(flavor));
    text += &line("launcher", &format!("{} {}", flavor.launcher.kind, flavor.launcher.version));
    for name in flavor.commands.keys() {
        let default = if *name == flavor.default { " (default)" } else { "" };
        text += &line("command", &format!("{name}{default}"));
    }
    for (slot, entry) in flavor.slots.iter().zip(&metadata.slots) {
        let unpacked = slot.unpacked;
        let (id, role, lifecycle) = (&entry.id, &slot.role, &entry.lifecycle);
        let size = format!("{} bytes in {} members", unpacked.bytes, unpacked.members);
        text += &line("slot", &format!("{id} ({role}, {lifecycle}): {size}"));
    }
    text
}

fn json(package: &Package<&PackageFile>, object: Object) -> Object {
    let metadata = package.metadata();
    let mut object = object
        .text("name", &metadata.package.name)
        .text("version", &metadata.package.version)
        .text("signer", &hex::encode(&package.fingerprint()))
        .number("size", package.length());
    if let Some(description) = metadata.package.description.as_ref().filter(|text| !text.is_empty()) {
        object = object.text("description", description);
    }
    let Some(flavor) = package.flavor() else { return object };
    if let Some(claims) = &flavor.signer.claims {
        object = object.text("claims", claims);
    }
    let launcher =
        Object::new().text("kind", &flavor.launcher.kind).text("version", &flavor.launcher.version);
    let slots = flavor.slots.iter().zip(&metadata.slots).enumerate().map(|(position, (slot, entry))| {
        Object::new()
            .number("slot", position as u64)
            .text("id", &entry.id)
            .text("role", &slot.role)
            .text("lifecycle", &entry.lifecycle)
            .text("operations", &entry.operations)
            .number("stored", entry.size)
            .number("bytes", slot.unpacked.bytes)
            .number("members", slot.unpacked.members)
            .finish()
    });
    object
        .text("target", &target(flavor))
        .raw("launcher", &launcher.finish())
        .text("default", &flavor.default)
        .raw("commands", &array(flavor.commands.keys().map(|name| text(name))))
        .raw("slots", &array(slots))
}

fn target(flavor: &Flavor) -> String {
    let target = &flavor.target;
    match &target.libc {
        Some(libc) => format!("{}_{} ({libc})", target.os, target.arch),
        None => format!("{}_{}", target.os, target.arch),
    }
}

/// `commands`.
pub(super) fn commands(context: &Context, asked: &Asked) -> Result<()> {
    let package = Package::open(context.file)?;
    let flavor = flavor_of(&package)?;
    let json = |object: Object| {
        let commands = array(flavor.commands.keys().map(|name| text(name)));
        object.text("default", &flavor.default).raw("commands", &commands)
    };
    let lines = || {
        let mark = |name: &String| if *name == flavor.default { "*" } else { " " };
        let line = |name: &String| format!("{} {}\n", mark(name), crate::failure::escaped(name));
        flavor.commands.keys().map(line).collect()
    };
    asked.print("commands", json, lines);
    Ok(())
}

/// `metadata`.
pub(super) fn metadata(context: &Context) -> Result<()> {
    let package = Package::open(context.file)?;
    to_stdout(&[package.metadata_json(), b"\n"].concat());
    Ok(())
}
