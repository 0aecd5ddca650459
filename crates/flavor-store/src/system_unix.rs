//! Unix: `openat` and its kin. Nothing here does more than one thing at a time, and no more system calls than its name says.

use std::borrow::{Borrow, Cow};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    Access, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat, StatVfs, StatVfsMountFlags, Timespec,
    Timestamps, UTIME_NOW,
};
pub use rustix::io::Errno;

use super::{FileKind, FileSystem, Lock};
use crate::identity::Identity;
pub(crate) use crate::platform::boot_id;
pub use crate::platform::has_reliable_change_time;
use crate::platform::{SEARCH, denies_programs, sync_file_system};

type Result<T> = rustix::io::Result<T>;

/// Rights that the owner of a folder always has, so that the store can be removed.
const OWNER_ALL: u32 = 0o700;
const READ_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// The folder at `path`, for reading; the last component may be no link.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        rustix::fs::open(path, READ_FOLDER, Mode::empty()).map(Self)
    }

    /// The same for walking through, which needs less permission.
    pub(crate) fn search_at(path: &Path) -> Result<Self> {
        let flags = SEARCH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).map(Self)
    }

    /// The folder `name`, for reading.
    pub(crate) fn open_folder(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        rustix::fs::openat(&self.0, name.as_ref(), READ_FOLDER, Mode::empty()).map(Self)
    }

    /// The folder `name`, for walking through.
    pub(crate) fn search(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let flags = SEARCH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.0, name.as_ref(), flags, Mode::empty()).map(Self)
    }

    /// The same folder, opened for reading.
    pub(crate) fn reopen(&self) -> Result<Self> {
        self.open_folder(".")
    }

    /// The same folder, opened as it is.
    pub(crate) fn try_clone(&self) -> std::io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Makes the folder `name`.
    pub(crate) fn create_folder(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<()> {
        rustix::fs::mkdirat(&self.0, name.as_ref(), permissions(mode))
    }

    /// The file `name`, or whatever it is, for reading.
    pub(crate) fn open_file(&self, name: impl AsRef<OsStr>) -> Result<File> {
        // NONBLOCK: a FIFO of that name must not block the start.
        self.open_with(name, OFlags::RDONLY | OFlags::NONBLOCK, 0)
    }

    /// The file `name`, for reading and writing.
    pub(crate) fn open_writable(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, OFlags::RDWR | OFlags::NONBLOCK, 0)
    }

    /// The same, made by whoever comes first, for its owner alone.
    pub(crate) fn open_or_create(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, OFlags::RDWR | OFlags::CREATE, 0o600)
    }

    /// A new file `name`, for writing.
    pub(crate) fn create_file(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<File> {
        self.open_with(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)
    }

    /// A new file `name`, for reading and writing, for its owner alone.
    pub(crate) fn create_scratch(&self, name: impl AsRef<OsStr>) -> Result<File> {
        self.open_with(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, 0o600)
    }

    fn open_with(&self, name: impl AsRef<OsStr>, flags: OFlags, mode: u32) -> Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.0, name.as_ref(), flags, permissions(mode)).map(File::from)
    }

    /// What stands at `name`.
    pub(crate) fn find(&self, name: impl AsRef<OsStr>) -> Result<Status> {
        rustix::fs::statat(&self.0, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW).map(Status)
    }

    /// The folder itself.
    pub(crate) fn status(&self) -> Result<Status> {
        rustix::fs::fstat(&self.0).map(Status)
    }

    /// Where the link `name` leads.
    pub(crate) fn read_link(&self, name: impl AsRef<OsStr>) -> Result<OsString> {
        rustix::fs::readlinkat(&self.0, name.as_ref(), Vec::new())
            .map(|target| OsString::from_vec(target.into_bytes()))
    }

    /// Makes the link `name`, which leads to `target`.
    pub(crate) fn create_link(&self, target: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Result<()> {
        rustix::fs::symlinkat(target.as_ref(), &self.0, name.as_ref())
    }

    /// Whether `name` is a link to exactly `target`.
    pub(crate) fn is_link_to(&self, name: impl AsRef<OsStr>, target: &OsStr) -> bool {
        self.read_link(name).is_ok_and(|found| found == target)
    }

    /// Renames what stands at `name`, replacing a file at `new` in `to`.
    pub(crate) fn rename(&self, name: impl AsRef<OsStr>, to: &Self, new: impl AsRef<OsStr>) -> Result<()> {
        rustix::fs::renameat(&self.0, name.as_ref(), &to.0, new.as_ref())
    }

    /// Removes `name`, which is no folder. Folders answer `ISDIR`, or `PERM` on systems other than Linux.
    pub(crate) fn remove_file(&self, name: impl AsRef<OsStr>) -> Result<()> {
        rustix::fs::unlinkat(&self.0, name.as_ref(), AtFlags::empty())
    }

    /// Removes the folder `name`, which is empty.
    pub(crate) fn remove_folder(&self, name: impl AsRef<OsStr>) -> Result<()> {
        rustix::fs::unlinkat(&self.0, name.as_ref(), AtFlags::REMOVEDIR)
    }

    /// Gives the owner all rights on the folder `name`, which was just seen to be one.
    pub(crate) fn allow_owner_at(&self, name: impl AsRef<OsStr>) -> Result<()> {
        rustix::fs::chmodat(&self.0, name.as_ref(), permissions(OWNER_ALL), AtFlags::empty())
    }

    /// Sets the permission bits of the folder itself.
    pub(crate) fn set_mode(&self, mode: u32) -> Result<()> {
        rustix::fs::fchmod(&self.0, permissions(mode))
    }

    /// Sets those of a file or folder in it; folders keep all rights of their owner. A link is [`Errno::LOOP`].
    pub(crate) fn set_mode_of(&self, name: impl AsRef<OsStr>, mode: u32) -> Result<()> {
        let opened = self.open_file(name)?;
        let kept = if status_of(&opened)?.kind() == FileKind::Folder { OWNER_ALL } else { 0 };
        rustix::fs::fchmod(&opened, permissions(mode | kept))
    }

    /// The names in it, without `.` and `..`.
    pub(crate) fn names(&self) -> Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                names.push(OsString::from_vec(name.to_bytes().to_vec()));
            }
        }
        Ok(names)
    }

    /// What its file system allows.
    pub(crate) fn file_system(&self) -> Result<FileSystem> {
        file_system(&self.0)
    }

    /// Whether the system would not let this process write `name`. Real and effective user are one (S4).
    pub(crate) fn is_denied(&self, name: impl AsRef<OsStr>) -> bool {
        let answer = rustix::fs::accessat(&self.0, name.as_ref(), Access::WRITE_OK, AtFlags::empty());
        matches!(answer, Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
    }
}

