use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}

fn reason(path: &Path) -> String {
    match Root::open(path) {
        Err(reason) => reason,
        Ok(root) => panic!("accepted: {root:?}"),
    }
}

#[test]
fn a_new_store_is_private_and_tagged_as_a_cache() {
    let store = Store::new();
    let mode = |path: &Path| path.metadata().expect("metadata").permissions().mode() & 0o7777;
    for folder in ["", "v1", "v1/slots", "v1/envs", "v1/receipts", "v1/locks", "v1/tmp"] {
        assert_eq!(mode(&store.path().join(folder)), 0o700, "{folder}");
    }
    let tag = std::fs::read(store.path().join("CACHEDIR.TAG")).expect("tag");
    assert!(tag.starts_with(b"Signature: 8a477f597d28d172789f06886806bc55\n"));
}

#[test]
fn s17_a_store_that_others_may_write_does_not_count() {
    for folder in ["", "v1", "v1/slots", "v1/envs", "v1/receipts", "v1/locks", "v1/tmp"] {
        for mode in [0o720, 0o702, 0o777, 0o1777] {
            let store = Store::new();
            set_mode(&store.path().join(folder), mode);
            assert!(reason(&store.path()).contains("writable by nobody else"), "{folder} {mode:o}");
            assert!(take(&store.path()).is_err(), "{folder} {mode:o}");
        }
    }
}

#[test]
fn s17_an_ancestor_that_others_may_write_counts_only_if_it_is_sticky() {
    let store = Store::new();
    set_mode(store.folder.path(), 0o777);
    assert!(reason(&store.path()).contains("others could replace"));
    set_mode(store.folder.path(), 0o1777);
    assert!(Root::open(&store.path()).expect("sticky").is_some());
}

#[test]
fn s17_a_store_or_ancestor_of_another_user_does_not_count() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let store = Store::new();
    for path in ["store", "store/v1", "store/v1/slots"] {
        let path = store.folder.path().join(path);
        std::os::unix::fs::chown(&path, Some(12345), None).expect("chown");
        assert!(Root::open(&store.path()).is_err(), "{}", path.display());
        std::os::unix::fs::chown(&path, Some(0), None).expect("chown");
    }
    std::os::unix::fs::chown(store.folder.path(), Some(12345), None).expect("chown");
    assert!(reason(&store.path()).contains("others could replace"));
    std::os::unix::fs::chown(store.folder.path(), Some(0), None).expect("chown");
    assert!(Root::open(&store.path()).expect("own").is_some());
}

#[test]
fn s17_folders_of_the_store_that_are_links_do_not_count() {
    for folder in ["v1", "v1/slots", "v1/receipts"] {
        let store = Store::new();
        let path = store.path().join(folder);
        let moved = store.folder.path().join("moved");
        std::fs::rename(&path, &moved).expect("rename");
        symlink(&moved, &path).expect("link");
        assert!(Root::open(&store.path()).is_err(), "{folder}");
    }
}

#[test]
fn a_link_of_the_user_on_the_way_is_followed_and_the_path_is_without_it() {
    let store = Store::new();
    let by_link = store.folder.path().join("link");
    symlink("store", &by_link).expect("link");
    let root = Root::open(&by_link).expect("own link").expect("there");
    assert_eq!(root.path(), store.root.path());
    let roundabout = store.folder.path().join("link/../link/./");
    assert_eq!(Root::open(&roundabout).expect("own link").expect("there").path(), store.root.path());
}

#[test]
fn s17_a_link_of_another_user_on_the_way_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let store = Store::new();
    let by_link = store.folder.path().join("link");
    symlink("store", &by_link).expect("link");
    std::os::unix::fs::lchown(&by_link, Some(12345), None).expect("chown");
    assert!(reason(&by_link).contains("belongs to user 12345"));
}

#[test]
fn links_in_a_circle_are_refused() {
    let store = Store::new();
    let circle = store.folder.path().join("circle");
    symlink("circle", &circle).expect("link");
    assert!(reason(&circle).contains("links on the way"));
}

#[test]
fn the_next_place_is_taken_and_the_error_names_each_place_and_its_reason() {
    let store = Store::new();
    let file = store.folder.path().join("file");
    std::fs::write(&file, b"").expect("write");
    let open_to_all = store.folder.path().join("open");
    std::fs::create_dir(&open_to_all).expect("folder");
    set_mode(&open_to_all, 0o777);
    let place = |path: &Path, origin| Place { path: path.to_path_buf(), origin };
    let mut places = vec![place(&file, "FLAVOR_CACHE"), place(&open_to_all, "HOME")];
    let error = Root::take(&places, |_| Space::default()).expect_err("none");
    assert_eq!(error.code(), pspf::ErrorCode::StoreLocation);
    let text = error.to_string();
    for part in ["FLAVOR_CACHE", "is not a directory", "HOME", "writable by nobody else"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    places.push(place(&store.path(), "TMPDIR"));
    assert_eq!(Root::take(&places, |_| Space::default()).expect("third").path(), store.root.path());
}

#[test]
fn a_place_without_room_for_the_signed_size_is_not_taken() {
    let store = Store::new();
    let places = [Place { path: store.path(), origin: "FLAVOR_CACHE" }];
    let error = Root::take(&places, |_| Space { bytes: u64::MAX / 4, members: 1 }).expect_err("full");
    assert!(error.to_string().contains("bytes are free"), "{error}");
}
