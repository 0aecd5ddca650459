//! The composition of a work environment as a plan asks for it (security rule S15): paths are relative and unique,
//! nothing passes through a link or a file, links lead to members that exist, placeholders name shared slots.
//! Launchers check again; here a mistake fails the build instead of every start.

use std::path::Path;

use pspf::composition::{self, Broken, Paper};
use pspf::layout;
use pspf::metadata::{Command, Workenv};
use pspf::operations::OperationChain;
use pspf::placeholder::{Piece, pieces, slot_number};
use pspf::tar;

use crate::judgement::{Ground, implied, unfit};
use crate::material::Material;
use crate::plan::{PlanFlavor, check_text, check_variable};
use crate::{Error, Result};

/// What can be checked before any tree is looked at.
pub(crate) fn check_flavor(flavor: &PlanFlavor, slots: usize) -> Result<()> {
    let at = |key: &str| format!("extensions.x-flavor.{key}");
    if flavor.schema != 1 {
        return Err(Error::plan(at("schema"), format!("{}, expected 1", flavor.schema)));
    }
    if flavor.slots.len() != slots {
        let message = format!("{} entries for {slots} slots", flavor.slots.len());
        return Err(Error::plan(at("slots"), message));
    }
    let libc = flavor.target.libc.as_deref().unwrap_or("gnu");
    for (key, word, allowed) in [
        ("target.os", flavor.target.os.as_str(), ["linux", "darwin", "windows"].as_slice()),
        ("target.arch", &flavor.target.arch, &["amd64", "arm64"]),
        ("target.libc", libc, &["gnu", "musl"]),
        ("launcher.kind", &flavor.launcher.kind, &["rust", "go", "other"]),
    ] {
        if !allowed.contains(&word) {
            return Err(Error::plan(at(key), format!("{word:?}, expected one of {}", allowed.join(", "))));
        }
    }
    check_text(&at("launcher.version"), &flavor.launcher.version)?;
    if let Some(alignment) = flavor.alignment.filter(|own| !layout::PAGE_ALIGNMENTS.contains(own)) {
        let message = format!("{alignment}, expected one of {:?} or none", layout::PAGE_ALIGNMENTS);
        return Err(Error::plan(at("alignment"), message));
    }
    if flavor.commands.is_empty() {
        for (key, stated) in
            [("default", !flavor.default.is_empty()), ("workenv", flavor.workenv != Workenv::default())]
        {
            if stated {
                return Err(Error::plan(at(key), "is stated, but there are no commands"));
            }
        }
    } else if !flavor.commands.contains_key(&flavor.default) {
        return Err(Error::plan(at("default"), format!("{:?} is not among the commands", flavor.default)));
    }
    for (name, command) in &flavor.commands {
        check_text(&at("commands"), name)?;
        check_command(flavor, &at(&format!("commands.{name}")), command)?;
    }
    for file in &flavor.workenv.files {
        check_placeholders(flavor, &at("workenv.files"), &file.content)?;
        if !matches!(file.mode.as_str(), "0644" | "0755") {
            return Err(Error::plan(
                at("workenv.files"),
                format!("mode {:?}, expected 0644 or 0755", file.mode),
            ));
        }
    }
    for unpack in &flavor.workenv.unpack {
        if slot(flavor, &at("workenv.unpack"), unpack.slot)?.share {
            let message = format!("slot {} is shared; only private slots are unpacked into it", unpack.slot);
            return Err(Error::plan(at("workenv.unpack"), message));
        }
    }
    let stated = |path: &&String| !path.is_empty();
    for (at, paths) in [
        // Empty: the environment itself, and the root of a slot (FORMAT.md §6).
        (
            at("workenv.unpack"),
            flavor.workenv.unpack.iter().map(|unpack| &unpack.into).filter(stated).collect(),
        ),
        (at("workenv.links"), flavor.workenv.links.iter().map(|link| &link.to).filter(stated).collect()),
        (at("workenv.links"), flavor.workenv.links.iter().map(|link| &link.path).collect::<Vec<_>>()),
        (at("workenv.files"), flavor.workenv.files.iter().map(|file| &file.path).collect()),
        (at("workenv.path"), flavor.workenv.path.iter().collect()),
    ] {
        paths.into_iter().try_for_each(|path| check_path(&at, path))?;
    }
    for link in &flavor.workenv.links {
        if !slot(flavor, &at("workenv.links"), link.slot)?.share {
            let message = format!("slot {} is private; links lead to shared slots", link.slot);
            return Err(Error::plan(at("workenv.links"), message));
        }
    }
    Ok(())
}

