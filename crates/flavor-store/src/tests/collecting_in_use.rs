//! Garbage collection beside starts and programs: what is held, noted or seen in use stays, and so do the locks that somebody
//! may be waiting for.

use std::time::Duration;

use super::collecting::{directories, grow_old, limits, put, run, variant};
use super::*;
use crate::collect::{Limits, prune, remove};
use crate::environment::install;
use crate::staging::Staging;
use crate::usage::{Hold, enter};

#[test]
fn a_held_environment_and_its_slots_survive_until_the_hold_ends() {
    let store = Store::new();
    let name = put(&store, &open(demo()));
    let hold = Hold::create(&store.root, &name).expect("hold");
    grow_old(&store, 1000);
    let report = run(&store, Limits { max_bytes: Some(0), ..limits(0) });
    assert_eq!(report.removed, []);
    assert_eq!(report.in_use, std::slice::from_ref(&name));
    let refused = remove(&store.root, &["demo".into()], false, &|| false).expect("remove");
    assert_eq!((refused.removed, refused.in_use), (Vec::new(), vec![name]));
    drop(hold);
    grow_old(&store, 1000);
    assert_eq!(run(&store, limits(0)).removed.len(), 3);
}

#[test]
fn a_start_that_is_unpacking_keeps_the_collector_out() {
    let store = Store::new();
    put(&store, &open(demo()));
    grow_old(&store, 1000);
    let entered = enter(&store.root).expect("enter");
    let other = take(&store.path()).expect("root");
    let error = crate::usage::enter_alone(&other, Duration::from_millis(50)).expect_err("busy");
    assert_eq!(error.code(), pspf::ErrorCode::StoreBusy);
    assert!(error.to_string().contains("is being unpacked into"), "{error}");
    drop(entered);
    assert_eq!(run(&store, limits(0)).removed.len(), 3);
}

#[test]
fn a_use_that_was_noted_since_the_inventory_spares_the_environment() {
    let store = Store::new();
    let name = put(&store, &open(demo()));
    grow_old(&store, 1000);
    // `stop` is asked right before each removal, as late as a start could come.
    let touched = || {
        drop(Hold::create(&store.root, &name).expect("hold"));
        false
    };
    let report = prune(&store.root, limits(0), &touched).expect("prune");
    assert_eq!(report.removed, []);
    assert_eq!(directories(&store, "v1/slots").len(), 2);
    assert!(directories(&store, "v1/envs").contains(&name));
}

#[test]
fn starts_and_collectors_at_the_same_time_never_lose_what_a_start_holds() {
    let store = Store::new();
    let package = variant(b"busy");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..12 {
                    let root = take(&store.path()).expect("root");
                    let staging = Staging::create(&root).expect("staging");
                    let installed = install(&root, &staging, &package, &wanted(&package)).expect("install");
                    // What a program would find while it runs.
                    let workenv = &installed.places.workenv;
                    assert!(workenv.join("bin/python").metadata().expect("linked").is_file());
                    assert!(workenv.join("deps/click/__init__.py").exists());
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let root = take(&store.path()).expect("root");
                for _ in 0..25 {
                    remove(&root, &["demo".into()], false, &|| false).map(|_| ()).unwrap_or_default();
                }
            });
        }
    });
    assert!(names(&store.path().join("v1/tmp")).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_closed_the_lock_is_seen_by_its_arguments_and_files() {
    use std::process::{Command, Stdio};
    let store = Store::new();
    let name = put(&store, &open(demo()));
    let workenv = store.path().join("v1/envs").join(&name);
    let slot = std::fs::read_link(workenv.join("deps")).expect("link");
    let run = |set_up: &dyn Fn(&mut Command)| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "read line", "sh"]).stdin(Stdio::piped());
        set_up(&mut command);
        let mut program = command.spawn().expect("start");
        let report = remove(&store.root, &["demo".into()], false, &|| false).expect("remove");
        drop(program.stdin.take());
        program.wait().expect("wait");
        report
    };
    let by_argument = run(&|command| {
        command.arg(workenv.join("bin/run"));
    });
    assert_eq!((by_argument.removed, by_argument.in_use), (Vec::new(), vec![name]));
    // In a slot alone: it may be of any environment that refers to the slot.
    let by_folder = run(&|command| {
        command.current_dir(&slot);
    });
    assert_eq!((by_folder.removed.len(), by_folder.in_use.len()), (0, 1));
    assert_eq!(run(&|_| ()).removed.len(), 3);
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_kept_the_lock_keeps_its_own_environment_and_no_other() {
    use std::process::{Command, Stdio};
    let store = Store::new();
    let (first, second) = (put(&store, &open(demo())), put(&store, &variant(b"other")));
    let slot = std::fs::read_link(store.path().join("v1/envs").join(&first).join("deps")).expect("link");
    let lock = std::fs::File::open(store.path().join(format!("v1/locks/use-{first}"))).expect("lock");
    let mut command = Command::new("/bin/sh");
    let mut program = command
        .args(["-c", "read line"])
        .stdin(Stdio::piped())
        .stdout(lock)
        .current_dir(&slot)
        .spawn()
        .expect("start");
    let other = remove(&store.root, &[second], false, &|| false).expect("remove");
    let own = remove(&store.root, std::slice::from_ref(&first), false, &|| false).expect("remove");
    drop(program.stdin.take());
    program.wait().expect("wait");
    // The environment and the slot that only it has.
    assert_eq!((other.removed.len(), other.in_use), (2, Vec::new()));
    assert_eq!((own.removed, own.in_use), (Vec::new(), vec![first]));
    assert!(slot.exists());
}

#[test]
fn locks_of_publishing_go_with_what_was_published_and_locks_of_use_stay() {
    let store = Store::new();
    let (first, second) = (put(&store, &open(demo())), put(&store, &variant(b"other")));
    let locks = || names(&store.path().join("v1/locks"));
    let of_slots = || locks().iter().filter(|name| name.starts_with("slot-")).count();
    let before = of_slots();
    // One of its slots is its own; the others are those of the first as well.
    remove(&store.root, std::slice::from_ref(&second), false, &|| false).expect("remove");
    assert!(!locks().contains(&format!("env-{second}")) && locks().contains(&format!("env-{first}")));
    assert!(locks().contains(&format!("use-{second}")));
    assert_eq!(of_slots(), directories(&store, "v1/slots").len());
    assert_eq!(of_slots(), before - 1);
    // What was removed can be made again.
    assert_eq!(put(&store, &variant(b"other")), second);
    assert_eq!(of_slots(), before);
}
