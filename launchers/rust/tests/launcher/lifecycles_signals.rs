//! The waiting parent of packages with temporary slots (LAUNCH.md 15): whoever deals with it deals with the program.

use std::io::Read as _;
use std::ops::{Deref, DerefMut};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::support::test_package::{directory, file};
use crate::support::{Home, PROGRAM, Settled, demo, entries, out, wait_until, write_package};

fn package() -> &'static Settled {
    static PACKAGE: OnceLock<Settled> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let builder = demo()
            .slot(true, &[directory("sub"), file("note", b"as packed")])
            .edit(|document| document["slots"][2]["lifecycle"] = "temporary".into());
        Settled::new(&builder.bytes())
    })
}

/// A started package; a test that fails leaves neither it nor its program behind.
struct Started(Child);

impl Deref for Started {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Started {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The program dies with its parent.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A started package whose script has said that it is ready. It is in a process group of its own with its parent outside, as
/// a shell would have it: in a group without such a parent the system drops the signals that stop.
fn ready(home: &Home, script: &str) -> Started {
    let mut command = home.command(&package().path);
    command.args(["sh", script]).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = Started(command.spawn().expect("start"));
    let mut byte = [0];
    child.stdout.as_mut().expect("pipe").read_exact(&mut byte).expect("ready");
    child
}

fn kill(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().expect("kill").success());
}

fn state(process: u32) -> char {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('-')
}

/// The only child of a process.
fn child_of(process: u32) -> u32 {
    let path = format!("/proc/{process}/task/{process}/children");
    std::fs::read_to_string(path).expect("children").trim().parse().expect("one child")
}

#[test]
fn signals_sent_to_the_parent_reach_the_program_and_its_answer_counts() {
    for (signal, expected) in [("-TERM", 21), ("-INT", 22), ("-HUP", 23), ("-USR1", 24), ("-WINCH", 25)] {
        let home = Home::new();
        let script = "trap 'exit 21' TERM; trap 'exit 22' INT; trap 'exit 23' HUP; trap 'exit 24' USR1; \
                      trap 'exit 25' WINCH; printf r; while :; do sleep 0.01; done";
        let mut child = ready(&home, script);
        kill(signal, child.id());
        assert_eq!(child.wait().expect("wait").code(), Some(expected), "{signal}");
        assert!(entries(&home.store().join("v1/tmp")).is_empty());
    }
}

#[test]
fn the_parent_dies_of_the_signal_that_killed_the_program() {
    for (signal, number) in [("TERM", 15), ("INT", 2), ("KILL", 9), ("SEGV", 11), ("PIPE", 13)] {
        let home = Home::new();
        let mut child = ready(&home, &format!("printf r; kill -{signal} $$; sleep 5"));
        assert_eq!(child.wait().expect("wait").signal(), Some(number), "{signal}");
        assert!(entries(&home.store().join("v1/tmp")).is_empty());
    }
}

#[test]
fn the_parent_stops_and_continues_with_the_program() {
    for signal in ["-TSTP", "-TTIN"] {
        let home = Home::new();
        let mut child = ready(&home, "printf r; while [ ! -e \"$HOME/go\" ]; do sleep 0.01; done; exit 6");
        let program = child_of(child.id());
        kill(signal, child.id());
        wait_until("both are stopped", || state(child.id()) == 'T' && state(program) == 'T');
        std::fs::write(home.0.path().join("go"), "").expect("write");
        kill("-CONT", child.id());
        assert_eq!(child.wait().expect("wait").code(), Some(6), "{signal}");
    }
    // The program stops itself.
    let home = Home::new();
    let mut child = ready(&home, "printf r; kill -STOP $$; exit 7");
    wait_until("the parent is stopped", || state(child.id()) == 'T');
    kill("-CONT", child.id());
    assert_eq!(child.wait().expect("wait").code(), Some(7));
}

#[test]
fn a_program_does_not_outlive_its_killed_parent() {
    let home = Home::new();
    let mut child = ready(&home, "printf r; while :; do sleep 0.01; done");
    let program = child_of(child.id());
    kill("-KILL", child.id());
    assert_eq!(child.wait().expect("wait").signal(), Some(9));
    wait_until("the program is gone", || matches!(state(program), '-' | 'Z' | 'X'));
}

#[test]
fn the_program_inherits_what_the_parent_was_given() {
    for (shell, switch) in [
        (r#"exec "$@""#, "signals"),
        (r#"trap "" PIPE USR1 CHLD; exec "$@""#, "signals"),
        (r#"umask 027; exec "$@""#, "umask"),
        (r#"exec 0<&- 5</dev/null; exec "$@""#, "descriptors"),
    ] {
        let home = Home::new();
        let script = home.0.path().join("direct");
        write_package(&script, PROGRAM.as_bytes());
        let run = |path: &std::path::Path| {
            let mut command = home.command("/bin/sh");
            let output = command.args(["-c", shell, "sh"]).arg(path).arg(switch).output().expect("start");
            // Signals 32 and 33 belong to the C library.
            let text = out(&output);
            let line = |line: &str| match line.split_once(":\t") {
                Some((name, set)) => u64::from_str_radix(set, 16)
                    .map_or_else(|_| line.to_owned(), |set| format!("{name} {:x}", set & !0x1_8000_0000)),
                None => line.to_owned(),
            };
            text.lines().map(line).collect::<Vec<_>>()
        };
        for start in ["cold", "warm"] {
            let mut found = run(&package().path);
            // The lock on the work environment (LAUNCH.md 7.3).
            found.retain(|line| line != "1023");
            assert_eq!(found, run(&script), "{start}: {shell}");
        }
    }
}

#[test]
fn whoever_reads_the_programs_output_does_not_wait_for_the_parent() {
    let home = Home::new();
    let mut child = ready(&home, "printf r; exec >&-; while [ ! -e \"$HOME/go\" ]; do sleep 0.01; done");
    let mut rest = Vec::new();
    child.stdout.take().expect("pipe").read_to_end(&mut rest).expect("end of output");
    assert!(child.try_wait().expect("wait").is_none());
    std::fs::write(home.0.path().join("go"), "").expect("write");
    assert!(child.wait().expect("wait").success());
}
