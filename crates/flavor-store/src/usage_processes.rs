//! What running processes can be seen to use of the store (STORE.md 13.7), for programs that closed the descriptor that
//! held it: executable, working folder, mapped files, arguments, and for those that did not, which one it is. Linux only;
//! elsewhere nothing is seen.

use std::collections::BTreeSet;
use std::path::Path;

/// Folder names of what processes use.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) slots: BTreeSet<String>,
    pub(crate) environments: BTreeSet<String>,
    /// Slots used by a process of which no environment was seen: it may be any that refers to them.
    pub(crate) unattributed: BTreeSet<String>,
}

/// Looks at the processes of the same user. What cannot be read is left out.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn running(root: &Path) -> Running {
    use std::os::unix::fs::MetadataExt as _;

    let mut running = Running::default();
    let user = rustix::process::geteuid().as_raw();
    let own = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_process = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        // The collector was given names and paths of what it is to remove.
        if !is_process || *name == *own || !entry.metadata().is_ok_and(|process| process.uid() == user) {
            continue;
        }
        let path = entry.path();
        let mut process = Running::default();
        for link in ["exe", "cwd"] {
            if let Ok(target) = std::fs::read_link(path.join(link)) {
                process.note(root, target.as_os_str().as_encoded_bytes());
            }
        }
        for file in ["cmdline", "maps"] {
            process.note(root, &std::fs::read(path.join(file)).unwrap_or_default());
        }
        if process.environments.is_empty() && !process.slots.is_empty() {
            // Whoever kept the descriptor says by it which environment the slots are used for.
            for descriptor in std::fs::read_dir(path.join("fd")).into_iter().flatten().flatten() {
                if let Ok(target) = std::fs::read_link(descriptor.path()) {
                    process.note(root, target.as_os_str().as_encoded_bytes());
                }
            }
        }
        if process.environments.is_empty() {
            running.unattributed.extend(process.slots.iter().cloned());
        }
        running.slots.append(&mut process.slots);
        running.environments.append(&mut process.environments);
    }
    running
}

/// Nothing is seen.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn running(_root: &Path) -> Running {
    Running::default()
}

#[cfg(any(target_os = "linux", target_os = "android", all(test, unix)))]
impl Running {
    /// Notes every slot and environment whose path occurs in `text`.
    fn note(&mut self, root: &Path, text: &[u8]) {
        for part in ["v1/slots/", "v1/envs/", "v1/locks/use-"] {
            let found = if part == "v1/slots/" { &mut self.slots } else { &mut self.environments };
            let start = root.join(part);
            let start = start.as_os_str().as_encoded_bytes();
            let mut rest = text;
            while let Some(at) = rest.windows(start.len()).position(|window| window == start) {
                rest = &rest[at + start.len()..];
                let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
                let length = rest.iter().position(|byte| !in_name(byte)).unwrap_or(rest.len());
                found.insert(String::from_utf8_lossy(&rest[..length]).into_owned());
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn every_path_below_the_store_is_noted_and_no_other() {
        let mut running = Running::default();
        let text = b"/s/v1/envs/a-1.0-0123/bin/python\0-m\0x=/s/v1/slots/ff00\n/t/s/v1/slot/no /s/v1/envs/b (deleted) /s/v1/locks/use-c-2 /s/v1/locks/env-d-2";
        running.note(Path::new("/s"), text);
        assert_eq!(Vec::from_iter(running.environments), ["a-1.0-0123", "b", "c-2"]);
        assert_eq!(Vec::from_iter(running.slots), ["ff00"]);
    }
}
