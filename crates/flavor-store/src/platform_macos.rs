//! What macOS says about its boot and its file systems. Written from its documentation, not run yet.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd as _};

use crate::boot::uuid;

/// The UUID of this boot.
#[allow(unsafe_code, reason = "there is no safe form of sysctl")]
pub(crate) fn boot_id() -> Option<[u8; 16]> {
    let mut text = [0_u8; 64];
    let mut length = text.len();
    let name = c"kern.bootsessionuuid".as_ptr();
    // SAFETY: `name` ends with NUL, the system writes at most `length` bytes into `text` and nothing is set.
    let answer = unsafe {
        libc::sysctlbyname(name, text.as_mut_ptr().cast(), &raw mut length, std::ptr::null_mut(), 0)
    };
    uuid(text.get(..length).filter(|_| answer == 0)?)
}

/// Whether a changed file always gets a new change time on the file system of `file` (STORE.md 9.5).
pub fn has_reliable_change_time(file: impl AsFd) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|status| {
        let name = status.f_fstypename.iter().take_while(|byte| **byte != 0);
        let name: Vec<u8> = name.map(|byte| byte.cast_unsigned()).collect();
        matches!(name.as_slice(), b"apfs" | b"hfs")
    })
}

/// Whether the file system of `file` is mounted `noexec`, which statvfs does not say here.
pub(crate) fn denies_programs(file: impl AsFd, _said: &rustix::fs::StatVfs) -> rustix::io::Result<bool> {
    let no_programs = libc::MNT_NOEXEC.cast_unsigned();
    Ok(rustix::fs::fstatfs(file)?.f_flags & no_programs != 0)
}

/// Writes everything of the file system that holds `file` to the disk, and waits for it: `sync` only asks for it here.
#[allow(unsafe_code, reason = "there is no safe form of fsync_volume_np")]
pub(crate) fn sync_file_system(file: impl AsFd) -> rustix::io::Result<()> {
    /// `SYNC_VOLUME_FULLSYNC` and `SYNC_VOLUME_WAIT` of `unistd.h`.
    const FULL_AND_WAIT: c_int = 0x01 | 0x02;
    unsafe extern "C" {
        fn fsync_volume_np(file: c_int, flags: c_int) -> c_int;
    }
    // SAFETY: the descriptor is open for as long as the call takes, and no memory is handed over.
    let answer = unsafe { fsync_volume_np(file.as_fd().as_raw_fd(), FULL_AND_WAIT) };
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> rustix::io::Errno {
    let number = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    rustix::io::Errno::from_raw_os_error(number)
}
