//! The program inside the packages of the conformance suite (`__test__/conformance/cases`): it prints what it was given
//! as one line of JSON, then does what its arguments of the form `--do=<action>[:<rest>]` say, in their order.
//!
//! It has no start-up code of the language, which would ignore SIGPIPE and open closed descriptors, so that what it reports
//! is what the launcher handed over. Standard library only: the suite compiles it with `rustc`. It is never shipped.
#![no_main]
#![allow(missing_docs, reason = "a program")]
#![allow(unsafe_code, reason = "the C entry point and signals have no safe form")]

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

unsafe extern "C" {
    fn kill(process: c_int, signal: c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn _exit(code: c_int) -> !;
}

const SIGNALS: [(&str, c_int); 10] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("PIPE", 13),
    ("TERM", 15),
    ("CHLD", 17),
    ("STOP", 19),
];
const DEFAULT: usize = 0;

#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    let arguments: Vec<&[u8]> = (0..count)
        // SAFETY: the start-up code passes `count` pointers to strings that live as long as the process.
        .map(|position| unsafe { CStr::from_ptr(*arguments.add(position)) }.to_bytes())
        .collect();
    let actions: Vec<&[u8]> =
        arguments.iter().filter_map(|argument| argument.strip_prefix(b"--do=")).collect();
    if !actions.contains(&b"quiet".as_slice()) {
        print(format!("{}\n", report(&arguments)).as_bytes());
    }
    for action in actions {
        let (name, rest) = split(action, b':');
        if let Some(code) = act(name, rest) {
            return code;
        }
    }
    0
}

/// Does one thing; returns the exit code if it ends the program.
fn act(name: &[u8], rest: &[u8]) -> Option<c_int> {
    let path = Path::new(OsStr::from_bytes(rest));
    match name {
        b"quiet" => {}
        b"exit" => return Some(text(rest).parse().expect("a number")),
        b"kill" => {
            // SAFETY: plain calls; the signal goes to this process.
            unsafe { signal(number(rest), DEFAULT) };
            // SAFETY: as above.
            unsafe { kill(std::process::id().cast_signed(), number(rest)) };
        }
        // `trap:TERM=7`: from now on that signal ends the program with that code.
        b"trap" => {
            let (name, code) = split(rest, b'=');
            TRAPPED.store(text(code).parse().expect("a number"), std::sync::atomic::Ordering::Relaxed);
            // SAFETY: the handler only calls what is safe in handlers.
            unsafe { signal(number(name), trapped as *const () as usize) };
        }
        b"read" => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).expect("standard input");
            print(&bytes);
        }
        b"print" => print(&std::fs::read(path).expect("file")),
        b"write" | b"append" => {
            let (path, content) = split(rest, b'=');
            let path = Path::new(OsStr::from_bytes(path));
            let mut options = std::fs::OpenOptions::new();
            options.create(true).write(true).append(name == b"append").truncate(name == b"write");
            options.open(path).expect("file").write_all(content).expect("write");
        }
        b"remove" => std::fs::remove_file(path).expect("remove"),
        b"tree" => print(tree(path, 0).as_bytes()),
        b"error" => {
            let _ = std::io::stderr().write_all(&[rest, b"\n"].concat());
        }
        // Says `ready` and goes on when standard input ends or a signal ends the program.
        b"wait" => {
            print(b"ready\n");
            let mut bytes = Vec::new();
            let _ = std::io::stdin().read_to_end(&mut bytes);
        }
        b"sleep" => {
            std::thread::sleep(std::time::Duration::from_millis(text(rest).parse().expect("a number")));
        }
        b"flood" => loop {
            if std::io::stdout().write_all(&[b'x'; 4096]).is_err() {
                return Some(3);
            }
        },
        other => panic!("there is no action {:?}", text(other)),
    }
    None
}

static TRAPPED: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);

extern "C" fn trapped(_: c_int) {
    // SAFETY: `_exit` may be called in handlers.
    unsafe { _exit(TRAPPED.load(std::sync::atomic::Ordering::Relaxed)) }
}

