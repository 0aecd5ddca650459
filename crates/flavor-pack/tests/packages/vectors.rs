//! Every vector of `__test__/vectors` through `verify`: the outcome of the table down to the finished member lists.

use flavor_pack::progress::Silent;
use flavor_pack::verify::verify;

use crate::table::vectors;

#[test]
fn p2_verify_gives_every_vector_the_outcome_of_the_table() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("vector.psp");
    let vectors = vectors();
    let mut wrong = Vec::new();
    for vector in &vectors {
        std::fs::write(&path, &vector.bytes).expect("write");
        let report = verify(&path, &Silent).expect("verify must report, not fail");
        let found = report.failure.map(|failure| failure.code);
        let failed = report.checks.iter().find(|check| !check.ok).map(|check| check.name.as_str());
        let expected = vector.refusal.as_ref().map(|refusal| refusal.code);
        let step = vector.refusal.as_ref().map(|refusal| refusal.step.as_str());
        // `verify` adds the slot's id to the step.
        let same_step = match (failed, step) {
            (Some(failed), Some(step)) => failed == step || failed.starts_with(&format!("{step} (")),
            (None, None) => true,
            _ => false,
        };
        if found != expected || !same_step {
            wrong
                .push(format!("{}: {found:?} at {failed:?}, expected {expected:?} at {step:?}", vector.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}
