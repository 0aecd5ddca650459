//! Rules about the finished member list of a slot (security rules S13 and S14): what no single member can show.
//! Builders ask before archiving, `verify` asks after decoding.

use std::collections::HashMap;

use pspf::tar::{Kind, Member};

/// The first member that breaks a rule, and how.
pub(crate) struct Broken {
    pub(crate) position: usize,
    pub(crate) message: String,
}

/// No path occurs twice, no path passes through anything but a folder, and every link stays inside the slot: seen
/// from the link's folder, each component of its target but the last is a folder of the slot. The last component
/// may be anything, or be missing.
pub(crate) fn check<'a>(members: impl Iterator<Item = &'a Member> + Clone) -> Result<(), Broken> {
    let mut kinds: HashMap<&str, &Kind> = HashMap::with_capacity(members.size_hint().0);
    for (position, member) in members.clone().enumerate() {
        if kinds.insert(&member.path, &member.kind).is_some() {
            return Err(Broken { position, message: "the path occurs twice".to_owned() });
        }
    }
    for (position, member) in members.enumerate() {
        for (slash, _) in member.path.match_indices('/') {
            let above = &member.path[..slash];
            if kinds.get(above).is_some_and(|kind| **kind != Kind::Directory) {
                return Err(Broken {
                    position,
                    message: format!("the path passes through {above:?}, which is no folder"),
                });
            }
        }
        if let Kind::Symlink { target } = &member.kind {
            check_target(&member.path, target, &kinds).map_err(|message| Broken { position, message })?;
        }
    }
    Ok(())
}

fn check_target(path: &str, target: &str, kinds: &HashMap<&str, &Kind>) -> Result<(), String> {
    let mut place: Vec<&str> = path.split('/').collect();
    place.pop();
    let components: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for (position, component) in components.iter().enumerate() {
        if *component == ".." {
            if place.pop().is_none() {
                return Err(format!("the link leads to {target:?}, which is outside the slot"));
            }
            continue;
        }
        place.push(component);
        let folder = place.join("/");
        if position + 1 < components.len() && kinds.get(folder.as_str()) != Some(&&Kind::Directory) {
            return Err(format!("the link leads to {target:?}, but {folder:?} is no folder of the slot"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &str, target: Option<&str>) -> Member {
        let kind = match target {
            Some(target) => Kind::Symlink { target: target.to_owned() },
            None if path.ends_with('/') => Kind::Directory,
            None => Kind::File { size: 0, executable: false },
        };
        Member { path: path.trim_end_matches('/').to_owned(), kind }
    }

    fn broken(members: &[(&str, Option<&str>)]) -> Option<String> {
        let members: Vec<Member> = members.iter().map(|(path, target)| member(path, *target)).collect();
        check(members.iter()).err().map(|broken| broken.message)
    }

    #[test]
    fn s14_links_inside_the_slot_are_allowed() {
        for target in ["python3.14", "./python3.14", "../bin/python3.14", "missing", "..", "."] {
            assert_eq!(
                broken(&[("bin/", None), ("bin/python", Some(target)), ("bin/python3.14", None)]),
                None,
                "{target}"
            );
        }
    }

    #[test]
    fn s14_links_that_leave_the_slot_or_pass_through_a_link_are_refused() {
        for target in ["../..", "../../etc/passwd", "../bin/../../x", "up/x", "python3.14/x", "nowhere/x"] {
            let members = [
                ("bin/", None),
                ("bin/python", Some(target)),
                ("bin/python3.14", None),
                ("bin/up", Some("..")),
            ];
            assert!(broken(&members).is_some(), "{target}");
        }
    }

    #[test]
    fn s14_a_path_occurs_once_and_passes_through_folders_only() {
        assert!(broken(&[("a", None), ("a", None)]).is_some());
        assert!(broken(&[("a", Some("b")), ("a/x", None), ("b/", None)]).is_some());
        assert!(broken(&[("a", None), ("a/x", None)]).is_some());
        assert_eq!(broken(&[("a/", None), ("a/x", None)]), None);
    }
}