fn report(arguments: &[&[u8]]) -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>()
    };
    let shown: Vec<String> = arguments.iter().map(|argument| string(argument)).collect();
    let mut variables: Vec<(Vec<u8>, Vec<u8>)> =
        std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec())).collect();
    variables.sort();
    let variables: Vec<String> = variables
        .iter()
        .map(|(name, value)| match std::str::from_utf8(name) {
            Ok(name) => format!("{}:{}", quoted(name), string(value)),
            Err(_) => format!("{}:{}", quoted(&format!("hex:{}", hex(name))), string(value)),
        })
        .collect();
    let link = |path: &str| std::fs::read_link(path).map(|path| string(path.as_os_str().as_bytes()));
    let mask = |name: &str| {
        let bits = u64::from_str_radix(field(name).first().unwrap_or(&"0"), 16).unwrap_or(0);
        let set = SIGNALS.iter().filter(|(_, number)| bits >> (number - 1) & 1 == 1);
        let named: Vec<String> = set.map(|(name, _)| quoted(name)).collect();
        format!("[{}]", named.join(","))
    };
    let cwd = std::env::current_dir().map(|path| string(path.as_os_str().as_bytes()));
    format!(
        "{{\"argv\":[{}],\"environment\":{{{}}},\"cwd\":{},\"program\":{},\"umask\":{},\"descriptors\":[{}],\"blocked\":{},\"ignored\":{},\"uid\":{},\"gid\":{},\"pid\":{},\"ppid\":{}}}",
        shown.join(","),
        variables.join(","),
        cwd.unwrap_or_else(|_| "null".into()),
        link("/proc/self/exe").unwrap_or_else(|_| "null".into()),
        quoted(field("Umask").first().unwrap_or(&"")),
        descriptors().join(","),
        mask("SigBlk"),
        mask("SigIgn"),
        field("Uid")[1],
        field("Gid")[1],
        std::process::id(),
        field("PPid")[0],
    )
}

/// Open descriptors, except the one that lists them.
fn descriptors() -> Vec<String> {
    let mut numbers: Vec<u32> = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").expect("descriptors") {
        numbers.push(entry.expect("entry").file_name().to_string_lossy().parse().expect("a number"));
    }
    numbers.sort_unstable();
    // The listing's own descriptor is closed by now.
    numbers.retain(|number| std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok());
    numbers.iter().map(ToString::to_string).collect()
}

/// Everything below a folder: kind, mode and path, a line each.
fn tree(folder: &Path, depth: usize) -> String {
    let mut lines = String::new();
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        let metadata = path.symlink_metadata().expect("metadata");
        let kind = if metadata.is_dir() {
            'd'
        } else if metadata.is_symlink() {
            'l'
        } else {
            'f'
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let _ = writeln!(
            lines,
            "{}{kind} {:04o} {name}",
            "  ".repeat(depth),
            metadata.permissions().mode() & 0o7777
        );
        if metadata.is_dir() {
            lines += &tree(&path, depth + 1);
        }
    }
    lines
}

fn print(bytes: &[u8]) {
    let mut output = std::io::stdout();
    let _ = output.write_all(bytes).and_then(|()| output.flush());
}

fn split(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let position = bytes.iter().position(|byte| *byte == at);
    position.map_or((bytes, &[]), |position| (&bytes[..position], &bytes[position + 1..]))
}

fn number(name: &[u8]) -> c_int {
    SIGNALS.iter().find(|(known, _)| known.as_bytes() == name).expect("a known signal").1
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A JSON string, or `{"hex": …}` for bytes that are not UTF-8.
fn string(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| format!("{{\"hex\":\"{}\"}}", hex(bytes)), quoted)
}

fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => shown.extend(['\\', character]),
            control if u32::from(control) < 0x20 => {
                let _ = write!(shown, "\\u{:04x}", u32::from(control));
            }
            other => shown.push(other),
        }
    }
    shown + "\""
}