/// What the system says of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Status(Stat);

impl Status {
    pub(crate) fn kind(&self) -> FileKind {
        match FileType::from_raw_mode(self.0.st_mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Folder,
            FileType::Symlink => FileKind::Link,
            _ => FileKind::Other,
        }
    }

    /// How many names it has.
    #[allow(clippy::useless_conversion, reason = "the width of stat fields depends on the system")]
    pub(crate) fn names(&self) -> u64 {
        u64::from(self.0.st_nlink)
    }

    /// The user that it belongs to.
    pub(crate) fn owner(&self) -> u32 {
        self.0.st_uid
    }

    /// Type and permission bits.
    #[allow(clippy::useless_conversion, reason = "the width of stat fields depends on the system")]
    pub(crate) fn mode(&self) -> u32 {
        u32::from(self.0.st_mode)
    }

    /// Whether its permission bits are these.
    pub(crate) fn has_mode(&self, mode: u32) -> bool {
        self.mode() & 0o7777 == mode
    }

    /// Whether its owner may execute it.
    pub(crate) fn is_executable(&self) -> bool {
        self.mode() & 0o100 != 0
    }

    // The fields' types differ between systems; all fit.
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        clippy::cast_lossless,
        reason = "the width of stat fields depends on the system"
    )]
    pub(crate) fn identity(&self) -> Identity {
        let stat = &self.0;
        let directory = FileType::from_raw_mode(stat.st_mode).is_dir();
        Identity {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: if directory { 0 } else { stat.st_size as u64 },
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }
    }
}

