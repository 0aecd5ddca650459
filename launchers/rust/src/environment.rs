//! The program's environment as edits of the user's (LAUNCH.md 6). What does not depend on a start is settled here; the
//! rest is left to edits, which a receipt can hold. Values are never logged.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use flavor_store::pattern;
use flavor_store::plan::Edit;
use pspf::ErrorCode;
use pspf::metadata::{PackageInfo, RuntimeEnvironment};

use crate::failure::{Failure, Result};
use crate::planning::{ARCH, OS};
use crate::settings::NOT_FOR_THE_PROGRAM;

/// What `unset`, `pass` and `map` do to the user's environment.
pub(crate) fn inherited(rules: Option<&RuntimeEnvironment>) -> Result<Vec<Edit>> {
    let Some(rules) = rules else { return Ok(Vec::new()) };
    let pass = rules.pass.as_deref().unwrap_or_default();
    let mut edits = Vec::new();
    let protect =
        pass.iter().map(|name| variable_name(name).map(Edit::Protect)).collect::<Result<Vec<_>>>()?;
    let is_passed = |name: &str| pass.iter().any(|pass| pattern::matches(pass.as_bytes(), name.as_bytes()));
    let unset = rules.unset.as_deref().unwrap_or_default();
    // Exact names are settled now; only patterns need to be told what is protected.
    if unset.iter().any(|name| pattern::is_pattern(name.as_bytes())) {
        edits.extend(protect);
    }
    for name in unset {
        let variable = variable_name(name)?;
        if pattern::is_pattern(name.as_bytes()) {
            edits.push(Edit::UnsetMatching(variable));
        } else if !is_passed(name) {
            edits.push(Edit::Unset(variable));
        }
    }
    for (from, to) in rules.map.iter().flatten() {
        let (source, target) = (variable_name(from)?, variable_name(to)?);
        if !is_passed(from) {
            edits.push(Edit::Rename(source, target));
        }
    }
    Ok(edits)
}

/// The variables by which a program knows where it came from.
pub(crate) fn described(info: &PackageInfo, workenv: &OsStr, command: &str) -> Vec<Edit> {
    let set = |name: &str, value: &OsStr| Edit::Set(name.into(), value.into());
    vec![
        set("FLAVOR_WORKENV", workenv),
        Edit::SetPackage("FLAVOR_PACKAGE".into()),
        Edit::SetOriginalCommand("FLAVOR_ORIGINAL_COMMAND".into()),
        set("FLAVOR_PACKAGE_NAME", info.name.as_ref()),
        set("FLAVOR_VERSION", info.version.as_ref()),
        set("FLAVOR_COMMAND_NAME", command.as_ref()),
    ]
}

/// One layer of variables of the package, sorted by name; `value` replaces placeholders.
pub(crate) fn layer(
    variables: &BTreeMap<String, String>,
    value: impl Fn(&str) -> Result<Option<OsString>>,
) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    for (name, text) in variables {
        let name = variable_name(name)?;
        if let Some(value) = value(text)? {
            edits.push(Edit::Set(name, value));
        }
    }
    Ok(edits)
}

/// What comes last, so that no package can say otherwise: the platform, and the removal of what is not the program's.
pub(crate) fn closing() -> Vec<Edit> {
    let platform = format!("{OS}_{ARCH}");
    let set = |name: &str, value: &str| Edit::Set(name.into(), value.into());
    let mut edits = vec![set("FLAVOR_OS", OS), set("FLAVOR_ARCH", ARCH), set("FLAVOR_PLATFORM", &platform)];
    edits.extend(NOT_FOR_THE_PROGRAM.iter().map(|variable| Edit::Unset(variable.into())));
    edits
}

/// Exact names in `pass` that the user's environment does not have: worth a warning, never an error.
pub(crate) fn missing(rules: Option<&RuntimeEnvironment>) -> Vec<&str> {
    let names = rules.and_then(|rules| rules.pass.as_deref()).unwrap_or_default();
    let absent = |name: &&String| !pattern::is_pattern(name.as_bytes()) && std::env::var_os(name).is_none();
    names.iter().filter(absent).map(String::as_str).collect()
}

fn variable_name(name: &str) -> Result<OsString> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Failure::new(ErrorCode::LaunchEnvironment, format!("{name:?} is no name of a variable")));
    }
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flavor_store::plan::{Start, apply};

    fn rules(unset: &[&str], pass: &[&str], map: &[(&str, &str)]) -> RuntimeEnvironment {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let map = map.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        RuntimeEnvironment { pass: list(pass), unset: list(unset), map: Some(map), set: None }
    }

    fn applied(rules: &RuntimeEnvironment, environment: &[(&str, &str)]) -> Vec<String> {
        let mut environment: Vec<(OsString, OsString)> =
            environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let start = Start { package: OsStr::new("/p"), original: OsStr::new("p") };
        apply(&inherited(Some(rules)).expect("edits"), &mut environment, start);
        let text = |(name, value): &(OsString, OsString)| format!("{}={}", name.display(), value.display());
        environment.iter().map(text).collect()
    }

    const USER: [(&str, &str); 4] = [("PATH", "/bin"), ("HOME", "/h"), ("LC_ALL", "C"), ("TOKEN", "t")];

    #[test]
    fn unset_takes_names_and_patterns_and_pass_protects_from_both() {
        assert_eq!(applied(&rules(&["TOKEN"], &[], &[]), &USER), ["PATH=/bin", "HOME=/h", "LC_ALL=C"]);
        assert_eq!(applied(&rules(&["*"], &["PATH", "LC_*"], &[]), &USER), ["PATH=/bin", "LC_ALL=C"]);
        assert_eq!(applied(&rules(&["T?KEN", "[GH]OME"], &["TOKEN"], &[]), &USER).len(), 3);
        assert_eq!(applied(&rules(&["TOKEN"], &["T*"], &[]), &USER).len(), 4);
        assert_eq!(applied(&rules(&[], &[], &[]), &USER).len(), 4);
    }

    #[test]
    fn map_renames_what_is_there_and_not_protected() {
        let mapped = applied(&rules(&[], &["HOME"], &[("TOKEN", "HOME"), ("NONE", "PATH")]), &USER);
        assert_eq!(mapped, ["PATH=/bin", "HOME=t", "LC_ALL=C"]);
        assert_eq!(applied(&rules(&[], &["HOME"], &[("HOME", "X")]), &USER).len(), 4);
        // What unset removed cannot be renamed.
        assert_eq!(applied(&rules(&["TOKEN"], &[], &[("TOKEN", "X")]), &USER).len(), 3);
    }

    #[test]
    fn what_is_no_name_is_refused_wherever_it_stands() {
        for bad in ["", "A=B", "A\0"] {
            for rules in [
                rules(&[bad], &[], &[]),
                rules(&[], &[bad], &[]),
                rules(&[], &[], &[(bad, "A")]),
                rules(&[], &[], &[("A", bad)]),
            ] {
                let failure = inherited(Some(&rules)).expect_err(bad);
                assert_eq!(failure.code, ErrorCode::LaunchEnvironment);
            }
        }
    }
}
