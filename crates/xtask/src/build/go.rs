//! The Go programs: built without cgo, paths and build ids, so that every machine builds the same bytes. The launcher is
//! built for every target, whatever machine builds it: packages for platforms that have no other one carry it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::call::succeed;
use super::index::{Built, publish};

const LAUNCHER: &str = "flavor-go-launcher";
/// Launcher and builder, each with the list of the index that it stands in.
const PROGRAMS: [(&str, &str); 2] = [("launchers", LAUNCHER), ("builders", "flavor-go-builder")];
/// Where the launcher begins on Linux: it notes what the parent gave before Go's runtime changes it.
const ENTRY: &str = "flavorpack-native/launchers/go/internal/process.entry";

/// Every target, by the name that users know.
const TARGETS: [&str; 8] = [
    "darwin_amd64",
    "darwin_arm64",
    "linux_amd64",
    "linux_amd64_musl",
    "linux_arm64",
    "linux_arm64_musl",
    "windows_amd64",
    "windows_arm64",
];

/// Builds both programs for a target with the name that users know.
pub(super) fn programs(root: &Path, target: &str) -> Result<()> {
    for (list, program) in PROGRAMS {
        let file_name = file_name(program, target);
        let output = compiled(root, target, program)?;
        publish(root, &Built { list, kind: "go", target, folder: target, file_name: &file_name }, &output)?;
    }
    Ok(())
}

/// Builds the launcher for every target but the one of this machine.
pub(super) fn launchers(root: &Path, host: &str) -> Result<()> {
    for target in TARGETS {
        if target == host {
            continue;
        }
        let folder = without_libc(target);
        let file_name = file_name(LAUNCHER, folder);
        let output = compiled(root, folder, LAUNCHER)?;
        publish(
            root,
            &Built { list: "launchers", kind: "go", target, folder, file_name: &file_name },
            &output,
        )?;
    }
    Ok(())
}

/// The target whose file serves this one too: the programs use no C library.
fn without_libc(target: &str) -> &str {
    target.strip_suffix("_musl").unwrap_or(target)
}

fn file_name(program: &str, target: &str) -> String {
    format!("{program}{}", if target.starts_with("windows") { ".exe" } else { "" })
}

/// Compiles a program; Go decides what is stale.
fn compiled(root: &Path, target: &str, program: &str) -> Result<PathBuf> {
    let output = root.join("target/go").join(target).join(file_name(program, target));
    succeed(&mut compilation(&root.join("launchers/go"), target, program, &output))?;
    Ok(output)
}

/// The command that writes one program of the module in a folder.
fn compilation(module: &Path, target: &str, program: &str, output: &Path) -> Command {
    let mut words = target.split('_');
    let (os, arch) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let entry = if program == LAUNCHER && os == "linux" { format!(" -E {ENTRY}") } else { String::new() };
    let mut command = Command::new("go");
    command
        .current_dir(module)
        .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly"])
        .arg(format!("-ldflags=-s -w -buildid={entry}"))
        .arg("-o")
        .arg(output)
        .arg(format!("./cmd/{program}"))
        .envs([("CGO_ENABLED", "0"), ("GOOS", os), ("GOARCH", arch)])
        // Flags of the builder's environment must not change the bytes, and no other toolchain is fetched.
        .envs([
            ("GOFLAGS", ""),
            ("GOAMD64", "v1"),
            ("GOARM64", "v8.0"),
            ("GOEXPERIMENT", ""),
            ("GOTOOLCHAIN", "local"),
        ]);
    command
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::{host_triple, target_name};
    use super::{PROGRAMS, TARGETS, compilation, without_libc};
    use crate::build::call::succeed;
    use crate::workspace;

    #[test]
    fn every_target_has_a_file_and_both_c_libraries_share_one() {
        let mut files: Vec<&str> = TARGETS.iter().map(|target| without_libc(target)).collect();
        files.dedup();
        assert_eq!(
            files,
            ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64", "windows_arm64"]
        );
    }

    /// Copies the sources of a module.
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }

    // The second build shares nothing with the first: another folder, and a cache that is empty.
    #[test]
    fn two_checkouts_build_the_same_programs_without_their_paths_slow() {
        let root = workspace::root();
        let target = target_name(&host_triple(&root).unwrap()).unwrap();
        let folder = std::env::temp_dir().join(format!("xtask-go-{}", std::process::id()));
        let (one, other) = (folder.join("one"), folder.join("a longer way/other"));
        for checkout in [&one, &other] {
            copy(&root.join("launchers/go"), checkout);
        }
        for (_, program) in PROGRAMS {
            let (first, second) = (folder.join("first"), folder.join("second"));
            succeed(&mut compilation(&one, &target, program, &first)).unwrap();
            let mut again = compilation(&other, &target, program, &second);
            succeed(again.env("GOCACHE", folder.join("cache"))).unwrap();
            let (first, second) = (fs::read(first).unwrap(), fs::read(second).unwrap());
            assert!(first == second, "{program} has other bytes when it is built elsewhere");
            for path in [one.as_path(), folder.as_path(), root.as_path()] {
                let path = path.to_str().unwrap().as_bytes();
                assert!(!first.windows(path.len()).any(|bytes| bytes == path), "{program} names a folder");
            }
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
