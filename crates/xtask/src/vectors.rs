//! Starts the generator of the test vectors, `examples/vectors`. It is a program of its own because it needs the
//! crates of the format, which `cargo xtask build` and `cargo xtask errors` must not wait for: the error table is
//! what those crates are generated from.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Writes, or with `check` compares, everything in `__test__/vectors`.
pub(crate) fn run(check: bool) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--locked", "--package", "xtask", "--example", "vectors", "--"]);
    if check {
        command.arg("--check");
    }
    let status = command.current_dir(workspace::root()).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("the vectors could not be made or differ");
    }
    Ok(())
}
