//! What the lifecycle of a slot means for the store (LAUNCH.md 14.1, STORE.md 17): the part that the slot has in a start.
//! Everything else about lifecycles, such as what runs at the end of a program, is the launcher's business.

use pspf::metadata::Slot;
use pspf::{Package, ReadAt};

use crate::data::Kind;
use crate::environment::{Part, Wanted};
use crate::publish::Records;

/// The operating system, in the words of the format (`FLAVOR_OS`).
pub const OS: &str = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
/// The processor, in the words of the format (`FLAVOR_ARCH`).
pub const ARCH: &str = if cfg!(target_arch = "x86_64") {
    "amd64"
} else if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    std::env::consts::ARCH
};

/// The words of the format, by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Unpacked at the first start.
    Kept,
    /// Unpacked when somebody asks for it.
    Lazy,
    /// There while the environment is composed.
    Init,
    /// Fresh for every start.
    Temporary,
    /// Copied once to a folder of the user.
    Data(Kind),
    /// For the people who make the program.
    Development,
    /// Unpacked when the program has ended.
    Shutdown,
    /// For one system.
    Platform,
}

impl Lifecycle {
    /// Reads a word of the metadata; `None` for words without a meaning.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "" | "runtime" | "startup" | "eager" | "cache" | "cached" => Self::Kept,
            "lazy" => Self::Lazy,
            "init" => Self::Init,
            "temporary" | "temp" | "volatile" => Self::Temporary,
            "persistent" => Self::Data(Kind::Data),
            "config" => Self::Data(Kind::Config),
            "dev" => Self::Development,
            "shutdown" => Self::Shutdown,
            "platform" => Self::Platform,
            _ => return None,
        })
    }

    /// The part of a slot with this lifecycle. `share` is what its `x-flavor` entry says.
    pub fn part(self, slot: &Slot, share: bool, development: bool) -> Part {
        let unpacked = if share { Part::Shared } else { Part::Private };
        if slot.self_ref {
            return Part::Absent;
        }
        match self {
            Self::Kept => unpacked,
            Self::Init => Part::Setup,
            Self::Temporary | Self::Data(_) | Self::Shutdown => Part::Outside,
            Self::Development if development => unpacked,
            Self::Platform if slot.platform.as_deref().is_none_or(is_this) => unpacked,
            Self::Lazy | Self::Development | Self::Platform => Part::Absent,
        }
    }
}

impl Wanted {
    /// What starts of a package want of the store, by its lifecycles; `None` for a package that no launcher starts this way.
    pub fn by_lifecycles<R: ReadAt>(
        package: &Package<R>,
        development: bool,
        records: Records,
    ) -> Option<Self> {
        let flavor = package.flavor().filter(|flavor| !flavor.is_plain())?;
        let slots = package.metadata().slots.iter().zip(&flavor.slots);
        let part = |(entry, slot): (&Slot, &pspf::metadata::FlavorSlot)| {
            Lifecycle::parse(&entry.lifecycle).map(|word| word.part(entry, slot.share, development))
        };
        Some(Self { parts: slots.map(part).collect::<Option<_>>()?, development, records })
    }
}

/// Whether a platform of the metadata is the one of this program.
fn is_this(platform: &str) -> bool {
    match platform.split_once('_') {
        Some((os, arch)) => os == OS && arch == ARCH,
        None => platform == OS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_format_has_a_meaning_and_others_none() {
        for word in "runtime startup eager cache cached lazy init temporary temp volatile persistent config dev shutdown platform"
            .split(' ')
        {
            assert!(Lifecycle::parse(word).is_some(), "{word}");
        }
        for word in ["Runtime", "forever", "attestation", " runtime"] {
            assert_eq!(Lifecycle::parse(word), None, "{word}");
        }
    }

    #[test]
    fn a_platform_is_an_operating_system_or_that_and_an_architecture() {
        assert!(is_this(OS) && is_this(&format!("{OS}_{ARCH}")));
        for other in ["", "plan9", &format!("{OS}_vax"), &format!("plan9_{ARCH}"), &format!("{OS}_")] {
            assert!(!is_this(other), "{other}");
        }
    }
}
