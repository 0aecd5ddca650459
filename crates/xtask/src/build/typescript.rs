//! The TypeScript part of `dist`, and the files beside it that tsc leaves behind: Python files, and the page of `size`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::call::succeed;
use super::place::{entries, place};

pub(super) fn typescript(root: &Path) -> Result<()> {
    let compiler = npm_tool(root, "typescript/bin/tsc")?;
    remove_orphans(&root.join("dist"), &root.join("ts"))?;
    succeed(Command::new("node").current_dir(root).arg(compiler).args(["-p", "tsconfig.json"]))?;
    // What packages carry, and what flavor runs.
    copy_assets(&root.join("ts/python/embedded"), &root.join("dist/python/embedded"), &["py", "typed"])?;
    copy_assets(&root.join("ts/size/page"), &root.join("dist/size/page"), &["css", "js"])
}

/// Removes what tsc made of a source that is gone: everything in `dist` is shipped.
fn remove_orphans(dist: &Path, sources: &Path) -> Result<()> {
    for entry in entries(dist)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !matches!(name.as_str(), "launchers" | "embedded" | "page") {
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

/// Makes a folder hold the files of another one that have these extensions, and nothing else.
fn copy_assets(from: &Path, to: &Path, extensions: &[&str]) -> Result<()> {
    let mut kept = BTreeSet::new();
    for entry in entries(from)? {
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type()?.is_dir() {
            if name == "__pycache__" {
                continue;
            }
            copy_assets(&path, &to.join(&name), extensions)?;
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one)) {
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

pub(super) fn npm_tool(root: &Path, tool: &str) -> Result<PathBuf> {
    let path = root.join("node_modules").join(tool);
    ensure!(path.exists(), "node_modules/{tool} is missing; run `npm ci`");
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::remove_orphans;
    use std::fs;

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
