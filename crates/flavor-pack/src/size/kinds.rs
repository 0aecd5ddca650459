//! The files of all slots once more, by what their names end with and by content.

use std::collections::HashMap;

use pspf::hex;

use super::read::Held;

/// Files whose names end alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileType {
    /// `.py`, `.so`; empty for names without such an end.
    pub suffix: String,
    /// How many.
    pub files: u64,
    /// Their part of the stored bytes.
    pub stored: u64,
    /// Their bytes.
    pub unpacked: u64,
}

/// A content that is there more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Lower hex.
    pub sha256: String,
    /// Bytes of one file.
    pub size: u64,
    /// Stored bytes of all copies but the largest.
    pub extra: u64,
    /// In the order of the slots.
    pub copies: Vec<Copy>,
}

/// One of several files with the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Position of its slot.
    pub slot: usize,
    /// Path in the slot; empty where the slot is the file.
    pub path: String,
    /// Its part of the stored bytes.
    pub stored: u64,
}

/// Collects them.
#[derive(Default)]
pub(super) struct Kinds {
    types: HashMap<String, FileType>,
    contents: HashMap<[u8; 32], Duplicate>,
}

impl Kinds {
    pub(super) fn add(&mut self, slot: usize, files: &[Held]) {
        for file in files {
            let suffix = suffix_of(&file.path);
            let entry = self.types.entry(suffix.clone()).or_insert_with(|| FileType {
                suffix,
                files: 0,
                stored: 0,
                unpacked: 0,
            });
            entry.files += 1;
            entry.stored += file.stored;
            entry.unpacked += file.size;
            if file.size == 0 {
                continue;
            }
            let same = self.contents.entry(file.sha256).or_insert_with(|| Duplicate {
                sha256: hex::encode(&file.sha256),
                size: file.size,
                extra: 0,
                copies: Vec::new(),
            });
            same.copies.push(Copy { slot, path: file.path.clone(), stored: file.stored });
        }
    }

    pub(super) fn finish(self) -> (Vec<FileType>, Vec<Duplicate>) {
        let mut types: Vec<FileType> = self.types.into_values().collect();
        types.sort_by(|one, other| (other.stored, &one.suffix).cmp(&(one.stored, &other.suffix)));
        let mut duplicates: Vec<Duplicate> =
            self.contents.into_values().filter(|same| same.copies.len() > 1).collect();
        for same in &mut duplicates {
            let stored = || same.copies.iter().map(|copy| copy.stored);
            same.extra = stored().sum::<u64>() - stored().max().unwrap_or(0);
        }
        duplicates.sort_by(|one, other| (other.extra, &one.sha256).cmp(&(one.extra, &other.sha256)));
        (types, duplicates)
    }
}

/// What a name ends with. `libz.so.1` is a `.so`; what follows a dot but is no word (`python3.14`) is no end.
fn suffix_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if name.contains(".so.") {
        return ".so".to_owned();
    }
    let Some((stem, end)) = name.rsplit_once('.') else { return String::new() };
    let is_word = (1..=10).contains(&end.len())
        && end.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && end.bytes().any(|byte| byte.is_ascii_alphabetic());
    if stem.is_empty() || !is_word { String::new() } else { format!(".{end}") }
}

#[cfg(test)]
mod tests {
    use super::suffix_of;

    #[test]
    fn types_are_words_behind_the_last_dot() {
        for (name, suffix) in [
            ("a/b.PY", ".py"),
            ("lib/libz.so.1.2", ".so"),
            ("x.cpython-314-x86_64-linux-gnu.so", ".so"),
            ("bin/python3.14", ""),
            ("a/.hidden", ""),
            ("LICENSE", ""),
            ("a.tar.gz", ".gz"),
            ("a.b c", ""),
        ] {
            assert_eq!(suffix_of(name), suffix, "{name}");
        }
    }
}