/// What is at `path`, links followed.
pub(crate) fn find(path: impl AsRef<Path>) -> Result<Status> {
    rustix::fs::stat(path.as_ref()).map(Status)
}

/// The same, the last component not followed.
pub(crate) fn find_link(path: impl AsRef<Path>) -> Result<Status> {
    rustix::fs::lstat(path.as_ref()).map(Status)
}

/// What an open file is.
pub(crate) fn status_of(file: &File) -> Result<Status> {
    rustix::fs::fstat(file).map(Status)
}

/// The file at `path`, or whatever it is, for reading; links are followed.
pub(crate) fn open_file_at(path: &Path) -> Result<File> {
    // NONBLOCK: whatever is there now must not block.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from)
}

/// One read at an offset; an interrupted one is done again.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize> {
    loop {
        match rustix::io::pread(file, &mut *buffer, offset) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Locks a file.
pub(crate) fn lock(file: &File, lock: Lock) -> Result<()> {
    let operation = match lock {
        Lock::Shared => FlockOperation::LockShared,
        Lock::Exclusive => FlockOperation::LockExclusive,
        Lock::TryExclusive => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match rustix::fs::flock(file, operation) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Sets the file's modification time to the present.
pub(crate) fn touch(file: &File) -> Result<()> {
    let present = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    rustix::fs::futimens(file, &Timestamps { last_access: present, last_modification: present })
}

/// Writes what is below `folders`, all of one file system, to the disk: here, and with it everything else of that file system.
pub(crate) fn sync(folders: &[impl Borrow<Folder>]) -> Result<()> {
    folders.first().map_or(Ok(()), |folder| sync_file_system(&folder.borrow().0))
}

/// The same for the files that lie directly in them.
pub(crate) fn sync_files(folders: &[&Folder]) -> Result<()> {
    sync(folders)
}

/// Whether the process may make files in the folder at `path`.
pub(crate) fn may_create_in(path: &Path) -> Result<()> {
    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK)
}

/// What the file system allows that `path` is on.
pub(crate) fn file_system_at(path: &Path) -> Result<FileSystem> {
    file_system(&rustix::fs::open(path, SEARCH | OFlags::CLOEXEC, Mode::empty())?)
}

fn file_system(file: &OwnedFd) -> Result<FileSystem> {
    let status: StatVfs = rustix::fs::fstatvfs(file)?;
    Ok(FileSystem {
        is_read_only: status.f_flag.contains(StatVfsMountFlags::RDONLY),
        denies_programs: denies_programs(file, &status)?,
        free: status.f_bavail.saturating_mul(status.f_frsize),
        free_files: (status.f_files > 0).then_some(status.f_favail),
    })
}

/// The nine permission bits of `mode`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    reason = "the width depends on the system"
)]
fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o777) as rustix::fs::RawMode)
}

/// Whether a name was refused because it is none here: whatever packages can name is one.
pub(crate) fn is_refused_name(_error: Errno) -> bool {
    false
}

/// Bytes as a text of the system; every sequence is one here.
#[expect(clippy::unnecessary_wraps, reason = "on other systems not every sequence of bytes is a text")]
pub(crate) fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    Some(OsStr::from_bytes(bytes))
}

/// Bytes that came from texts of the system and of packages as a text of the system.
pub fn os_string(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}

/// `path` and something below it in the words of a package, which separate by `/`.
pub(crate) fn path_below(path: &Path, below: impl AsRef<Path>) -> PathBuf {
    path.join(below)
}

/// A path as packages write them, with `/` only.
pub(crate) fn slashed(path: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(path)
}

/// What of a variable's name counts when names are compared.
pub(crate) fn variable_key(name: &OsStr) -> Cow<'_, [u8]> {
    Cow::Borrowed(name.as_bytes())
}
