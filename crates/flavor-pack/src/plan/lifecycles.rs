//! What a slot's lifecycle asks of a package with commands (LAUNCH.md 14): what no start could carry out fails the build.

use flavor_store::lifecycle::Lifecycle;
use pspf::metadata::LinkKind;

use super::{PlanFlavor, PlanSlot};
use crate::{Error, Result};

/// Judges slots, links and commands together; the words themselves were judged before.
pub(super) fn check(slots: &[PlanSlot], flavor: &PlanFlavor) -> Result<()> {
    for (position, (slot, stated)) in slots.iter().zip(&flavor.slots).enumerate() {
        let refuse = |message: String| Err(Error::plan(format!("slots[{position}].lifecycle"), message));
        let word = slot.lifecycle();
        let lifecycle = Lifecycle::parse(word);
        match lifecycle {
            Some(Lifecycle::Lazy) if !stated.share => {
                return refuse("a lazy slot is unpacked into the shared store; it needs `share`".to_owned());
            }
            Some(Lifecycle::Shutdown) if !flavor.commands.contains_key(&slot.id) => {
                return refuse(format!("a shutdown slot needs a command named like it, {:?}", slot.id));
            }
            Some(Lifecycle::Data(_)) if !flavor_store::data::is_folder_name(&slot.id) => {
                let message = format!("{word:?} slots are folders of their id; {:?} cannot be one", slot.id);
                return refuse(message);
            }
            _ => {}
        }
        let stays = matches!(lifecycle, Some(Lifecycle::Kept | Lifecycle::Development | Lifecycle::Platform));
        let number = position as u64;
        if !stays && flavor.workenv.unpack.iter().any(|unpack| unpack.slot == number) {
            return refuse(format!("a slot of lifecycle {word:?} is not unpacked into the work environment"));
        }
        let copies = lifecycle == Some(Lifecycle::Init);
        let link = flavor
            .workenv
            .links
            .iter()
            .find(|link| link.slot == number && !stays && !(copies && link.kind == LinkKind::Copy));
        if let Some(link) = link {
            return refuse(format!(
                "{:?} leads into it, but it does not stay; copies lead into `init` slots",
                link.path
            ));
        }
    }
    Ok(())
}