fn slot<'a>(flavor: &'a PlanFlavor, at: &str, number: u64) -> Result<&'a crate::plan::PlanFlavorSlot> {
    usize::try_from(number)
        .ok()
        .and_then(|number| flavor.slots.get(number))
        .ok_or_else(|| Error::plan(at, format!("slot {number}, the package has {}", flavor.slots.len())))
}

fn check_command(flavor: &PlanFlavor, at: &str, command: &Command) -> Result<()> {
    match command.argv.first() {
        Some(program) => check_text(&format!("{at}.argv"), program)?,
        None => return Err(Error::plan(format!("{at}.argv"), "is empty")),
    }
    command.env.keys().try_for_each(|name| check_variable(&format!("{at}.env"), name))?;
    let texts = command.argv.iter().chain(command.env.values()).chain(&command.cwd);
    for text in texts {
        check_placeholders(flavor, at, text)?;
    }
    Ok(())
}

/// `{slot:N}` names a shared slot. Other braces are text, as launchers take them.
pub(crate) fn check_placeholders(flavor: &PlanFlavor, at: &str, text: &str) -> Result<()> {
    for piece in pieces(text) {
        let number = match piece {
            Piece::Slot(number) => slot_number(number),
            // Without its closing brace it is text to launchers, which nobody means.
            Piece::Text(text) if text.contains("{slot:") => None,
            Piece::Text(_) | Piece::Workenv => continue,
        };
        let Some(number) = number else {
            return Err(Error::plan(at, format!("malformed placeholder in {text:?}, expected {{slot:N}}")));
        };
        if !slot(flavor, at, number as u64)?.share {
            return Err(Error::plan(
                at,
                format!("{{slot:{number}}} names a private slot, which has no root"),
            ));
        }
    }
    Ok(())
}

fn check_path(at: &str, path: &str) -> Result<()> {
    tar::check_path(path).map_err(|error| Error::plan(at, error.to_string()))
}

/// Lays the work environment out on paper. Only packages with commands have one.
pub(crate) fn check_members(flavor: &PlanFlavor, materials: &[(Material, OperationChain)]) -> Result<()> {
    let workenv = &flavor.workenv;
    let broken = |broken: Broken| {
        Error::plan(format!("extensions.x-flavor.workenv.{}", broken.part.key()), broken.message)
    };
    // Slot numbers were checked by `check_flavor`; there is one material a slot.
    let material = |number: u64| &materials[usize::try_from(number).unwrap_or(usize::MAX)].0;
    let paper = Paper::lay_out(workenv, |slot| material(slot).members()).map_err(broken)?;
    composition::check_links(workenv, |slot, to| material(slot).member(to).map(|member| &member.kind))
        .map_err(broken)?;
    let paths = paper.members();
    let folders = implied(&paths);
    match unfit(paths.iter().chain(&folders), Ground::of_system(&flavor.target.os)) {
        Some((path, why)) => Err(Error::plan("extensions.x-flavor.workenv", format!("{path:?}: {why}"))),
        None => Ok(()),
    }
}

/// Refuses slots that the target's file systems cannot hold (security rule S13).
pub(crate) fn check_names(flavor: &PlanFlavor, materials: &[(Material, OperationChain)]) -> Result<()> {
    let ground = Ground::of_system(&flavor.target.os);
    materials.iter().try_for_each(|(material, _)| match unfit(material.members().into_iter(), ground) {
        Some((path, why)) => Err(Error::member(Path::new(path), why)),
        None => Ok(()),
    })
}
