//! Which folders of tests other modules import. Some distributions keep in `tests` what their ordinary modules need, and
//! nobody should be told to leave that out. Lines that look like an import count, wherever they stand: too many folders
//! are kept rather than too few.

/// Names of folders that hold tests.
const TESTS: [&str; 2] = ["tests", "test"];

/// Whether the imports of a file are worth a look: a Python source that is no test itself.
pub(super) fn may_import_tests(path: &str) -> bool {
    let mut components = path.split('/').rev();
    let is_module = components.next().is_some_and(|name| name.strip_suffix(".py").is_some());
    is_module && !components.any(is_tests)
}

/// The folders of tests that a module imports from, each from the root of an import path or of the slot.
pub(super) fn imported_tests(path: &str, source: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(source);
    let mut found = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(rest) = line.strip_prefix("from ") {
            let Some((module, names)) = rest.split_once(" import ") else { continue };
            let module = resolve(path, module.trim());
            found.extend(tests_of(&module));
            for name in names.split([',', '(', ')', ' ']).filter(|name| is_tests(name)) {
                found.push(if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") });
            }
        } else if let Some(rest) = line.strip_prefix("import ") {
            let modules = rest.split(',').filter_map(|module| module.split_whitespace().next());
            found.extend(modules.filter_map(|module| tests_of(&module.replace('.', "/"))));
        }
    }
    found
}

fn is_tests(name: &str) -> bool {
    TESTS.contains(&name)
}

/// The path of a module up to its first folder of tests.
fn tests_of(module: &str) -> Option<String> {
    let mut end = 0;
    for component in module.split('/') {
        end += component.len();
        if is_tests(component) {
            return Some(module[..end].to_owned());
        }
        end += 1;
    }
    None
}

/// A module's name as a path; one with dots in front counts from the folder of the file.
fn resolve(path: &str, module: &str) -> String {
    let name = module.trim_start_matches('.');
    let dots = module.len() - name.len();
    let name = name.replace('.', "/");
    if dots == 0 {
        return name;
    }
    let mut folder = path;
    for _ in 0..dots {
        folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
    }
    match (folder, name.as_str()) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{imported_tests, may_import_tests};

    #[test]
    fn folders_of_tests_that_a_module_imports_are_found_however_it_says_so() {
        for (line, folder) in [
            ("from numpy._core.tests._natype import pd_NA", "numpy/_core/tests"),
            ("    from .tests import helpers", "site/pkg/sub/tests"),
            ("from ..tests.data import x", "site/pkg/tests"),
            ("from . import (one, tests)", "site/pkg/sub/tests"),
            ("import a.test.b, c", "a/test"),
        ] {
            assert_eq!(imported_tests("site/pkg/sub/m.py", line.as_bytes()), [folder], "{line}");
        }
        for line in ["import a.testing", "from a import latest", "x = 'from a import b'", "from x"] {
            assert!(imported_tests("m.py", line.as_bytes()).is_empty(), "{line}");
        }
    }

    #[test]
    fn tests_may_import_each_other() {
        assert!(may_import_tests("a/b.py"));
        assert!(!may_import_tests("a/tests/b.py"));
        assert!(!may_import_tests("a/b.txt"));
    }
}
