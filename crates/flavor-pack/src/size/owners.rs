//! Which distribution a file of a slot belongs to, as the RECORDs of the slot say. Bytecode belongs to whom its source
//! belongs to. What no RECORD names is nobody's.

use std::collections::HashMap;

use super::read::Content;

/// One installed distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) name: String,
    pub(super) version: String,
    /// Folder of the slot that it is installed in; empty for the root.
    pub(super) base: String,
}

/// Distributions of a slot, and their files.
pub(super) struct Owners {
    pub(super) distributions: Vec<Distribution>,
    by_path: HashMap<String, usize>,
    /// `.dist-info` folders with a slash behind.
    info: Vec<(String, usize)>,
}

impl Owners {
    pub(super) fn of(content: &Content) -> Self {
        let mut owners = Self { distributions: Vec::new(), by_path: HashMap::new(), info: Vec::new() };
        for (path, record) in &content.texts {
            let Some(info) = path.strip_suffix("/RECORD") else { continue };
            let number = owners.distributions.len();
            let base = info.rsplit_once('/').map_or("", |(base, _)| base);
            let folder = info.rsplit('/').next().unwrap_or(info).trim_end_matches(".dist-info");
            let (name, version) = folder.split_once('-').unwrap_or((folder, ""));
            let metadata = content.texts.get(&format!("{info}/METADATA"));
            let header = |key: &str| metadata.and_then(|text| header_of(&String::from_utf8_lossy(text), key));
            owners.distributions.push(Distribution {
                name: header("Name").unwrap_or_else(|| name.to_owned()),
                version: header("Version").unwrap_or_else(|| version.to_owned()),
                base: base.to_owned(),
            });
            for line in String::from_utf8_lossy(record).lines() {
                if let Some(file) = record_path(line) {
                    owners.by_path.insert(joined(base, &file), number);
                }
            }
            owners.info.push((format!("{info}/"), number));
        }
        owners
    }

    /// The distribution of a file.
    pub(super) fn owner(&self, path: &str) -> Option<usize> {
        let find = |path: &str| self.by_path.get(path).copied();
        find(path)
            .or_else(|| find(&source_of(path)?))
            .or_else(|| self.info.iter().find(|(info, _)| path.starts_with(info)).map(|(_, number)| *number))
    }
}

/// The first field of a line of RECORD.
pub(super) fn record_path(line: &str) -> Option<String> {
    let path = match line.strip_prefix('"') {
        None => line.split(',').next()?.to_owned(),
        Some(quoted) => {
            let mut path = String::new();
            let mut rest = quoted.chars().peekable();
            while let Some(character) = rest.next() {
                if character != '"' {
                    path.push(character);
                } else if rest.next_if_eq(&'"').is_some() {
                    path.push('"');
                } else {
                    break;
                }
            }
            path
        }
    };
    (!path.is_empty()).then(|| path.replace('\\', "/"))
}

/// A path of RECORD, from the root of the slot. What lies beside the packages of an installation (`../../../bin`) lies
/// beside them in the slot, which may have fewer folders around them.
pub(super) fn joined(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The module that a file of bytecode was made from.
pub(super) fn source_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let stem = name.strip_suffix(".pyc")?.split('.').next()?;
    match folder.strip_suffix("__pycache__")? {
        "" => Some(format!("{stem}.py")),
        parent => Some(format!("{}/{stem}.py", parent.strip_suffix('/')?)),
    }
}

/// The first header of a METADATA text with this name.
fn header_of(text: &str, key: &str) -> Option<String> {
    let head = text.lines().take_while(|line| !line.is_empty());
    let mut values = head.filter_map(|line| line.split_once(':'));
    let (_, value) = values.find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    Some(value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_record_are_read_with_and_without_quotes() {
        assert_eq!(record_path("a/b.py,sha256=x,3").as_deref(), Some("a/b.py"));
        assert_eq!(record_path("\"a,\"\"b\"\".py\",,").as_deref(), Some("a,\"b\".py"));
        assert_eq!(record_path(""), None);
    }

    #[test]
    fn what_lies_beside_the_packages_is_found_there() {
        assert_eq!(joined("site-packages", "../../../bin/tool"), "bin/tool");
        assert_eq!(joined("lib/python3.11/site-packages", "../../../bin/tool"), "bin/tool");
        assert_eq!(joined("", "a/./b"), "a/b");
    }

    #[test]
    fn bytecode_belongs_to_its_source() {
        assert_eq!(source_of("a/__pycache__/b.cpython-314.opt-1.pyc").as_deref(), Some("a/b.py"));
        assert_eq!(source_of("__pycache__/b.cpython-314.pyc").as_deref(), Some("b.py"));
        assert_eq!(source_of("a/b.pyc"), None);
        assert_eq!(source_of("a__pycache__/b.pyc"), None);
    }
}
