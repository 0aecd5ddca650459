//! Windows: renaming and removing what is open, as POSIX does it where the system can: what is in the way of a rename is replaced
//! although others have it open, and what is removed is gone at once.
#![expect(unsafe_code, reason = "NtSetInformationFile has no safe form")]

use std::ffi::c_void;
use std::fs::File;
use std::os::windows::io::AsRawHandle as _;
use std::time::Duration;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_DISPOSITION_DELETE, FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_POSIX_SEMANTICS,
    FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, FILE_RENAME_POSIX_SEMANTICS, FILE_RENAME_REPLACE_IF_EXISTS,
    FileDispositionInformation, FileDispositionInformationEx, FileRenameInformation, FileRenameInformationEx,
    NtSetInformationFile,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use super::Result;
use super::error::Errno;

/// Programs that look at new files (virus scanners, search) keep them from being renamed for a moment.
const ATTEMPTS: u32 = 12;

/// Renames what is open to `name` in the folder `to`, replacing a file.
pub(super) fn rename(source: &File, to: &File, name: &[u16]) -> Result<()> {
    let flags =
        FILE_RENAME_REPLACE_IF_EXISTS | FILE_RENAME_POSIX_SEMANTICS | FILE_RENAME_IGNORE_READONLY_ATTRIBUTE;
    let asked = rename_information(flags, to, name);
    match set_information(source, &asked, FileRenameInformationEx) {
        Err(error) if error.is_unknown_request() => {
            // The older form has a truth value where the newer one has flags.
            set_information(source, &rename_information(1, to, name), FileRenameInformation)
        }
        other => other,
    }
}

/// Tries again for about a second where somebody else has it open.
pub(super) fn patiently(mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    let mut pause = Duration::from_millis(1);
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(Errno::ACCESS | Errno::SHARING) => std::thread::sleep(pause),
            other => return other,
        }
        pause = (pause * 2).min(Duration::from_millis(200));
    }
    attempt()
}

/// The bytes of `FILE_RENAME_INFORMATION`: flags, root, length of the name, name.
fn rename_information(flags: u32, root: &File, name: &[u16]) -> Vec<u64> {
    let word = size_of::<usize>();
    let mut bytes = vec![0_u8; word];
    bytes[..4].copy_from_slice(&flags.to_le_bytes());
    bytes.extend_from_slice(&(root.as_raw_handle() as usize).to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(name.len() * 2).unwrap_or(0).to_le_bytes());
    bytes.extend(name.iter().flat_map(|unit| unit.to_le_bytes()));
    // The structure has one unit of the name in it, and its size is that of whole words.
    bytes.resize(bytes.len().max(3 * word + 2).next_multiple_of(8), 0);
    bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default())).collect()
}

/// Marks what is open for removal: at once where the system can, else when the last handle is closed.
pub(super) fn dispose(opened: &File) -> Result<()> {
    let flags = FILE_DISPOSITION_DELETE
        | FILE_DISPOSITION_POSIX_SEMANTICS
        | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE;
    match set_information(opened, &[u64::from(flags)], FileDispositionInformationEx) {
        Err(error) if error.is_unknown_request() => set_information(opened, &[1], FileDispositionInformation),
        other => other,
    }
}

fn set_information(opened: &File, asked: &[u64], class: i32) -> Result<()> {
    let whole = u32::try_from(size_of_val(asked)).unwrap_or(0);
    let size = match class {
        class if class == FileDispositionInformation => 1,
        class if class == FileDispositionInformationEx => 4,
        _ => whole,
    };
    let mut outcome = IO_STATUS_BLOCK::default();
    let place = asked.as_ptr().cast::<c_void>();
    // SAFETY: the handle is open and the structure has at least the size that is stated.
    let status =
        unsafe { NtSetInformationFile(opened.as_raw_handle(), &raw mut outcome, place, size, class) };
    if status < 0 { Err(Errno::of_status(status)) } else { Ok(()) }
}
