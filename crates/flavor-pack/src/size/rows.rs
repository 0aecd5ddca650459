//! The tree of rows: the regions of the file, and below each slot what is in it. A row's stored bytes are those of its
//! children; what has none is counted once, so rows without children add up to the file.

use std::collections::HashMap;

use super::SlotSize;
use super::owners::Owners;
use super::read::{Content, Held};
use crate::{Error, Result};

/// What a row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// The whole file.
    Package,
    /// The executable at its head.
    Launcher,
    /// The signed text with its framing.
    Metadata,
    /// One descriptor for each slot.
    SlotTable,
    /// One slot.
    Slot,
    /// The index block and its marks.
    Trailer,
    /// Gaps between regions.
    Padding,
    /// An installed distribution.
    Distribution,
    /// A part of the interpreter, or what belongs to no distribution.
    Part,
    /// A folder.
    Folder,
    /// A file.
    File,
    /// What of an archive belongs to no file.
    Archive,
}

impl RowKind {
    /// The word that callers show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Launcher => "launcher",
            Self::Metadata => "metadata",
            Self::SlotTable => "slot-table",
            Self::Slot => "slot",
            Self::Trailer => "trailer",
            Self::Padding => "padding",
            Self::Distribution => "distribution",
            Self::Part => "part",
            Self::Folder => "folder",
            Self::File => "file",
            Self::Archive => "archive",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row that it is a part of, always an earlier one; none for the package.
    pub parent: Option<usize>,
    /// What it stands for.
    pub kind: RowKind,
    /// What it is called below its parent.
    pub name: String,
    /// Version of a distribution.
    pub version: Option<String>,
    /// Position of the slot that it is, or is a part of.
    pub slot: Option<usize>,
    /// Path of a file in its slot.
    pub path: Option<String>,
    /// Its bytes of the package file.
    pub stored: u64,
    /// Bytes of its files when they are unpacked.
    pub unpacked: u64,
    /// Number of its files.
    pub files: u64,
}

/// Builds the tree.
pub(super) struct Rows {
    rows: Vec<Row>,
    folders: HashMap<(usize, RowKind, String), usize>,
}

impl Rows {
    pub(super) fn new(name: &str) -> Self {
        let mut rows = Self { rows: Vec::new(), folders: HashMap::new() };
        rows.push(None, RowKind::Package, name, None);
        rows
    }

    /// A part of the file that is no slot.
    pub(super) fn region(&mut self, kind: RowKind, name: &str, stored: u64) {
        if stored > 0 {
            let row = self.push(Some(0), kind, name, None);
            self.count(row, stored, 0, 0);
        }
    }

    /// A slot and what is in it.
    pub(super) fn slot(&mut self, slot: &SlotSize, content: &Content) {
        let name = if slot.id.is_empty() { format!("slot {}", slot.index) } else { slot.id.clone() };
        let row = self.push(Some(0), RowKind::Slot, &name, Some(slot.index));
        if !slot.tree {
            self.count(row, slot.stored, slot.unpacked, slot.files);
            return;
        }
        let owners = Owners::of(content);
        let is_runtime = slot.role.as_deref() == Some("runtime");
        for file in &content.files {
            let (group, path) = if is_runtime {
                (self.child(row, RowKind::Part, runtime_part(&file.path)), file.path.as_str())
            } else if let Some(owner) = owners.owner(&file.path) {
                let distribution = &owners.distributions[owner];
                let group = self.child(row, RowKind::Distribution, &distribution.name);
                self.rows[group].version = Some(distribution.version.clone());
                (group, below(&distribution.base, &file.path))
            } else if owners.distributions.is_empty() {
                (row, file.path.as_str())
            } else {
                (self.child(row, RowKind::Part, "other files"), file.path.as_str())
            };
            self.file(group, path, file);
        }
        if content.rest > 0 {
            let rest =
                self.push(Some(row), RowKind::Archive, "folders and ends of archives", Some(slot.index));
            self.count(rest, content.rest, 0, 0);
        }
    }

    /// The rows, with what lies between the regions of a file of so many bytes.
    pub(super) fn finish(mut self, size: u64) -> Result<Vec<Row>> {
        let found = self.rows[0].stored;
        // Regions do not overlap, and lie inside the file: the reader has checked that.
        let gaps = size.checked_sub(found).ok_or_else(|| Error::Internal {
            message: format!("the rows add up to {found} bytes of a file of {size}"),
        })?;
        self.region(RowKind::Padding, "padding", gaps);
        Ok(self.rows)
    }

