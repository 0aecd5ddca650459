//! Windows: running a program as a child and waiting for it (LAUNCH.md 7.4, 15). The console sends its signals to both; this
//! process leaves them to the program. A launcher that is killed takes the program along, by a job that only the two are in.
#![expect(unsafe_code, reason = "jobs and the console's signals have no safe form")]

use std::ffi::{OsStr, OsString, c_void};
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use windows_sys::Win32::Foundation::CloseHandle;
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
    SetConsoleCtrlHandler, SetStdHandle,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{INFINITE, Sleep};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It exited with this code, of which all 32 bits count.
    Code(i32),
}

impl Ending {
    /// For messages.
    pub(crate) fn words(self) -> String {
        let Self::Code(code) = self;
        // Faults have numbers that people know in this form.
        if code < 0 { format!("exit code {code:#010x}") } else { format!("exit code {code}") }
    }
}

/// Runs `program` to its end. With `release` this process lets go of standard input and output while it waits, so that whoever
/// reads or writes at the other end deals with the program alone.
pub(crate) fn run(
    program: &OsStr,
    argv: &[&OsString],
    environment: &[(OsString, OsString)],
    release: bool,
) -> io::Result<Ending> {
    let mut command = command(program, argv.iter().copied(), environment)?;
    leave_signals_to_program();
    let mut child = command.spawn()?;
    let _job = Job::of(&child);
    if release {
        release_standard_streams();
    }
    let status = child.wait()?;
    Ok(Ending::Code(status.code().unwrap_or(0)))
}

/// The exit code that says how the program ended.
pub(crate) fn end_as(ending: Ending) -> i32 {
    let Ending::Code(code) = ending;
    code
}

/// A program with its arguments and environment. Arguments are quoted as `CommandLineToArgvW` and the C library read them; batch
/// files, which `cmd` reads by other rules, are refused.
pub(crate) fn command<'a>(
    program: &OsStr,
    argv: impl Iterator<Item = &'a OsString>,
    environment: &[(OsString, OsString)],
) -> io::Result<Command> {
    // One kind of separators: packages write the other one.
    let program: PathBuf = Path::new(program).components().collect();
    let is_batch = |extension: &OsStr| ["bat", "cmd"].iter().any(|kind| extension.eq_ignore_ascii_case(kind));
    if program.extension().is_some_and(is_batch) {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "batch files cannot be started"));
    }
    let mut command = Command::new(program);
    command.args(argv.skip(1)).env_clear();
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// From here on this process survives what the console sends, and the program decides what comes of it.
fn leave_signals_to_program() {
    // SAFETY: the handler is a function that may be called on any thread at any time.
    unsafe { SetConsoleCtrlHandler(Some(on_console_signal), 1) };
}

unsafe extern "system" fn on_console_signal(signal: u32) -> i32 {
    if signal != CTRL_C_EVENT && signal != CTRL_BREAK_EVENT {
        // The console is closed, or the user leaves: the system ends this process when this returns, and the program, which was
        // told too, may need its time. The main thread ends the process when the program has ended.
        // SAFETY: it is a thread of the system's that sleeps.
        unsafe { Sleep(INFINITE) };
    }
    1
}

fn release_standard_streams() {
    // SAFETY: it takes a number and returns a handle, or what stands for none.
    let messages = unsafe { GetStdHandle(STD_ERROR_HANDLE) };
    for stream in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE] {
        // SAFETY: nothing of this process uses them from here on; what was no handle is refused. Some parents give one handle for
        // output and messages, and this process may still have something to say.
        unsafe {
            let handle = GetStdHandle(stream);
            SetStdHandle(stream, std::ptr::null_mut());
            if handle != messages {
                CloseHandle(handle);
            }
        }
    }
}

/// Ends what is in it when its last handle is closed, be it by the death of this process. Processes that the program starts are not
/// in it: they may outlive the program, as on other systems.
struct Job(#[expect(dead_code, reason = "held, never used")] OwnedHandle);

impl Job {
    /// `None` where the system does not let the child be put into one; then it runs without.
    fn of(child: &Child) -> Option<Self> {
        // SAFETY: no attributes and no name; a handle that is not null is a new one of this process.
        let job = unsafe {
            let handle = CreateJobObjectW(std::ptr::null(), std::ptr::null());
            (!handle.is_null()).then(|| OwnedHandle::from_raw_handle(handle))?
        };
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags =
            JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
        let place: *const c_void = (&raw const limits).cast();
        let size = u32::try_from(size_of_val(&limits)).ok()?;
        // SAFETY: both handles are open, and the structure is that of its class, of the size that is stated.
        let is_in_it = unsafe {
            SetInformationJobObject(job.as_raw_handle(), JobObjectExtendedLimitInformation, place, size) != 0
                && AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle()) != 0
        };
        is_in_it.then_some(Self(job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set for the child, which is this test again.
    const CODE: &str = "FLAVOR_TEST_EXIT_CODE";

    #[test]
    fn all_bits_of_an_exit_code_arrive() {
        if let Ok(code) = std::env::var(CODE) {
            std::process::exit(code.parse().expect("a number"));
        }
        let program = std::env::current_exe().expect("path").into_os_string();
        let own = "supervise::tests::all_bits_of_an_exit_code_arrive";
        let argv = [program.clone(), "--exact".into(), own.into()];
        for code in [0, 3, 70_000, -1_073_741_819] {
            let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
            environment.push((CODE.into(), code.to_string().into()));
            let ending = run(&program, &argv.iter().collect::<Vec<_>>(), &environment, false).expect("run");
            assert_eq!(end_as(ending), code);
        }
        assert_eq!(Ending::Code(-1_073_741_819).words(), "exit code 0xc0000005");
    }

    #[test]
    fn batch_files_and_programs_that_are_not_there_are_refused() {
        for program in [r"C:\flavor\x.bat", r"C:\flavor\x.CMD", r"C:\flavor\none.exe"] {
            assert!(run(OsStr::new(program), &[], &[], false).is_err(), "{program}");
        }
    }
}
