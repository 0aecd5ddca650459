//! `cargo xtask`: the build steps and generators of this repository.
//!
//! Guarantees: a generator writes only the files it names, and with `--check` writes nothing and exits 1
//! when a committed file differs from what it would write. Deliberately absent: anything that a package
//! or its user meets at run time.

mod build;
mod errors;
mod vectors;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <task>

tasks:
  errors [--check]   write the error tables of Rust, TypeScript and README from crates/pspf/errors.json
  vectors [--check]  write the test vectors of the format, __test__/vectors
  build [--only launcher|go|go-launchers|builder|addon|ts]
                     build what ships, into dist/: launcher, Go programs, Go launchers for
                     other platforms, builder, addon, TypeScript";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("xtask: caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["errors"] => errors::run(false),
        ["errors", "--check"] => errors::run(true),
        ["vectors"] => vectors::run(false),
        ["vectors", "--check"] => vectors::run(true),
        ["build"] => build::run(None),
        ["build", "--only", part] => build::run(Some(part)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no such task: `{}`\n{USAGE}", other.join(" ")),
    }
}