    fn file(&mut self, group: usize, path: &str, file: &Held) {
        let (folders, name) =
            path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        let mut parent = group;
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            parent = self.child(parent, RowKind::Folder, folder);
        }
        let slot = self.rows[parent].slot;
        let row = self.push(Some(parent), RowKind::File, name, slot);
        self.rows[row].path = Some(file.path.clone());
        self.count(row, file.stored, file.size, 1);
    }

    fn child(&mut self, parent: usize, kind: RowKind, name: &str) -> usize {
        let key = (parent, kind, name.to_owned());
        if let Some(row) = self.folders.get(&key) {
            return *row;
        }
        let slot = self.rows[parent].slot;
        let row = self.push(Some(parent), kind, name, slot);
        self.folders.insert(key, row);
        row
    }

    fn push(&mut self, parent: Option<usize>, kind: RowKind, name: &str, slot: Option<usize>) -> usize {
        self.rows.push(Row {
            parent,
            kind,
            name: name.to_owned(),
            version: None,
            slot,
            path: None,
            stored: 0,
            unpacked: 0,
            files: 0,
        });
        self.rows.len() - 1
    }

    /// Counts for a row and everything above it.
    fn count(&mut self, row: usize, stored: u64, unpacked: u64, files: u64) {
        let mut next = Some(row);
        while let Some(row) = next {
            let row = &mut self.rows[row];
            row.stored += stored;
            row.unpacked += unpacked;
            row.files += files;
            next = row.parent;
        }
    }
}

fn below<'a>(base: &str, path: &'a str) -> &'a str {
    path.strip_prefix(base).and_then(|path| path.strip_prefix('/')).unwrap_or(path)
}

/// What a file of an interpreter is a part of.
fn runtime_part(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_library = name.contains(".so.") || has_end(name, &["so", "dylib", "dll"]);
    let first = path.split('/').next().unwrap_or(path);
    let rest: Vec<&str> = path.split('/').skip(1).collect();
    let lower = first.to_ascii_lowercase();
    // `lib/python3.14/…` everywhere but on Windows, where it is `Lib/…`.
    let library = match (lower.as_str(), rest.first()) {
        ("lib", Some(second)) if second.starts_with("python") && rest.len() > 1 => Some(&rest[1..]),
        ("lib", Some(_)) if first == "Lib" => Some(&rest[..]),
        _ => None,
    };
    let is_tcl = |name: &str| {
        ["tcl", "tk", "itcl", "thread", "libtcl", "libtk", "_tkinter"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    match (lower.as_str(), library) {
        _ if has_end(name, &["a", "lib"]) => "static libraries",
        (_, Some(["lib-dynload", ..])) | ("dlls", _) if is_tcl(name) => "Tcl, Tk and tkinter",
        (_, Some(["lib-dynload", ..])) | ("dlls", _) => "extension modules",
        (_, Some(["tkinter", ..])) | ("tcl", _) => "Tcl, Tk and tkinter",
        (_, Some(["test" | "tests", ..])) => "tests of the standard library",
        (_, Some(["ensurepip", ..])) => "ensurepip",
        (_, Some(["idlelib" | "turtledemo", ..])) => "IDLE",
        (_, Some(_)) => "standard library",
        ("lib", None) if rest.first().is_some_and(|name| is_tcl(name)) => "Tcl, Tk and tkinter",
        ("include", _) => "headers",
        _ if is_library => "shared libraries",
        ("bin", _) => "interpreter",
        (_, _) if rest.is_empty() && has_end(name, &["exe"]) => "interpreter",
        _ => "other files",
    }
}

fn has_end(name: &str, ends: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| ends.iter().any(|one| end.eq_ignore_ascii_case(one)))
}

#[cfg(test)]
mod tests {
    use super::runtime_part;

    #[test]
    fn an_interpreter_has_its_parts_on_every_system() {
        for (path, part) in [
            ("bin/python3.14", "interpreter"),
            ("python.exe", "interpreter"),
            ("lib/python3.14/os.py", "standard library"),
            ("Lib/os.py", "standard library"),
            ("lib/python3.14/lib-dynload/_ssl.so", "extension modules"),
            ("DLLs/_ssl.pyd", "extension modules"),
            ("DLLs/_tkinter.pyd", "Tcl, Tk and tkinter"),
            ("lib/libtcl9.0.so", "Tcl, Tk and tkinter"),
            ("lib/itcl4.3.5/pkgIndex.tcl", "Tcl, Tk and tkinter"),
            ("lib/libpython3.14.so.1.0", "shared libraries"),
            ("vcruntime140.dll", "shared libraries"),
            ("lib/libpython3.14.a", "static libraries"),
            ("include/python3.14/Python.h", "headers"),
            ("lib/python3.14/test/x.py", "tests of the standard library"),
            ("share/man/x", "other files"),
        ] {
            assert_eq!(runtime_part(path), part, "{path}");
        }
    }
}
