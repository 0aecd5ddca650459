//! Windows: what is known of files, volumes and the boot, locks, and texts.
#![expect(unsafe_code, reason = "the functions of Windows have no safe form")]

use std::borrow::{Borrow, Cow};
use std::ffi::{OsStr, OsString, c_void};
use std::fs::{File, OpenOptions};
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::windows::fs::{FileExt as _, OpenOptionsExt as _};
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_ATTRIBUTE_DEVICE, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_GENERIC_READ,
    FILE_ID_INFO, FILE_INFO_BY_HANDLE_CLASS, FILE_READ_ATTRIBUTES, FILE_REMOTE_PROTOCOL_INFO,
    FILE_STANDARD_INFO, FILE_WRITE_ATTRIBUTES, FileBasicInfo, FileIdInfo, FileRemoteProtocolInfo,
    FileStandardInfo, GetDiskFreeSpaceExW, GetFileInformationByHandleEx, GetFinalPathNameByHandleW,
    GetVolumeInformationByHandleW, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
    ReOpenFile,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::SystemInformation::GetSystemWindowsDirectoryW;
use windows_sys::Win32::System::SystemServices::FILE_READ_ONLY_VOLUME;

use super::super::{FileKind, FileSystem, Lock};
use super::error::Errno;
use super::{Folder, Result, SHARED, is_folder};
use crate::identity::Identity;

/// What the system says of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Status {
    kind: FileKind,
    names: u64,
    identity: Identity,
}

impl Status {
    pub(crate) fn kind(&self) -> FileKind {
        self.kind
    }

    /// How many names it has.
    pub(crate) fn names(&self) -> u64 {
        self.names
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// There are no modes, so nothing has a wrong one.
    #[expect(clippy::unused_self, reason = "the form is that of the other systems")]
    pub(crate) fn has_mode(&self, _mode: u32) -> bool {
        true
    }

    /// What is executable shows its name here.
    #[expect(clippy::unused_self, reason = "the form is that of the other systems")]
    pub(crate) fn is_executable(&self) -> bool {
        false
    }
}

/// What an open file is. Device is the volume's serial number, inode the file's number on it, of which the upper half is folded
/// into the lower one (only `ReFS` uses it). The change time is the file system's own: of content, attributes and names alike.
pub(crate) fn status_of(file: &File) -> Result<Status> {
    let basic: FILE_BASIC_INFO = information(file, FileBasicInfo)?;
    let standard: FILE_STANDARD_INFO = information(file, FileStandardInfo)?;
    let id: FILE_ID_INFO = information(file, FileIdInfo)?;
    let number = u128::from_le_bytes(id.FileId.Identifier);
    let folder = is_folder(basic.FileAttributes);
    let has = |attribute: u32| basic.FileAttributes & attribute != 0;
    let kind = match () {
        () if has(FILE_ATTRIBUTE_REPARSE_POINT) => FileKind::Link,
        () if folder => FileKind::Folder,
        () if has(FILE_ATTRIBUTE_DEVICE) => FileKind::Other,
        () => FileKind::File,
    };
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is folded in")]
    let inode = number as u64 ^ (number >> 64) as u64;
    let identity = Identity {
        device: id.VolumeSerialNumber,
        inode,
        size: if folder { 0 } else { standard.EndOfFile.cast_unsigned() },
        modified: since_1970(basic.LastWriteTime),
        changed: since_1970(basic.ChangeTime),
    };
    Ok(Status { kind, names: u64::from(standard.NumberOfLinks), identity })
}

/// Steps of 100 ns since 1601 as seconds and nanoseconds since 1970.
fn since_1970(time: i64) -> (i64, u32) {
    const STEPS: i64 = 10_000_000;
    const SECONDS_TO_1970: i64 = 11_644_473_600;
    let nanoseconds = u32::try_from(time.rem_euclid(STEPS) * 100).unwrap_or(0);
    (time.div_euclid(STEPS) - SECONDS_TO_1970, nanoseconds)
}

/// One of the structures that hold plain numbers.
fn information<T: Default>(file: &File, class: FILE_INFO_BY_HANDLE_CLASS) -> Result<T> {
    let mut found = T::default();
    let size = u32::try_from(size_of::<T>()).unwrap_or(0);
    let place = (&raw mut found).cast::<c_void>();
    // SAFETY: the handle is open, and each class here is asked for with its structure, which any numbers are valid in.
    let done = unsafe { GetFileInformationByHandleEx(file.as_raw_handle(), class, place, size) };
    if done == 0 { Err(Errno::last()) } else { Ok(found) }
}

/// What is at `path`, links followed.
pub(crate) fn find(path: impl AsRef<Path>) -> Result<Status> {
    status_of(&open(path.as_ref(), FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS)?)
}

/// The same, the last component not followed.
pub(crate) fn find_link(path: impl AsRef<Path>) -> Result<Status> {
    let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
    status_of(&open(path.as_ref(), FILE_READ_ATTRIBUTES, flags)?)
}

/// The file at `path` for reading; links are followed.
pub(crate) fn open_file_at(path: &Path) -> Result<File> {
    open(path, FILE_GENERIC_READ, 0)
}

fn open(path: &Path, access: u32, flags: u32) -> Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(access).share_mode(SHARED).custom_flags(flags);
    options.open(path).map_err(|error| Errno::of(&error))
}

