//! Names of what is extracted. A slot's id comes from the package and may be anything; what is made of it is one plain
//! component on every system.

use pspf::ReadAt;
use pspf::operations::Operation;

use crate::decode::Slot;
use crate::judgement;

/// The copy of the signed text.
pub(super) const METADATA: &str = "metadata.json";
/// Bytes of an id that are kept.
const LENGTH_MAX: usize = 100;

/// The name of one slot.
pub(super) fn of_slot<R: ReadAt + Sync>(slot: &Slot<'_, R>, raw: bool) -> String {
    format!("{}{}", plain(slot.id()), suffix(slot, raw))
}

/// The name of a slot among all slots, with its position in front as the original has it.
pub(super) fn numbered<R: ReadAt + Sync>(slot: &Slot<'_, R>, raw: bool) -> String {
    format!("{:02}_{}{}", slot.position, plain(slot.id()), suffix(slot, raw))
}

/// What the stored bytes are.
fn suffix<R: ReadAt + Sync>(slot: &Slot<'_, R>, raw: bool) -> String {
    if !raw {
        return String::new();
    }
    let suffixes = slot.chain.operations().iter().map(|operation| match operation {
        Operation::Tar => ".tar",
        Operation::Gzip => ".gz",
        Operation::Bzip2 => ".bz2",
        Operation::Xz => ".xz",
        Operation::Zstd => ".zst",
    });
    suffixes.collect()
}

fn plain(id: &str) -> String {
    let mut name: String = id
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => character,
            _ => '_',
        })
        .take(LENGTH_MAX)
        .collect();
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    while name.ends_with('.') {
        name.pop();
    }
    if name.is_empty() {
        "slot".clone_into(&mut name);
    }
    if judgement::windows_refuses(&name).is_some() {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn an_id_becomes_one_plain_component() {
        for (id, name) in [
            ("runtime", "runtime"),
            ("a/../../x", "a_.._.._x"),
            ("..", "_"),
            (".hidden", "_hidden"),
            ("/etc/passwd", "_etc_passwd"),
            ("", "slot"),
            ("con", "_con"),
            ("a\\b:c", "a_b_c"),
            ("\u{202e}x\n", "_x_"),
            ("..\u{0}", "_._"),
        ] {
            assert_eq!(plain(id), name, "{id:?}");
        }
        assert_eq!(plain(&"x".repeat(5000)).len(), 100);
    }
}
