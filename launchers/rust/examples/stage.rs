//! Starts a program of the conformance suite exactly as a case says: bytes as arguments and environment, closed
//! descriptors, umask, ignored and blocked signals, another user. Node can set none of these to the byte.
//!
//! Arguments are pairs of a word and a value, carried out in their order; `exec` ends them. Bytes are given as hex digits.
//! Standard library only: the suite compiles it with `rustc`. It is never shipped.
#![allow(missing_docs, reason = "a program")]
#![allow(unsafe_code, reason = "what a process hands down has no safe form")]

use std::ffi::{CString, c_char, c_int, c_ulong};
use std::io;
use std::time::Duration;

unsafe extern "C" {
    fn umask(mode: u32) -> u32;
    fn close(descriptor: c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn sigemptyset(set: *mut [c_ulong; 16]) -> c_int;
    fn sigaddset(set: *mut [c_ulong; 16], number: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const [c_ulong; 16], old: *mut [c_ulong; 16]) -> c_int;
    fn setrlimit(resource: c_int, limits: *const [c_ulong; 2]) -> c_int;
    fn setgroups(count: usize, groups: *const u32) -> c_int;
    fn setgid(group: u32) -> c_int;
    fn setuid(user: u32) -> c_int;
    fn execve(path: *const c_char, argv: *const *const c_char, environment: *const *const c_char) -> c_int;
}

const PIPE: c_int = 13;
const DEFAULT: usize = 0;
const IGNORE: usize = 1;
const BLOCK: c_int = 0;
const BUSY: i32 = 26;
const OPEN_FILES: c_int = 7;
/// What most systems give a process. The number of the last descriptor that a launcher uses depends on it.
const FILES: c_ulong = 1024;

fn main() {
    // SAFETY: a plain call. The language's start-up code ignores SIGPIPE; what was started here does not.
    unsafe { signal(PIPE, DEFAULT) };
    close_inherited();
    // SAFETY: a plain call with a pair that lives long enough.
    assert!(unsafe { setrlimit(OPEN_FILES, &raw const LIMITS) } == 0, "setrlimit");
    let mut words = std::env::args().skip(1);
    let (mut argv, mut environment) = (Vec::new(), Vec::new());
    while let (Some(word), Some(value)) = (words.next(), words.next()) {
        match word.as_str() {
            "arg" => argv.push(bytes(&value)),
            "env" => environment.push(bytes(&value)),
            "exec" => execute(&bytes(&value), &argv, &environment),
            "chdir" => {
                let path = bytes(&value).into_string().expect("a folder in UTF-8");
                std::env::set_current_dir(path).expect("chdir");
            }
            other => set(other, &value),
        }
    }
    panic!("nothing to execute");
}

static LIMITS: [c_ulong; 2] = [FILES, FILES];

/// Whoever runs the suite may leave descriptors of its own to every child.
fn close_inherited() {
    let listed = std::fs::read_dir("/proc/self/fd").expect("descriptors");
    let numbers: Vec<c_int> =
        listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // SAFETY: a plain call; nothing here uses these descriptors.
        unsafe { close(number) };
    }
}

/// Changes something that programs inherit.
fn set(word: &str, value: &str) {
    let radix = if word == "umask" { 8 } else { 10 };
    let number = u32::from_str_radix(value, radix).expect("a number");
    let small = c_int::try_from(number).expect("a small number");
    let mut signals = [0; 16];
    // SAFETY: plain calls; the signal set is as large as any C library's.
    let result = unsafe {
        match word {
            "umask" => {
                umask(number);
                0
            }
            "close" => close(small),
            "ignore" => {
                signal(small, IGNORE);
                0
            }
            "block" => {
                sigemptyset(&raw mut signals);
                sigaddset(&raw mut signals, small);
                sigprocmask(BLOCK, &raw const signals, std::ptr::null_mut())
            }
            "gid" => setgroups(0, std::ptr::null()).max(setgid(number)),
            "uid" => setuid(number),
            other => panic!("there is no word {other:?}"),
        }
    };
    assert!(result == 0, "{word} {value}: {}", io::Error::last_os_error());
}

/// Waits for a moment while some other process still has the file open for writing, as a child of the suite may have.
fn execute(program: &CString, argv: &[CString], environment: &[CString]) -> ! {
    let pointers = |texts: &[CString]| -> Vec<*const c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, environment) = (pointers(argv), pointers(environment));
    for _ in 0..200 {
        // SAFETY: both arrays end with a null pointer and point to strings that live on.
        unsafe { execve(program.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
        if io::Error::last_os_error().raw_os_error() != Some(BUSY) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    eprintln!("stage: {}: {}", program.to_string_lossy(), io::Error::last_os_error());
    // No launcher and no program of the suite ends with it.
    std::process::exit(199);
}

fn bytes(hex: &str) -> CString {
    let digits = hex.as_bytes().chunks(2);
    let bytes = digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16).expect("hex"));
    CString::new(bytes.collect::<Vec<_>>()).expect("no NUL")
}
