//! Builds what ships, into `dist/`: launcher, builder, addon, TypeScript, in this order.
//!
//! Guarantees: shipped binaries are built one package at a time (a workspace build would unify features,
//! and the launcher would grow), from the committed lock file; launcher and builder hold no path of the machine
//! that built them, so two checkouts give the same bytes. Cargo and tsc decide what is stale.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::workspace;

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
    let parts: [(&str, Build); 4] = [
        ("launcher", |root| program(root, &LAUNCHER)),
        ("builder", |root| program(root, &BUILDER)),
        ("addon", addon),
        ("ts", typescript),
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
        succeed(help.arg("help").env("FLAVOR_LAUNCHER_CLI", "1").stdout(std::process::Stdio::null()))?;
    }
    let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    let launchers = root.join("dist/launchers");
    place(&launchers.join(&target).join(&file_name), &bytes, true)?;

    let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let entry = json!({
        "kind": "rust",
        "target": target,
        "version": env!("CARGO_PKG_VERSION"),
        "path": format!("{target}/{file_name}"),
        "size": bytes.len(),
        "sha256": sha256,
    });
    record(&launchers.join("index.json"), program.list, &entry)
}

/// Puts a program into the index; what the other lists say stays.
fn record(index: &Path, list: &str, entry: &Value) -> Result<()> {
    let mut document = json!({"schema": 1, "builders": [], "launchers": []});
    let old = fs::read(index).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    for kept in ["builders", "launchers"] {
        if let Some(entries) = old.as_ref().and_then(|old| old.get(kept)).filter(|entries| entries.is_array())
        {
            document[kept] = entries.clone();
        }
    }
    document[list] = json!([entry]);
    let text = serde_json::to_string_pretty(&document)? + "\n";
    place(index, text.as_bytes(), false)
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

/// The same for C sources of dependencies, whose assertions name their file.
fn c_flags(root: &Path, triple: &str) -> Result<Vec<(String, OsString)>> {
    if triple.ends_with("-msvc") {
        return Ok(Vec::new());
    }
    let mut flags = OsString::new();
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

fn typescript(root: &Path) -> Result<()> {
    let compiler = npm_tool(root, "typescript/bin/tsc")?;
    remove_orphans(&root.join("dist"), &root.join("ts"))?;
    succeed(Command::new("node").current_dir(root).arg(compiler).args(["-p", "tsconfig.json"]))?;
    copy_embedded(&root.join("ts/python/embedded"), &root.join("dist/python/embedded"))
}

/// Removes what tsc made of a source that is gone: everything in `dist` is shipped.
fn remove_orphans(dist: &Path, sources: &Path) -> Result<()> {
    for entry in entries(dist)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if name != "launchers" && name != "embedded" {
                remove_orphans(&path, &sources.join(&name))?;
            }
        } else if let Some(stem) = name.strip_suffix(".d.ts").or_else(|| name.strip_suffix(".js"))
            && !sources.join(format!("{stem}.ts")).exists()
        {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// The Python files that packages carry, and those that flavor runs: not TypeScript, so tsc leaves them behind.
fn copy_embedded(from: &Path, to: &Path) -> Result<()> {
    let mut kept = BTreeSet::new();
    for entry in entries(from)? {
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type()?.is_dir() {
            if name == "__pycache__" {
                continue;
            }
            copy_embedded(&path, &to.join(&name))?;
        } else if name == "py.typed" || path.extension().is_some_and(|extension| extension == "py") {
            place(&to.join(&name), &fs::read(&path)?, false)?;
        } else {
            continue;
        }
        kept.insert(name);
    }
    for entry in entries(to)?.into_iter().filter(|entry| !kept.contains(&entry.file_name())) {
        let path = entry.path();
        let removed =
            if entry.file_type()?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// The entries of a folder; none if there is no such folder.
fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(entries.collect::<std::io::Result<_>>()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", directory.display())),
    }
}

/// Writes a file whole: beside its place, then renamed, because the old one may be running.
fn place(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let parent = path.parent().context("a file has a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let staged = path.with_added_extension(format!("{}.new", std::process::id()));
    fs::write(&staged, bytes).with_context(|| format!("cannot write {}", staged.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&staged, fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = executable;
    fs::rename(&staged, path).with_context(|| format!("cannot write {}", path.display()))
}

fn npm_tool(root: &Path, tool: &str) -> Result<PathBuf> {
    let path = root.join("node_modules").join(tool);
    ensure!(path.exists(), "node_modules/{tool} is missing; run `npm ci`");
    Ok(path)
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

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn succeed(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_os_string();
    let output = command.output().with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{record, remove_orphans, target_name};
    use std::fs;

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

    #[test]
    fn a_part_that_is_built_alone_leaves_the_other_entries_of_the_index() {
        let folder = std::env::temp_dir().join(format!("xtask-index-{}", std::process::id()));
        let index = folder.join("index.json");
        fs::create_dir_all(&folder).unwrap();
        record(&index, "launchers", &serde_json::json!({"path": "old"})).unwrap();
        record(&index, "builders", &serde_json::json!({"path": "builder"})).unwrap();
        record(&index, "launchers", &serde_json::json!({"path": "new"})).unwrap();
        let found: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
        let expected = serde_json::json!({"schema": 1, "launchers": [{"path": "new"}], "builders": [{"path": "builder"}]});
        assert_eq!(found, expected);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn only_outputs_of_removed_sources_are_removed() {
        let base = std::env::temp_dir().join(format!("xtask-orphans-{}", std::process::id()));
        let (dist, ts) = (base.join("dist"), base.join("ts"));
        fs::create_dir_all(dist.join("cli")).unwrap();
        fs::create_dir_all(ts.join("cli")).unwrap();
        fs::write(ts.join("cli/kept.ts"), "").unwrap();
        for file in ["cli/kept.js", "cli/kept.d.ts", "cli/gone.js", "cli/gone.d.ts", "binding.cjs"] {
            fs::write(dist.join(file), "").unwrap();
        }
        remove_orphans(&dist, &ts).unwrap();
        let there = |file: &str| dist.join(file).exists();
        assert!(there("cli/kept.js") && there("cli/kept.d.ts") && there("binding.cjs"));
        assert!(!there("cli/gone.js") && !there("cli/gone.d.ts"));
        fs::remove_dir_all(&base).unwrap();
    }
}
