//! Removing a tree below a descriptor without following a link (S15). The tree may hold what a program wrote into its
//! work environment.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

/// Removes `name` below `parent`, whatever it is. Absence is success.
pub(crate) fn remove_tree(parent: impl AsFd, name: &CStr) -> rustix::io::Result<()> {
    let parent = parent.as_fd();
    // Directories answer EISDIR on Linux and EPERM elsewhere.
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(parent, name, flags, Mode::empty());
    let directory = match open() {
        // A program took its own permission away. That it is a directory was just seen, in a folder of the user's own.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
            open()?
        }
        opened => opened?,
    };
    for child in names(&directory)? {
        match remove_tree(&directory, &child) {
            Err(Errno::ACCESS) => {
                rustix::fs::fchmod(&directory, Mode::RWXU)?;
                remove_tree(&directory, &child)?;
            }
            removed => removed?,
        }
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}

/// The names in a directory, without `.` and `..`.
pub(crate) fn names(directory: &OwnedFd) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