/// One read at an offset.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize> {
    match file.seek_read(buffer, offset) {
        Ok(read) => Ok(read),
        // Behind the end.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(0),
        Err(error) => Err(Errno::of(&error)),
    }
}

/// Locks a file: its first byte, which files that are locked do not have.
pub(crate) fn lock(file: &File, lock: Lock) -> Result<()> {
    let flags = match lock {
        Lock::Shared => 0,
        Lock::Exclusive => LOCKFILE_EXCLUSIVE_LOCK,
        Lock::TryExclusive => LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY,
    };
    let mut place = OVERLAPPED::default();
    // SAFETY: the handle is open and was not opened for overlapped use, so the call is done when it returns.
    let done = unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) };
    if done == 0 { Err(Errno::last()) } else { Ok(()) }
}

/// Sets the file's modification time to the present, also of one that is open for reading only.
pub(crate) fn touch(file: &File) -> Result<()> {
    use std::os::windows::io::FromRawHandle as _;

    let now = SystemTime::now();
    if file.set_modified(now).is_ok() {
        return Ok(());
    }
    // SAFETY: the handle is open.
    let again = unsafe { ReOpenFile(file.as_raw_handle(), FILE_WRITE_ATTRIBUTES, SHARED, 0) };
    if again == windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE {
        return Err(Errno::last());
    }
    // SAFETY: the handle was made just now and is known to nobody else.
    let again = unsafe { File::from_raw_handle(again) };
    again.set_modified(now).map_err(|error| Errno::of(&error))
}

/// Writes every file below `folders` to the disk: only administrators may ask for a volume as a whole.
pub(crate) fn sync(folders: &[impl Borrow<Folder>]) -> Result<()> {
    folders.iter().try_for_each(|folder| sync_entries(folder.borrow(), true))
}

/// The same for the files that lie directly in them.
pub(crate) fn sync_files(folders: &[&Folder]) -> Result<()> {
    folders.iter().try_for_each(|folder| sync_entries(folder, false))
}

fn sync_entries(folder: &Folder, and_below: bool) -> Result<()> {
    for name in folder.names()? {
        match folder.find(&name)?.kind() {
            FileKind::Folder if and_below => sync_entries(&folder.open_folder(&name)?, true)?,
            FileKind::File => {
                folder.open_to_flush(&name)?.sync_all().map_err(|error| Errno::of(&error))?;
            }
            FileKind::Folder | FileKind::Link | FileKind::Other => {}
        }
    }
    Ok(())
}

/// Whether the process may make files in the folder at `path`.
pub(crate) fn may_create_in(path: &Path) -> Result<()> {
    open(path, FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY, FILE_FLAG_BACKUP_SEMANTICS).map(|_| ())
}

/// What the file system allows that `path` is on.
pub(crate) fn file_system_at(path: &Path) -> Result<FileSystem> {
    file_system(&open(path, FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS)?)
}

pub(super) fn file_system(folder: &File) -> Result<FileSystem> {
    let (flags, _) = volume(folder)?;
    let path = wide(final_path(folder)?.as_os_str());
    let mut free = 0;
    // SAFETY: the text ends with NUL and there is room for the one number that is asked for.
    let done = unsafe {
        GetDiskFreeSpaceExW(path.as_ptr(), &raw mut free, std::ptr::null_mut(), std::ptr::null_mut())
    };
    if done == 0 {
        return Err(Errno::last());
    }
    let is_read_only = flags & FILE_READ_ONLY_VOLUME != 0;
    Ok(FileSystem { is_read_only, denies_programs: false, free, free_files: None })
}

