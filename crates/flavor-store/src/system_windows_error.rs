//! Errors of Windows under the names that the store tells errors apart by. Several numbers say the same; each is brought to
//! one of them first.

use std::fmt;
use std::io;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_ALREADY_EXISTS, ERROR_CALL_NOT_IMPLEMENTED, ERROR_DIR_NOT_EMPTY,
    ERROR_DIRECTORY, ERROR_DIRECTORY_NOT_SUPPORTED, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED,
    ERROR_FILE_EXISTS, ERROR_FILE_NOT_FOUND, ERROR_GEN_FAILURE, ERROR_HANDLE_DISK_FULL,
    ERROR_INVALID_FUNCTION, ERROR_INVALID_NAME, ERROR_INVALID_PARAMETER, ERROR_LOCK_FAILED,
    ERROR_LOCK_VIOLATION, ERROR_NOT_SUPPORTED, ERROR_PATH_NOT_FOUND, ERROR_PRIVILEGE_NOT_HELD,
    ERROR_REPARSE_POINT_ENCOUNTERED, ERROR_SHARING_VIOLATION, ERROR_TOO_MANY_LINKS, ERROR_WRITE_PROTECT,
    NTSTATUS, RtlNtStatusToDosError, STATUS_FILE_IS_A_DIRECTORY,
};

/// A number of the system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(u32);

impl Errno {
    /// There is no such thing, or no way to it.
    pub const NOENT: Self = Self(ERROR_FILE_NOT_FOUND);
    /// Something is there already.
    pub const EXIST: Self = Self(ERROR_ALREADY_EXISTS);
    /// What was to be a folder is none.
    pub const NOTDIR: Self = Self(ERROR_DIRECTORY);
    /// What was to be a file is a folder.
    pub const ISDIR: Self = Self(ERROR_DIRECTORY_NOT_SUPPORTED);
    /// The folder is not empty.
    pub const NOTEMPTY: Self = Self(ERROR_DIR_NOT_EMPTY);
    /// It is a reparse point: a link, a junction, or a file that a driver makes up.
    pub const LOOP: Self = Self(ERROR_REPARSE_POINT_ENCOUNTERED);
    /// Too many names.
    pub const MLINK: Self = Self(ERROR_TOO_MANY_LINKS);
    /// The system denies it.
    pub const ACCESS: Self = Self(ERROR_ACCESS_DENIED);
    /// It needs a privilege.
    pub const PERM: Self = Self(ERROR_PRIVILEGE_NOT_HELD);
    /// The medium is write-protected.
    pub const ROFS: Self = Self(ERROR_WRITE_PROTECT);
    /// Somebody else has the lock.
    pub const WOULDBLOCK: Self = Self(ERROR_LOCK_VIOLATION);
    /// There are no locks left.
    pub const NOLCK: Self = Self(ERROR_LOCK_FAILED);
    /// The file system cannot do it.
    pub const NOTSUP: Self = Self(ERROR_NOT_SUPPORTED);
    /// The same.
    pub const OPNOTSUPP: Self = Self(ERROR_NOT_SUPPORTED);
    /// The system cannot do it.
    pub const NOSYS: Self = Self(ERROR_CALL_NOT_IMPLEMENTED);
    /// The disk is full.
    pub const NOSPC: Self = Self(ERROR_DISK_FULL);
    /// The user's part of the disk is full.
    pub const DQUOT: Self = Self(ERROR_DISK_QUOTA_EXCEEDED);
    /// A name that cannot be one.
    pub(super) const NAME: Self = Self(ERROR_INVALID_NAME);
    /// Another handle does not share.
    pub(super) const SHARING: Self = Self(ERROR_SHARING_VIOLATION);
    const UNKNOWN: Self = Self(ERROR_GEN_FAILURE);

    /// From a number as `GetLastError` and `std::io::Error` give it.
    pub fn from_raw_os_error(number: i32) -> Self {
        Self(match number.cast_unsigned() {
            ERROR_PATH_NOT_FOUND => ERROR_FILE_NOT_FOUND,
            ERROR_FILE_EXISTS => ERROR_ALREADY_EXISTS,
            ERROR_HANDLE_DISK_FULL => ERROR_DISK_FULL,
            ERROR_INVALID_FUNCTION => ERROR_NOT_SUPPORTED,
            number => number,
        })
    }

    /// From an error of the standard library.
    pub(super) fn of(error: &io::Error) -> Self {
        error.raw_os_error().map_or(Self::UNKNOWN, Self::from_raw_os_error)
    }

    /// The reason why the last call of this thread failed.
    pub(super) fn last() -> Self {
        Self::of(&io::Error::last_os_error())
    }

    /// From what the functions with `Nt` in front return.
    #[expect(unsafe_code, reason = "the translation has no safe form")]
    pub(super) fn of_status(status: NTSTATUS) -> Self {
        if status == STATUS_FILE_IS_A_DIRECTORY {
            return Self::ISDIR;
        }
        // SAFETY: it takes a number and returns one.
        Self::from_raw_os_error(unsafe { RtlNtStatusToDosError(status) }.cast_signed())
    }

    /// Whether an older system or file system does not know what it was asked for.
    pub(super) fn is_unknown_request(self) -> bool {
        [ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, ERROR_CALL_NOT_IMPLEMENTED].contains(&self.0)
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&io::Error::from(*self), formatter)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from(*self).fmt(formatter)
    }
}

impl From<Errno> for io::Error {
    fn from(error: Errno) -> Self {
        Self::from_raw_os_error(error.0.cast_signed())
    }
}

/// Whether a name was refused because it is none here.
pub(crate) fn is_refused_name(error: Errno) -> bool {
    error == Errno::NAME
}
