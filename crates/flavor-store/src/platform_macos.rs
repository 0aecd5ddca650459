//! What macOS says about its boot and its file systems. Written from its documentation, not run yet.

use std::os::fd::AsFd;

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
