//! Times programs for `__test__/bench`: runs several of them in turns, so that what drifts on the machine drifts for all.
//!
//! `stopwatch ROUNDS [NAME=VALUE…] (-- PROGRAM [ARGUMENT…])…` starts each program with nothing but these variables in its
//! environment and prints one line a run: its number, nanoseconds from before the spawn until it was waited for, peak
//! resident memory in KiB, exit code (128 + number after a signal). Nothing is left out and nothing is averaged here.
#![cfg(unix)]
#![allow(clippy::zombie_processes, reason = "`wait` waits with wait4")]

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut parts = arguments.split(|argument| argument == "--");
    let head = parts.next().expect("ROUNDS");
    let rounds: usize =
        head.first().and_then(|count| count.to_str()?.parse().ok()).expect("ROUNDS is a number");
    let variables: Vec<(OsString, OsString)> = head[1..].iter().map(variable).collect();
    let mut commands: Vec<Command> = parts
        .map(|part| {
            let mut command = Command::new(&part[0]);
            command.args(&part[1..]).env_clear().envs(variables.iter().cloned());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        })
        .collect();
    let mut out = std::io::stdout().lock();
    for _ in 0..rounds {
        for (number, command) in commands.iter_mut().enumerate() {
            let begun = Instant::now();
            let child = command.spawn().expect("spawn");
            let (code, kibibytes) = wait(child.id());
            let elapsed = begun.elapsed();
            writeln!(out, "{number} {} {kibibytes} {code}", elapsed.as_nanos()).expect("write");
        }
    }
}

fn variable(text: &OsString) -> (OsString, OsString) {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=').expect("NAME=VALUE");
    (std::ffi::OsStr::from_bytes(&bytes[..at]).into(), std::ffi::OsStr::from_bytes(&bytes[at + 1..]).into())
}

/// Exit code and peak resident memory.
#[allow(unsafe_code, reason = "only wait4 tells what one child used")]
fn wait(child: u32) -> (i32, i64) {
    let mut status = 0;
    // SAFETY: both places are valid, and zero is a valid usage.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let child = libc::pid_t::try_from(child).expect("process id");
        assert_eq!(libc::wait4(child, &raw mut status, 0, &raw mut usage), child);
        usage
    };
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) };
    (code, usage.ru_maxrss)
}
