//! Generator of `__test__/vectors`: small packages, right and wrong, with one outcome table for all readers; and of
//! the worked example in FORMAT.md, which is one of them.
//! `cargo xtask vectors [--check]` starts it; it is an example of xtask so that `cargo xtask build` does not wait
//! for the crates of the format.
//!
//! Guarantees: the same bytes on every machine (fixed keys, zstd frames and gzip members made by hand here where a
//! library's next version might choose others), no vector without a name, an outcome and a reason, and no file in the
//! folder that is not one of them. It does not judge: `crates/pspf/tests/vectors.rs` asks the reader.

mod alter;
mod draft;
mod encoded;
mod example;
mod output;
mod sets;
mod slot_keys;
mod table;
mod tar;
mod zstd;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("usage: cargo xtask vectors [--check]");
            return ExitCode::FAILURE;
        }
    };
    let mut table = table::Table::default();
    sets::all(&mut table);
    match output::write(&table, check) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vectors: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
