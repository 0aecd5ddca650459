//! Windows: what `openat` and its kin do on Unix is done by `NtCreateFile` and `NtSetInformationFile` with the handle of a folder
//! as their root, so nobody who renames a folder on the way leads a start elsewhere, and no path is too long. Written from
//! Microsoft's documentation; what was tried of it, STORE.md 12 says.
//!
//! Reparse points (links, junctions, files that a driver makes up) are never passed: opening one is [`Errno::LOOP`]. Names that
//! Windows would read as something else are refused whoever asks for them (`system_windows_name`).
#![expect(unsafe_code, reason = "the functions of Windows have no safe form")]

use std::ffi::{OsStr, OsString, c_void};
use std::fs::{File, OpenOptions};
use std::os::windows::ffi::OsStringExt as _;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _};
use std::path::{Path, PathBuf};

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_OPEN_IF,
    FILE_OPEN_REPARSE_POINT, FILE_SYNCHRONOUS_IO_NONALERT, NTCREATEFILE_CREATE_DISPOSITION, NtCreateFile,
};
use windows_sys::Win32::Foundation::{OBJ_CASE_INSENSITIVE, UNICODE_STRING};
use windows_sys::Win32::Security::SECURITY_DESCRIPTOR;
use windows_sys::Win32::Storage::FileSystem::{
    CreateSymbolicLinkW, DELETE, FILE_APPEND_DATA, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL,
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_FULL_DIR_INFO, FILE_GENERIC_READ,
    FILE_GENERIC_WRITE, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE, FILE_TRAVERSE, FileFullDirectoryInfo, FileFullDirectoryRestartInfo,
    GetFileInformationByHandleEx, READ_CONTROL, SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE,
    SYMBOLIC_LINK_FLAG_DIRECTORY, SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use super::{FileKind, FileSystem};

#[path = "system_windows_change.rs"]
mod change;
#[path = "system_windows_error.rs"]
mod error;
#[path = "system_windows_file.rs"]
mod file;
#[path = "system_windows_name.rs"]
mod name;
#[path = "system_windows_security.rs"]
pub(crate) mod security;
#[cfg(test)]
#[path = "system_windows_tests.rs"]
mod tests;

use change::{dispose, patiently};
pub use error::Errno;
pub(crate) use error::is_refused_name;
pub(crate) use file::{
    Status, boot_id, file_system_at, find, find_link, lock, may_create_in, open_file_at, os_str, path_below,
    read_at, slashed, status_of, sync, sync_files, touch, variable_key, windows_folder,
};
use file::{final_path, wide};
pub use file::{has_reliable_change_time, os_string};
use name::{component, separated};

type Result<T> = std::result::Result<T, Errno>;

/// Everybody may do with a file what they may do on Unix while it is open here.
const SHARED: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
const READ_FOLDER: u32 =
    FILE_LIST_DIRECTORY | FILE_TRAVERSE | FILE_READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE;
const READ_FILE: u32 = FILE_GENERIC_READ;
const WRITE_FILE: u32 = FILE_GENERIC_READ | FILE_GENERIC_WRITE;

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(File);

impl Folder {
    /// The folder at `path`; the last component may be no reparse point.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.access_mode(READ_FOLDER).share_mode(SHARED);
        options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT);
        let opened = options.open(path).map_err(|error| Errno::of(&error))?;
        match status_of(&opened)?.kind() {
            FileKind::Folder => Ok(Self(opened)),
            FileKind::Link => Err(Errno::LOOP),
            FileKind::File | FileKind::Other => Err(Errno::NOTDIR),
        }
    }

    /// The same.
    pub(crate) fn search_at(path: &Path) -> Result<Self> {
        Self::open(path)
    }

    /// The folder `name`.
    pub(crate) fn open_folder(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let opened = self.create(name.as_ref(), READ_FOLDER, FILE_OPEN, FILE_DIRECTORY_FILE)?;
        // A link to a folder is one too until it is looked at.
        if status_of(&opened)?.kind() == FileKind::Link { Err(Errno::LOOP) } else { Ok(Self(opened)) }
    }

    /// The same.
    pub(crate) fn search(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        self.open_folder(name)
    }

    /// The same folder once more.
    pub(crate) fn reopen(&self) -> Result<Self> {
        self.open_folder(".")
    }

    /// The same handle once more.
    pub(crate) fn try_clone(&self) -> std::io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Makes the folder `name`; who may use it is inherited, whatever the mode says.
    pub(crate) fn create_folder(&self, name: impl AsRef<OsStr>, _mode: u32) -> Result<()> {
        self.create(name.as_ref(), READ_FOLDER, FILE_CREATE, FILE_DIRECTORY_FILE).map(|_| ())
    }

    /// Makes the folder `name` for the user, the system and its administrators alone.
    pub(crate) fn create_guarded_folder(&self, name: &OsStr) -> Result<()> {
        let guard = security::Guard::of_user()?;
        // SAFETY: the guard lives until the call returns.
        unsafe {
            self.create_guarded(name, READ_FOLDER, FILE_CREATE, FILE_DIRECTORY_FILE, guard.descriptor())
        }
        .map(|_| ())
    }

    /// The file `name`, for reading.
    pub(crate) fn open_file(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, READ_FILE, FILE_OPEN)
    }

    /// The file `name`, for reading and writing.
    pub(crate) fn open_writable(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, WRITE_FILE, FILE_OPEN)
    }

    /// The same, made by whoever comes first.
    pub(crate) fn open_or_create(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, WRITE_FILE, FILE_OPEN_IF)
    }

    /// The file `name`, for flushing it. Asking to append is enough for that, and can be had of a program that is running.
    pub(super) fn open_to_flush(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, FILE_APPEND_DATA | FILE_READ_ATTRIBUTES, FILE_OPEN)
    }

    /// A new file `name`, for writing; there are no modes.
    pub(crate) fn create_file(&self, name: impl AsRef<OsStr>, _mode: u32) -> Result<File> {
        self.open_with(name, WRITE_FILE, FILE_CREATE)
    }

    /// A new file `name`, for reading and writing.
    pub(crate) fn create_scratch(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, WRITE_FILE, FILE_CREATE)
    }

    fn open_with(
        &self,
        name: impl AsRef<OsStr>,
        access: u32,
        how: NTCREATEFILE_CREATE_DISPOSITION,
    ) -> Result<File> {
        let opened = self.create(name.as_ref(), access, how, FILE_NON_DIRECTORY_FILE)?;
        if how != FILE_CREATE && status_of(&opened)?.kind() == FileKind::Link {
            return Err(Errno::LOOP);
        }
        Ok(opened)
    }

    fn create(
        &self,
        name: &OsStr,
        access: u32,
        how: NTCREATEFILE_CREATE_DISPOSITION,
        kind: u32,
    ) -> Result<File> {
        // SAFETY: without a descriptor there is nothing to vouch for.
        unsafe { self.create_guarded(name, access, how, kind, std::ptr::null()) }
    }

    /// `NtCreateFile`, relative to this folder, of one component or (`.`) of the folder itself.
    ///
    /// # Safety
    ///
    /// `guard` must be null or a valid security descriptor.
    unsafe fn create_guarded(
        &self,
        name: &OsStr,
        access: u32,
        how: NTCREATEFILE_CREATE_DISPOSITION,
        kind: u32,
        guard: *const SECURITY_DESCRIPTOR,
    ) -> Result<File> {
        let mut text = component(name)?;
        let bytes = u16::try_from(text.len() * 2).map_err(|_| Errno::NAME)?;
        let unicode = UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: text.as_mut_ptr() };
        let attributes = OBJECT_ATTRIBUTES {
            Length: size_of::<OBJECT_ATTRIBUTES>().try_into().unwrap_or(0),
            RootDirectory: self.0.as_raw_handle(),
            ObjectName: &raw const unicode,
            Attributes: OBJ_CASE_INSENSITIVE,
            SecurityDescriptor: guard,
            SecurityQualityOfService: std::ptr::null(),
        };
        let mut handle = std::ptr::null_mut();
        let mut outcome = IO_STATUS_BLOCK::default();
        let options = kind | FILE_OPEN_REPARSE_POINT | FILE_SYNCHRONOUS_IO_NONALERT;
        // SAFETY: everything that the pointers lead to lives until the call returns, and the handle of the folder is open.
        let status = unsafe {
            NtCreateFile(
                &raw mut handle,
                access | SYNCHRONIZE,
                &raw const attributes,
                &raw mut outcome,
                std::ptr::null(),
                FILE_ATTRIBUTE_NORMAL,
                SHARED,
                how,
                options,
                std::ptr::null(),
                0,
            )
        };
        if status < 0 {
            return Err(Errno::of_status(status));
        }
        // SAFETY: the call succeeded, so this is a handle of a file that nobody else owns.
        Ok(unsafe { File::from_raw_handle(handle) })
    }

    /// What stands at `name`.
    pub(crate) fn find(&self, name: impl AsRef<OsStr>) -> Result<Status> {
        status_of(&self.create(name.as_ref(), FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?)
    }

    /// The folder itself.
    pub(crate) fn status(&self) -> Result<Status> {
        status_of(&self.0)
    }

    /// Whether `name` is a link to exactly `target`. Separators are Windows's in links, whatever the package wrote.
    pub(crate) fn is_link_to(&self, name: impl AsRef<OsStr>, target: &OsStr) -> bool {
        let Ok(path) = self.path_of(name.as_ref()) else { return false };
        std::fs::read_link(path).is_ok_and(|found| found.as_os_str() == separated(target))
    }

    /// Makes the link `name`, which leads to `target`. That needs a privilege, or a machine that is set up for developers.
    pub(crate) fn create_link(&self, target: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Result<()> {
        let path = self.path_of(name.as_ref())?;
        let target = PathBuf::from(separated(target.as_ref().as_os_str()));
        let leads_to_folder = path.parent().is_some_and(|parent| parent.join(&target).is_dir());
        let kind = if leads_to_folder { SYMBOLIC_LINK_FLAG_DIRECTORY } else { 0 };
        let (path, target) = (wide(path.as_os_str()), wide(target.as_os_str()));
        let flags = kind | SYMBOLIC_LINK_FLAG_ALLOW_UNPRIVILEGED_CREATE;
        // SAFETY: both texts end with NUL and live until the call returns.
        let made = unsafe { CreateSymbolicLinkW(path.as_ptr(), target.as_ptr(), flags) };
        if made { Ok(()) } else { Err(Errno::last()) }
    }

    fn path_of(&self, name: &OsStr) -> Result<PathBuf> {
        component(name)?;
        Ok(final_path(&self.0)?.join(name))
    }

    /// Renames what stands at `name`, replacing a file at `new` in `to`.
    pub(crate) fn rename(&self, name: impl AsRef<OsStr>, to: &Self, new: impl AsRef<OsStr>) -> Result<()> {
        let (name, new) = (name.as_ref(), component(new.as_ref())?);
        patiently(|| change::rename(&self.create(name, DELETE, FILE_OPEN, 0)?, &to.0, &new))
    }

    /// Removes `name`, which is no folder; a link to one is none.
    pub(crate) fn remove_file(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let opened = self.create(name.as_ref(), DELETE | FILE_READ_ATTRIBUTES, FILE_OPEN, 0)?;
        if status_of(&opened)?.kind() == FileKind::Folder {
            return Err(Errno::ISDIR);
        }
        dispose(&opened)
    }

    /// Removes the folder `name`, which is empty.
    pub(crate) fn remove_folder(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let name = name.as_ref();
        patiently(|| dispose(&self.create(name, DELETE, FILE_OPEN, FILE_DIRECTORY_FILE)?))
    }

    /// The owner has all rights on folders of the store already.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the form is that of the other systems"
    )]
    pub(crate) fn allow_owner_at(&self, _name: impl AsRef<OsStr>) -> Result<()> {
        Ok(())
    }

    /// There are no modes.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the form is that of the other systems"
    )]
    pub(crate) fn set_mode(&self, _mode: u32) -> Result<()> {
        Ok(())
    }

    /// There are no modes; a link is [`Errno::LOOP`] all the same.
    pub(crate) fn set_mode_of(&self, name: impl AsRef<OsStr>, _mode: u32) -> Result<()> {
        if self.find(name)?.kind() == FileKind::Link { Err(Errno::LOOP) } else { Ok(()) }
    }

    /// The names in it, without `.` and `..`.
    pub(crate) fn names(&self) -> Result<Vec<OsString>> {
        // Aligned as the entries in it want to be.
        let mut buffer = vec![0_u64; 8192];
        let mut class = FileFullDirectoryRestartInfo;
        let mut names = Vec::new();
        loop {
            let size = u32::try_from(size_of_val(buffer.as_slice())).unwrap_or(0);
            let place = buffer.as_mut_ptr().cast::<c_void>();
            // SAFETY: the handle is open and the buffer has the size that is stated.
            let more = unsafe { GetFileInformationByHandleEx(self.0.as_raw_handle(), class, place, size) };
            if more == 0 {
                let error = Errno::last();
                let is_end = error == Errno::from_raw_os_error(NO_MORE_FILES);
                return if is_end { Ok(names) } else { Err(error) };
            }
            class = FileFullDirectoryInfo;
            // SAFETY: the call succeeded, so the buffer holds a chain of entries.
            unsafe { collect(buffer.as_ptr().cast(), &mut names) };
        }
    }

    /// What its file system allows.
    pub(crate) fn file_system(&self) -> Result<FileSystem> {
        file::file_system(&self.0)
    }

    /// Its handle, for questions about who owns it.
    pub(crate) fn as_file(&self) -> &File {
        &self.0
    }
}

const NO_MORE_FILES: i32 = 18;

/// # Safety
///
/// `entry` must point to a chain of entries as the system gives it.
unsafe fn collect(mut entry: *const FILE_FULL_DIR_INFO, names: &mut Vec<OsString>) {
    loop {
        // SAFETY: each entry begins where the one before says, and its name has the length that it states.
        let (next, name) = unsafe {
            let text = (&raw const (*entry).FileName).cast::<u16>();
            let length = (*entry).FileNameLength as usize / 2;
            ((*entry).NextEntryOffset, std::slice::from_raw_parts(text, length))
        };
        let name = OsString::from_wide(name);
        if name != "." && name != ".." {
            names.push(name);
        }
        if next == 0 {
            return;
        }
        // SAFETY: there is another entry within the buffer.
        entry = unsafe { entry.byte_add(next as usize) };
    }
}

/// Whether attributes are those of a folder.
fn is_folder(attributes: u32) -> bool {
    attributes & FILE_ATTRIBUTE_DIRECTORY != 0
}
