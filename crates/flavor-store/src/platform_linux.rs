//! Linux.

use std::os::fd::AsFd;

use rustix::fs::{OFlags, StatVfs, StatVfsMountFlags};

use crate::boot::uuid;

/// How a directory is opened that is only walked through: its owner may have withheld reading.
pub(crate) const SEARCH: OFlags = OFlags::PATH;
/// The user's cache folder below HOME.
pub(crate) const DEFAULT_CACHE: &str = ".cache/flavor";
/// The user's data folder below HOME.
pub(crate) const DEFAULT_DATA: &str = ".local/share";
/// The user's configuration folder below HOME.
pub(crate) const DEFAULT_CONFIG: &str = ".config";
/// Root's home where the password database does not say.
pub(crate) const ROOT_HOME: &str = "/root";

/// The UUID of this boot.
pub(crate) fn boot_id() -> Option<[u8; 16]> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open("/proc/sys/kernel/random/boot_id", flags, rustix::fs::Mode::empty()).ok()?;
    let mut text = [0; 64];
    let length = rustix::io::read(&file, &mut text).ok()?;
    uuid(&text[..length])
}

/// Whether a changed file always gets a new change time on the file system of `file` (STORE.md 9.5).
pub fn has_reliable_change_time(file: impl AsFd) -> bool {
    /// ext2–4, xfs, btrfs, f2fs, bcachefs, zfs, overlayfs, tmpfs, ramfs.
    const KNOWN: [u32; 9] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0xf2f5_2010,
        0xca45_1a4e,
        0x2fc1_2fc1,
        0x794c_7630,
        0x0102_1994,
        0x8584_58f6,
    ];
    // The kernel's magic numbers are 32 bits wide, whatever the field's type is on this architecture.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32-bit magic numbers")]
    rustix::fs::fstatfs(file).is_ok_and(|status| KNOWN.contains(&(status.f_type as u32)))
}

/// Whether the file system of `file`, which says this of itself, is mounted `noexec`.
#[expect(clippy::unnecessary_wraps, reason = "other systems have to be asked")]
pub(crate) fn denies_programs(_file: impl AsFd, said: &StatVfs) -> rustix::io::Result<bool> {
    Ok(said.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// Writes everything of the file system that holds `file` to the disk.
pub(crate) fn sync_file_system(file: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::syncfs(file)
}
