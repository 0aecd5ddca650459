//! Operation chains: what was done to a slot's bytes, in order, packed into one `u64` with the first operation
//! in the lowest byte. This file knows codes and text forms; it transforms nothing (`codec` and `tar` do).

use crate::layout::limit;
use crate::{Error, ErrorCode, Result};

/// One operation of the registry that this implementation knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Operation {
    /// A tar stream.
    Tar = 0x01,
    /// gzip.
    Gzip = 0x10,
    /// bzip2.
    Bzip2 = 0x13,
    /// xz.
    Xz = 0x16,
    /// Zstandard.
    Zstd = 0x1b,
}

impl Operation {
    const ALL: [Self; 5] = [Self::Tar, Self::Gzip, Self::Bzip2, Self::Xz, Self::Zstd];

    /// Its name in text forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }
}

/// At most eight operations in the order in which they were applied; empty means raw. tar stands at the beginning or
/// nowhere: it turns a tree into a stream, all others a stream into a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperationChain(Vec<Operation>);

/// Text forms that stand for a chain of two.
const PAIRS: [(&str, &[Operation]); 12] = [
    ("tar.gz", &[Operation::Tar, Operation::Gzip]),
    ("tgz", &[Operation::Tar, Operation::Gzip]),
    ("tar.bz2", &[Operation::Tar, Operation::Bzip2]),
    ("tbz2", &[Operation::Tar, Operation::Bzip2]),
    ("tar.xz", &[Operation::Tar, Operation::Xz]),
    ("txz", &[Operation::Tar, Operation::Xz]),
    ("tar.zst", &[Operation::Tar, Operation::Zstd]),
    ("tzst", &[Operation::Tar, Operation::Zstd]),
    ("bz2", &[Operation::Bzip2]),
    ("gz", &[Operation::Gzip]),
    ("zst", &[Operation::Zstd]),
    ("raw", &[]),
];

impl OperationChain {
    /// tar, then Zstandard: the default for directories.
    pub fn tar_zstd() -> Self {
        Self(vec![Operation::Tar, Operation::Zstd])
    }

    /// The operations in the order in which they were applied.
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    /// Whether it holds a tree: a tar stream, encoded or not. Any other chain holds one file.
    pub fn is_tree(&self) -> bool {
        self.0.first() == Some(&Operation::Tar)
    }

    /// The operations behind a leading tar: those that `codec` applies and undoes.
    pub fn encodings(&self) -> &[Operation] {
        &self.0[usize::from(self.is_tree())..]
    }

    /// Whether the slot is cut into frames (FORMAT.md §9).
    pub fn ends_with_zstd(&self) -> bool {
        self.0.last() == Some(&Operation::Zstd)
    }

    /// Checks what packed and text forms have in common.
    fn checked(operations: Vec<Operation>) -> Result<Self, String> {
        if operations.len() > limit::OPERATIONS {
            return Err(format!("{} operations, expected at most {}", operations.len(), limit::OPERATIONS));
        }
        if operations.iter().skip(1).any(|operation| *operation == Operation::Tar) {
            return Err("tar behind another operation".to_owned());
        }
        Ok(Self(operations))
    }

    /// Decodes the packed form found at byte `offset` of the file. Unknown codes and gaps are refused: other
    /// readers disagree about what a chain with a zero byte inside means.
    pub fn unpack(packed: u64, offset: u64) -> Result<Self> {
        let mut operations = Vec::new();
        let mut ended = false;
        for code in packed.to_le_bytes() {
            if code == 0 {
                ended = true;
                continue;
            }
            if ended {
                return Err(Error::at(
                    ErrorCode::PspfOperations,
                    offset,
                    format!("operation chain {packed:#x} has a gap"),
                ));
            }
            let operation =
                Operation::ALL.into_iter().find(|known| *known as u8 == code).ok_or_else(|| {
                    Error::at(
                        ErrorCode::PspfOperations,
                        offset,
                        format!("unknown operation code {code:#04x} in chain {packed:#x}"),
                    )
                })?;
            operations.push(operation);
        }
        Self::checked(operations).map_err(|what| {
            Error::at(ErrorCode::PspfOperations, offset, format!("operation chain {packed:#x} has {what}"))
        })
    }

    /// The packed form.
    pub fn pack(&self) -> u64 {
        self.0.iter().rev().fold(0, |packed, operation| packed << 8 | u64::from(*operation as u8))
    }

