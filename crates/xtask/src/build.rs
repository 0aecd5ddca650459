//! Builds what ships, into `dist/`: Rust launcher, Go programs, Go launchers for other platforms, Rust builder, addon,
//! TypeScript, in this order.
//!
//! Guarantees: shipped binaries are built one package at a time (a workspace build would unify features,
//! and the launcher would grow), from the committed lock file; launcher and builder hold no path of the machine
//! that built them, so two checkouts give the same bytes. Cargo and tsc decide what is stale.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use self::call::{cargo, output, succeed};
use self::index::{Built, publish};
use self::place::entries;
use self::typescript::npm_tool;
use crate::workspace;

mod call;
mod go;
mod index;
mod place;
mod typescript;

const ADDON_CRATE: &str = "flavor-napi";

/// A static program that ships beside the addon.
struct Program {
    /// The list of `index.json` that it stands in.
    list: &'static str,
    package: &'static str,
    /// Name of the binary, and of the file.
    binary: &'static str,
    /// Folder of the profile in cargo's target folder.
    profile: &'static str,
}

const LAUNCHER: Program = Program {
    list: "launchers",
    package: "flavor-rs-launcher",
    binary: "flavor-rs-launcher",
    profile: "launcher",
};
// Compresses and hashes: made for speed, where the launcher is made for size.
const BUILDER: Program =
    Program { list: "builders", package: "flavor-pack", binary: "flavor-rs-builder", profile: "release" };

/// Builds one part of the repository at the given root.
type Build = fn(&Path) -> Result<()>;

/// Runs every part, or one of them.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    let root = workspace::root();
    let parts: [(&str, Build); 6] = [
        ("launcher", |root| program(root, &LAUNCHER)),
        ("go", |root| go::programs(root, &target_name(&host_triple(root)?)?)),
        ("go-launchers", |root| go::launchers(root, &target_name(&host_triple(root)?)?)),
        ("builder", |root| program(root, &BUILDER)),
        ("addon", addon),
        ("ts", typescript::typescript),
    ];
    if let Some(name) = only {
        ensure!(parts.iter().any(|(part, _)| *part == name), "no such part: `{name}`");
    }
    for (name, build) in parts {
        if only.is_none_or(|wanted| wanted == name) {
            let started = Instant::now();
            build(&root).with_context(|| format!("building the {name} failed"))?;
            println!("built {name} in {:.1} s", started.elapsed().as_secs_f64());
        }
    }
    Ok(())
}

/// The name that users, manifests and package metadata have for a Rust target.
fn target_name(triple: &str) -> Result<String> {
    let arch = match triple.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        _ => bail!("no launcher for this processor: {triple}"),
    };
    let system = match triple {
        _ if triple.contains("-linux-") => "linux",
        _ if triple.ends_with("-apple-darwin") => "darwin",
        _ if triple.contains("-windows-") => "windows",
        _ => bail!("no launcher for this system: {triple}"),
    };
    let libc = if triple.ends_with("-musl") { "_musl" } else { "" };
    Ok(format!("{system}_{arch}{libc}"))
}

fn program(root: &Path, program: &Program) -> Result<()> {
    let triple = host_triple(root)?;
    let target = target_name(&triple)?;
    let target_directory = target_directory(root)?;
    // The folders that are hidden below must be there before the first compilation.
    succeed(cargo().current_dir(root).args(["fetch", "--quiet", "--locked", "--target", &triple]))?;
    let mut command = cargo();
    command
        .current_dir(root)
        .args(["build", "--package", program.package, "--bin", program.binary])
        .args(["--profile", program.profile, "--locked"])
        // Static gnu builds need an explicit target, else the flags also reach build scripts and proc macros.
        .args(["--target", &triple])
        .env("CARGO_ENCODED_RUSTFLAGS", program_flags(root, program, &triple)?);
    for (name, flags) in c_flags(root, &triple)? {
        command.env(name, flags);
    }
    succeed(&mut command)?;

    let suffix = if target.starts_with("windows") { ".exe" } else { "" };
    let file_name = format!("{}{suffix}", program.binary);
    let built = target_directory.join(&triple).join(program.profile).join(&file_name);
    if program.binary == LAUNCHER.binary {
        // A C library that does not know one of the flags below gives a program that dies before it begins.
        let mut help = Command::new(&built);
        succeed(help.arg("help").env("FLAVOR_LAUNCHER_CLI", "1").stdout(Stdio::null()))?;
    }
    let finished =
        Built { list: program.list, kind: "rust", target: &target, folder: &target, file_name: &file_name };
    publish(root, &finished, &built)
}