/// Flags and kind of the volume that `file` is on.
fn volume(file: &File) -> Result<(u32, OsString)> {
    let (mut flags, mut kind) = (0, [0_u16; 32]);
    let none = std::ptr::null_mut();
    // SAFETY: the handle is open, the texts have the lengths that are stated, and what is not wanted is null.
    let done = unsafe {
        GetVolumeInformationByHandleW(
            file.as_raw_handle(),
            std::ptr::null_mut(),
            0,
            none,
            none,
            &raw mut flags,
            kind.as_mut_ptr(),
            32,
        )
    };
    if done == 0 {
        return Err(Errno::last());
    }
    let length = kind.iter().position(|unit| *unit == 0).unwrap_or(kind.len());
    Ok((flags, OsString::from_wide(&kind[..length])))
}

/// Whether a changed file always gets a new change time on the file system of `file` (STORE.md 9.5).
pub fn has_reliable_change_time(file: &File) -> bool {
    let is_known = volume(file).is_ok_and(|(_, kind)| kind == "NTFS" || kind == "ReFS");
    // What is on another machine answers this; what is here does not.
    is_known && information::<FILE_REMOTE_PROTOCOL_INFO>(file, FileRemoteProtocolInfo).is_err()
}

/// The path of what is open, in the form that has no limit of length.
pub(super) fn final_path(file: &File) -> Result<PathBuf> {
    let mut path = vec![0_u16; 512];
    loop {
        let room = u32::try_from(path.len()).unwrap_or(u32::MAX);
        // SAFETY: the handle is open and the buffer has the length that is stated.
        let length = unsafe { GetFinalPathNameByHandleW(file.as_raw_handle(), path.as_mut_ptr(), room, 0) };
        match length as usize {
            0 => return Err(Errno::last()),
            length if length < path.len() => return Ok(OsString::from_wide(&path[..length]).into()),
            length => path.resize(length + 1, 0),
        }
    }
}

/// The folder of Windows itself, which no variable names.
pub(crate) fn windows_folder() -> PathBuf {
    let mut path = [0_u16; 260];
    // SAFETY: the buffer has the length that is stated.
    let length = unsafe { GetSystemWindowsDirectoryW(path.as_mut_ptr(), 260) };
    OsString::from_wide(path.get(..length as usize).unwrap_or_default()).into()
}

/// A text as functions of Windows take it.
pub(super) fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// The number that the loader of the system counts up at each boot (`BootId` of `KUSER_SHARED_DATA`), which is 0 where it is
/// not kept.
pub(crate) fn boot_id() -> Option<[u8; 16]> {
    /// `MM_SHARED_USER_DATA_VA`, and the offset of the field.
    const BOOT: usize = 0x7ffe_0000 + 0x2c4;
    let place: *const u32 = std::ptr::with_exposed_provenance(BOOT);
    // SAFETY: the page is mapped at this address, for reading, in each process of every version of the system.
    let number = unsafe { place.read_volatile() };
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    id[12..].copy_from_slice(b"boot");
    (number != 0).then_some(id)
}

/// Bytes as a text of the system. Only UTF-8 is one: places that are not Unicode are not taken (STORE.md 3.5).
pub(crate) fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    std::str::from_utf8(bytes).ok().map(OsStr::new)
}

/// Bytes that came from texts of the system and of packages as a text of the system.
pub fn os_string(bytes: Vec<u8>) -> OsString {
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into(),
    }
}

/// `path` and something below it in the words of a package, which separate by `/`.
pub(crate) fn path_below(path: &Path, below: impl AsRef<Path>) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    for part in below.as_ref().to_string_lossy().split('/').filter(|part| !part.is_empty()) {
        whole.push("\\");
        whole.push(part);
    }
    whole.into()
}

/// A path as packages write them, with `/` only.
pub(crate) fn slashed(path: &[u8]) -> Cow<'_, [u8]> {
    Cow::Owned(path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect())
}

/// What of a variable's name counts when names are compared: case does not, of ASCII at least.
pub(crate) fn variable_key(name: &OsStr) -> Cow<'_, [u8]> {
    Cow::Owned(name.as_encoded_bytes().to_ascii_uppercase())
}