    /// Reads a text form; case does not matter, `|` and `,` join operations.
    pub fn parse(text: &str) -> Result<Self> {
        let lower = text.to_ascii_lowercase();
        if matches!(lower.as_str(), "" | "raw" | "none") {
            return Ok(Self::default());
        }
        let mut operations = Vec::new();
        for part in lower.split(['|', ',']) {
            let known = PAIRS.iter().find(|(name, _)| *name == part).map(|(_, chain)| *chain);
            let single = Operation::ALL.iter().find(|operation| operation.name() == part);
            match (known, single) {
                (Some([]), _) => {
                    let message = format!("operation chain {text:?} has raw beside another operation");
                    return Err(Error::rule(ErrorCode::PspfOperations, message));
                }
                (Some(chain), _) => operations.extend_from_slice(chain),
                (None, Some(operation)) => operations.push(*operation),
                (None, None) => {
                    return Err(Error::rule(
                        ErrorCode::PspfOperations,
                        format!("unknown operation {part:?} in {text:?}"),
                    ));
                }
            }
        }
        Self::checked(operations).map_err(|what| {
            Error::rule(ErrorCode::PspfOperations, format!("operation chain {text:?} has {what}"))
        })
    }

    /// The canonical text form: `raw`, one of the `tar.…` names, or names joined by `|`.
    pub fn text(&self) -> String {
        if let Some((name, _)) =
            PAIRS.iter().find(|(name, chain)| *chain == self.0 && (name.contains('.') || *name == "raw"))
        {
            return (*name).to_owned();
        }
        self.0.iter().map(|operation| operation.name()).collect::<Vec<_>>().join("|")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_form_reads_back_from_its_canonical_spelling() {
        for (text, packed, canonical) in [
            ("", 0x0, "raw"),
            ("RAW", 0x0, "raw"),
            ("tgz", 0x1001, "tar.gz"),
            ("tar|gzip", 0x1001, "tar.gz"),
            ("tar,gzip", 0x1001, "tar.gz"),
            ("tbz2", 0x1301, "tar.bz2"),
            ("txz", 0x1601, "tar.xz"),
            ("Tar.Zst", 0x1b01, "tar.zst"),
            ("gzip", 0x10, "gzip"),
            ("gzip|gzip", 0x1010, "gzip|gzip"),
        ] {
            let chain = OperationChain::parse(text).expect(text);
            assert_eq!(chain.pack(), packed, "{text}");
            assert_eq!(chain.text(), canonical, "{text}");
            assert_eq!(OperationChain::unpack(packed, 0).expect(text), chain);
        }
    }

    #[test]
    fn a_gap_or_an_unknown_code_in_a_chain_is_refused() {
        for packed in [0x10_0001, 0x02, 0xff01, 1 << 56] {
            let error = OperationChain::unpack(packed, 40).expect_err("must be refused");
            assert_eq!(error.code(), ErrorCode::PspfOperations);
            assert_eq!(error.offset(), Some(40));
        }
    }

    #[test]
    fn nine_operations_are_refused() {
        assert!(OperationChain::parse(&["gzip"; 8].join("|")).is_ok());
        assert!(OperationChain::parse(&["gzip"; 9].join("|")).is_err());
    }

    #[test]
    fn tar_behind_another_operation_is_refused_in_both_forms() {
        for (text, packed) in
            [("gzip|tar", 0x0110), ("tar,tar", 0x0101), ("tgz|tar", 0x01_1001), ("zstd|tgz", 0x10_011b)]
        {
            let error = OperationChain::parse(text).expect_err(text);
            assert_eq!(error.code(), ErrorCode::PspfOperations);
            let error = OperationChain::unpack(packed, 40).expect_err(text);
            assert_eq!((error.code(), error.offset()), (ErrorCode::PspfOperations, Some(40)));
        }
    }

    #[test]
    fn a_chain_that_begins_with_tar_is_a_tree_and_the_rest_are_its_encodings() {
        for (text, tree, encodings, framed) in [
            ("raw", false, &[][..], false),
            ("tar", true, &[], false),
            ("tar.zst", true, &[Operation::Zstd], true),
            ("gzip|zstd", false, &[Operation::Gzip, Operation::Zstd], true),
            ("tgz|xz", true, &[Operation::Gzip, Operation::Xz], false),
        ] {
            let chain = OperationChain::parse(text).expect(text);
            assert_eq!(
                (chain.is_tree(), chain.encodings(), chain.ends_with_zstd()),
                (tree, encodings, framed),
                "{text}"
            );
        }
    }
}
