//! The Go programs: built without cgo, paths and build ids, so that every machine builds the same bytes.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::call::succeed;
use super::index::{Built, publish};

const LAUNCHER: &str = "flavor-go-launcher";
/// Launcher and builder, each with the list of the index that it stands in.
const PROGRAMS: [(&str, &str); 2] = [("launchers", LAUNCHER), ("builders", "flavor-go-builder")];
/// Where the launcher begins on Linux: it notes what the parent gave before Go's runtime changes it.
const ENTRY: &str = "flavorpack-native/launchers/go/internal/process.entry";

/// Builds both programs for a target with the name that users know.
pub(super) fn programs(root: &Path, target: &str) -> Result<()> {
    let mut words = target.split('_');
    let (os, arch) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let suffix = if os == "windows" { ".exe" } else { "" };
    for (list, program) in PROGRAMS {
        let file_name = format!("{program}{suffix}");
        let entry = if program == LAUNCHER && os == "linux" { format!(" -E {ENTRY}") } else { String::new() };
        let output = root.join("target/go").join(target).join(&file_name);
        let mut command = Command::new("go");
        command
            .current_dir(root.join("launchers/go"))
            .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly"])
            .arg(format!("-ldflags=-s -w -buildid={entry}"))
            .arg("-o")
            .arg(&output)
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
        succeed(&mut command)?;
        publish(root, &Built { list, kind: "go", target, file_name: &file_name }, &output)?;
    }
    Ok(())
}
