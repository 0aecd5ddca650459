//! What the rules of STORE.md ask of Windows. These need the system, or one that plays it.

use std::io::Write as _;

use windows_sys::Win32::Security::{DACL_SECURITY_INFORMATION, SetKernelObjectSecurity};
use windows_sys::Win32::Storage::FileSystem::WRITE_DAC;

use super::*;
use crate::ownership::{Stop, judge_own, walk};
use crate::system::Lock;

/// A folder of one test, removed when it is dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("flavor-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).expect("folder");
        Self(path)
    }

    fn open(&self) -> Folder {
        Folder::open(&self.0).expect("open")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write(folder: &Folder, name: &str, content: &[u8]) {
    folder.create_file(name, 0o600).expect("create").write_all(content).expect("write");
}

#[test]
fn s17_what_a_start_makes_on_its_way_is_the_users_alone_and_what_strangers_may_write_is_no_place() {
    let place = Place::new("walk");
    let path = place.0.join("made").join("cache");
    assert!(matches!(walk(&path, false), Err(Stop::Missing)));
    let walked = walk(&path, true).expect("walk");
    assert_eq!(walked.path, path);
    assert!(judge_own(&walked.directory, &path).is_ok());

    std::fs::create_dir(place.0.join("open")).expect("create");
    let opened = place.open().open_folder("open").expect("open");
    assert!(judge_own(&opened, &place.0).is_ok());
    let guard = security::Guard::of_rule("D:P(A;OICI;FA;;;WD)").expect("rule");
    let changed =
        place.open().create("open".as_ref(), WRITE_DAC, FILE_OPEN, FILE_DIRECTORY_FILE).expect("open");
    let descriptor = guard.descriptor().cast_mut().cast();
    // SAFETY: the handle is open and the descriptor lives until the call returns.
    let done =
        unsafe { SetKernelObjectSecurity(changed.as_raw_handle(), DACL_SECURITY_INFORMATION, descriptor) };
    assert_ne!(done, 0);
    assert!(matches!(judge_own(&opened, &place.0), Err(Stop::Refused(_))));
    let below = place.0.join("open").join("cache");
    assert!(matches!(walk(&below, true), Err(Stop::Refused(_))));
    assert!(!below.exists());
}

#[test]
fn s17_places_without_a_drive_are_none() {
    for path in [r"\\server\share\cache", r"\\?\GLOBALROOT\Device\x", r"\cache", "cache", "C:cache"] {
        assert!(matches!(walk(Path::new(path), true), Err(Stop::Refused(_))), "{path}");
    }
}

#[test]
fn s13_names_that_windows_reads_as_something_else_are_refused() {
    let place = Place::new("names");
    let folder = place.open();
    for name in
        [r"a\b", "a/b", "a:b", "a.", "a ", "..", "", "a\u{1}", "nul", "CON.txt", "aux .x", "Com1", "lpt²"]
    {
        assert_eq!(folder.create_file(name, 0o600).err(), Some(Errno::NAME), "{name:?}");
        assert_eq!(folder.create_folder(name, 0o700), Err(Errno::NAME), "{name:?}");
    }
    assert_eq!(folder.names().expect("names"), [""; 0]);
    for name in ["console", "com10", "com", "nul1", "a.nul", ".x"] {
        write(&folder, name, b"");
    }
}

#[test]
fn errors_are_told_apart_by_what_stands_there() {
    let place = Place::new("errors");
    let folder = place.open();
    write(&folder, "file", b"x");
    folder.create_folder("folder", 0o700).expect("create");
    assert_eq!(folder.create_file("FILE", 0o600).err(), Some(Errno::EXIST));
    assert_eq!(folder.create_folder("folder", 0o700).err(), Some(Errno::EXIST));
    assert_eq!(folder.open_folder("file").err(), Some(Errno::NOTDIR));
    assert_eq!(folder.open_file("folder").err(), Some(Errno::ISDIR));
    assert_eq!(folder.open_file("none").err(), Some(Errno::NOENT));
    assert_eq!(folder.remove_file("folder").err(), Some(Errno::ISDIR));
    assert_eq!(find(place.0.join("none").join("none")).err(), Some(Errno::NOENT));
    assert_eq!(folder.find("file").expect("find").kind(), FileKind::File);
    assert_eq!(folder.find("file").expect("find").identity().size, 1);
}

#[test]
fn a_rename_replaces_a_file_and_moves_a_folder_with_what_is_in_it() {
    let place = Place::new("rename");
    let folder = place.open();
    for name in ["from", "to"] {
        folder.create_folder(name, 0o700).expect("create");
    }
    let (from, to) = (folder.open_folder("from").expect("open"), folder.open_folder("to").expect("open"));
    write(&from, "new", b"new");
    write(&to, "old", b"old");
    from.rename("new", &to, "old").expect("rename");
    assert_eq!(std::fs::read(place.0.join("to").join("old")).expect("read"), b"new");
    assert_eq!(from.names().expect("names"), [""; 0]);

    from.create_folder("tree", 0o755).expect("create");
    let tree = from.open_folder("tree").expect("open");
    write(&tree, "member", b"m");
    from.rename("tree", &to, "moved").expect("rename with the folder open");
    // The handle leads to where the folder is now.
    assert_eq!(tree.names().expect("names"), ["member"]);
    assert_eq!(to.remove_folder("moved"), Err(Errno::NOTEMPTY));
    drop(tree);
    crate::removal::remove_tree(&to, "moved").expect("remove");
    assert_eq!(to.names().expect("names"), ["old"]);
}

#[test]
fn a_lock_keeps_other_handles_out_until_it_ends() {
    let place = Place::new("lock");
    let folder = place.open();
    let open = || folder.open_or_create("lock").expect("open");
    let (first, second) = (open(), open());
    lock(&first, Lock::Shared).expect("shared");
    lock(&second, Lock::Shared).expect("shared too");
    assert_eq!(lock(&open(), Lock::TryExclusive), Err(Errno::WOULDBLOCK));
    drop((first, second));
    assert_eq!(lock(&folder.open_file("lock").expect("open"), Lock::TryExclusive), Ok(()));
}
