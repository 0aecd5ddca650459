//! What placeholders of foreign and plain packages stand for (LAUNCH.md 16.2).

use std::path::{Path, PathBuf};

use flavor_store::private::slot_target;
use pspf::metadata::Metadata;
use pspf::{Package, ReadAt};

use crate::failure::Result;
use crate::foreign::refuse;
use crate::planning::{ARCH, OS};

/// Who asks: `init` slots are there during setup only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Setup,
    Program,
}

/// Where a slot's content is.
struct SlotPlace {
    /// `None` where nothing of it is unpacked.
    path: Option<PathBuf>,
    init: bool,
}

/// The values for one package in one place.
pub(crate) struct Values<'a> {
    workenv: &'a Path,
    metadata: &'a Metadata,
    slots: Vec<SlotPlace>,
}

impl<'a> Values<'a> {
    pub(crate) fn new<R: ReadAt>(package: &'a Package<R>, workenv: &'a Path) -> Result<Self> {
        let metadata = package.metadata();
        let mut slots = Vec::new();
        for (position, slot) in metadata.slots.iter().enumerate() {
            let target = slot_target(package, position)?;
            let path = target.map(|target| match target.as_str() {
                "" => workenv.to_path_buf(),
                below => workenv.join(below),
            });
            slots.push(SlotPlace { path, init: slot.lifecycle == "init" });
        }
        Ok(Self { workenv, metadata, slots })
    }

    /// `text` with its placeholders replaced, once, from left to right.
    pub(crate) fn replace(&self, text: &str, moment: Moment) -> Result<Vec<u8>> {
        let mut replaced = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            replaced.extend_from_slice(&rest.as_bytes()[..start]);
            rest = &rest[start..];
            let name = rest.find('}').map(|end| &rest[1..end]);
            if let Some(value) = name.map(|name| self.value(name, moment)).transpose()?.flatten() {
                replaced.extend_from_slice(&value);
                rest = &rest[name.map_or(1, |name| name.len() + 2)..];
            } else {
                replaced.push(b'{');
                rest = &rest[1..];
            }
        }
        replaced.extend_from_slice(rest.as_bytes());
        Ok(replaced)
    }

    fn value(&self, name: &str, moment: Moment) -> Result<Option<Vec<u8>>> {
        let info = &self.metadata.package;
        let text = match name {
            "workenv" => return Ok(Some(self.workenv.as_os_str().as_encoded_bytes().to_vec())),
            "primary" => {
                let slot = usize::try_from(self.metadata.execution.primary_slot).ok();
                return self.slot(slot, "{primary}", moment).map(Some);
            }
            "package_name" => info.name.clone(),
            "version" => info.version.clone(),
            "os" => OS.to_owned(),
            "arch" => ARCH.to_owned(),
            "platform" => format!("{OS}_{ARCH}"),
            other => {
                let Some(number) = other.strip_prefix("slot:") else { return Ok(None) };
                let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                let slot = if digits { number.parse().ok() } else { None };
                return self.slot(slot, &format!("{{{other}}}"), moment).map(Some);
            }
        };
        Ok(Some(text.into_bytes()))
    }

    fn slot(&self, slot: Option<usize>, shown: &str, moment: Moment) -> Result<Vec<u8>> {
        let Some(place) = slot.and_then(|slot| self.slots.get(slot)) else {
            return Err(refuse(&format!("`{shown}` names no slot; the package has {}", self.slots.len())));
        };
        if place.init && moment == Moment::Program {
            return Err(refuse(&format!("`{shown}` names a slot that is there during setup only")));
        }
        match &place.path {
            Some(path) => Ok(path.as_os_str().as_encoded_bytes().to_vec()),
            None => Err(refuse(&format!("`{shown}` names a slot that is not unpacked"))),
        }
    }
}