/// The flags of this one call. They replace RUSTFLAGS, so the builder's environment cannot change the bytes.
fn program_flags(root: &Path, program: &Program, triple: &str) -> Result<OsString> {
    let mut flags = OsString::new();
    if !triple.ends_with("-apple-darwin") {
        flags.push("-Ctarget-feature=+crt-static\u{1f}");
    }
    if program.binary == LAUNCHER.binary {
        // One signature is checked a cold start: tables and detection for vector units would cost more than they save.
        flags.push("--cfg=curve25519_dalek_backend=\"serial\"\u{1f}");
        if triple.contains("-linux-") {
            // 60 KB of relocations in 3; the C library that is linked in must know the form (glibc 2.36, musl 1.2.4).
            flags.push("-Clink-arg=-Wl,-z,pack-relative-relocs\u{1f}");
            flags.push("-Clink-arg=-Wl,--no-eh-frame-hdr\u{1f}-Clink-arg=-Wl,-T,");
            flags.push(root.join("launchers/rust/without-unwind-tables.ld"));
            flags.push("\u{1f}");
        }
    }
    for (index, (from, to)) in hidden_paths(root)?.iter().enumerate() {
        if index > 0 {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}

/// The same for C sources of dependencies, whose assertions name their file. zstd's decoder for windows above 16 MiB, which
/// decodes nothing that another does not, is left out: packages of ours have windows of 8 MiB at most.
fn c_flags(root: &Path, triple: &str) -> Result<Vec<(String, OsString)>> {
    if triple.ends_with("-msvc") {
        return Ok(Vec::new());
    }
    let mut flags = OsString::from("-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT");
    for (from, to) in hidden_paths(root)? {
        flags.push(" '-ffile-prefix-map=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
        flags.push("'");
    }
    let name = format!("CFLAGS_{}", triple.replace('-', "_"));
    Ok(vec![(name, flags), ("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".into())])
}

/// Folders of the building machine, and the names that stand for them in a binary. Where several match,
/// the last one counts.
fn hidden_paths(root: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = home
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor a home folder is known")?;
    let sysroot =
        PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root))?);
    let mut hidden =
        vec![(root.to_path_buf(), "/flavor"), (cargo_home.clone(), "/cargo"), (sysroot, "/rust")];
    // Sources of dependencies lie in a folder named after the registry or mirror that they came from.
    for registry in entries(&cargo_home.join("registry/src"))? {
        hidden.push((registry.path(), "/cargo"));
    }
    hidden[3..].sort();
    Ok(hidden)
}

fn addon(root: &Path) -> Result<()> {
    let cli = npm_tool(root, "@napi-rs/cli/dist/cli.js")?;
    let mut command = Command::new("node");
    command
        .current_dir(root)
        .arg(cli)
        .args(["build", "--platform", "--release", "--package", ADDON_CRATE])
        .args(["--manifest-path", "crates/flavor-napi/Cargo.toml", "--output-dir", "dist"])
        .args(["--js", "binding.cjs", "--dts", "binding.d.cts", "--", "--locked"]);
    succeed(&mut command)
}

fn host_triple(root: &Path) -> Result<String> {
    let verbose = output(Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = verbose.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

fn target_directory(root: &Path) -> Result<PathBuf> {
    let mut command = cargo();
    command.current_dir(root).args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&output(&mut command)?)?;
    let directory = metadata["target_directory"].as_str().context("cargo names no target folder")?;
    Ok(PathBuf::from(directory))
}

#[cfg(test)]
mod tests {
    use super::target_name;

    #[test]
    fn rust_targets_have_the_names_that_users_know() {
        for (triple, name) in [
            ("x86_64-unknown-linux-gnu", "linux_amd64"),
            ("aarch64-unknown-linux-gnu", "linux_arm64"),
            ("x86_64-unknown-linux-musl", "linux_amd64_musl"),
            ("aarch64-apple-darwin", "darwin_arm64"),
            ("x86_64-pc-windows-msvc", "windows_amd64"),
            ("aarch64-pc-windows-msvc", "windows_arm64"),
        ] {
            assert_eq!(target_name(triple).unwrap(), name);
        }
        assert!(target_name("riscv64gc-unknown-linux-gnu").is_err());
    }
}
