//! `install-links`: one link a command, so that each can be started by its name (LAUNCH.md 5.1, 8.6), and the way back. Everything is decided before
//! the first link is made, so that a refusal leaves the folder as it was.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use pspf::metadata::Flavor;
use pspf::{ErrorCode, Package};

use super::{Asked, Context, line};
use crate::failure::{Failure, Result};
use crate::json::{Object, array, text};
use crate::package_file::PackageFile;
use crate::planning::flavor_of;
use crate::process::link;

/// What becomes of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Unchanged,
    Replaced,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::New => "linked",
            Self::Unchanged => "unchanged",
            Self::Replaced => "replaced",
        }
    }
}

/// `install-links DIR [--force]`.
pub(super) fn install(context: &Context, asked: &Asked) -> Result<()> {
    let package = Package::open(context.file)?;
    let flavor = flavor_of(&package)?;
    let (folder, target) = (Path::new(asked.words[0]), context.file.path.as_path());
    if !folder.is_dir() {
        let message = format!("cannot make links in `{}`, which is no folder", folder.display());
        return Err(Failure::new(ErrorCode::StoreIo, message));
    }
    let (mut links, mut left_out) = (Vec::new(), Vec::new());
    for name in flavor.commands.keys() {
        match link_path(context.file, flavor, name, folder) {
            Some(path) => links.push((name, decide(&path, target, asked.has("--force"))?, path)),
            None => left_out.push(name),
        }
    }
    for (_, state, path) in &links {
        let made = match state {
            State::Unchanged => Ok(()),
            // Fails where something has come to be meanwhile.
            State::New => link(target, path),
            State::Replaced => replace(path, target),
        };
        made.map_err(|error| cannot(path, &error.to_string(), ErrorCode::StoreIo))?;
    }
    let json = |object: Object| {
        let links = links.iter().map(|(name, state, path)| {
            let object = Object::new().text("command", name).text("path", &path.display().to_string());
            object.text("state", state.word()).finish()
        });
        let left_out = array(left_out.iter().map(|name| text(name)));
        object.raw("links", &array(links)).raw("left_out", &left_out)
    };
    let text_form = || {
        let made =
            links.iter().map(|(_, state, path)| line(state.word(), &path.display().to_string())).collect();
        left_out.iter().fold(made, |lines: String, name| lines + &line("left out", name))
    };
    asked.print("install-links", json, text_form);
    Ok(())
}

/// Removes the links in `folder` that `install-links` made for this package; their paths.
pub(super) fn remove(
    file: &PackageFile,
    flavor: &Flavor,
    folder: &Path,
    dry_run: bool,
) -> Result<Vec<PathBuf>> {
    let paths = flavor.commands.keys().filter_map(|name| link_path(file, flavor, name, folder));
    let links: Vec<PathBuf> =
        paths.filter(|path| std::fs::read_link(path).is_ok_and(|found| found == file.path)).collect();
    for path in links.iter().filter(|_| !dry_run) {
        std::fs::remove_file(path).map_err(|error| {
            let message = format!("cannot remove the link `{}`: {error}", path.display());
            Failure::new(ErrorCode::StoreIo, message)
        })?;
    }
    Ok(links)
}

/// The link of a command; `None` where there cannot be one.
fn link_path(file: &PackageFile, flavor: &Flavor, name: &str, folder: &Path) -> Option<PathBuf> {
    let mut components = Path::new(name).components();
    let plain = matches!((components.next(), components.next()), (Some(Component::Normal(part)), None) if part == name);
    // A link of the file's own name starts the default command, whatever command has that name.
    let file_name = format!("{name}{EXE_SUFFIX}");
    let is_own = file.base_name() == OsStr::new(&file_name);
    let path = folder.join(&file_name);
    let is_package =
        is_own && path.canonicalize().is_ok_and(|found| found == file.path && !path.is_symlink());
    (plain && !is_package && (!is_own || name == flavor.default)).then_some(path)
}

fn decide(path: &Path, target: &Path, force: bool) -> Result<State> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::New),
        Err(error) => return Err(cannot(path, &error.to_string(), ErrorCode::StoreIo)),
    };
    if !found.is_symlink() {
        return Err(cannot(path, "something else is there already", ErrorCode::StoreOutput));
    }
    if std::fs::read_link(path).is_ok_and(|found| found == target) {
        return Ok(State::Unchanged);
    }
    if force && starts_a_package_or_nothing(path) {
        return Ok(State::Replaced);
    }
    let reason = if force {
        "a link to something that is no package is there already"
    } else {
        "another link is there already; --force replaces it if it leads to a package or nowhere"
    };
    Err(cannot(path, reason, ErrorCode::StoreOutput))
}

fn starts_a_package_or_nothing(link: &Path) -> bool {
    match link.metadata() {
        Ok(found) => found.is_file() && PackageFile::at(link).is_ok_and(|file| file.trailer().is_some()),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Puts a new link in the place of an old one, at once.
fn replace(path: &Path, target: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().display();
    let staged = path.with_file_name(format!(".{name}.{}", std::process::id()));
    link(target, &staged)?;
    std::fs::rename(&staged, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&staged);
    })
}

fn cannot(path: &Path, reason: &str, code: ErrorCode) -> Failure {
    Failure::new(code, format!("cannot make the link `{}`: {reason}", path.display()))
}
