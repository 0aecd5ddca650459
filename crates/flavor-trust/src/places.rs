//! Where trust files are, and reading them (LAUNCH.md 13.2 and 13.3): what is there and cannot be believed refuses; only
//! what the system says is not there is absent.

use std::ffi::OsString;
use std::path::PathBuf;

use flavor_store::Owners;
use flavor_store::guarded_file::{self, GuardedFile};
use flavor_store::location::{configuration, system_configuration};
use flavor_store::receipt::now;
use flavor_store::trust_source::{TrustRecord, TrustSource};

use crate::decision::{Owner, Source, Subject, Verdict, judge};
use crate::document::{MAX_SIZE, TrustFile};
use crate::{Error, Result};

/// Name of a trust file in its folder.
const NAME: &str = "trust.json";

/// The trust files that a start names, the system's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    paths: Vec<PathBuf>,
}

/// That a package may start, and what that rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The decision.
    pub verdict: Verdict,
    /// What a receipt must hold.
    pub record: TrustRecord,
    /// Whether every later change of a source will show (STORE.md 9.5); otherwise no receipt may be written.
    pub is_settled: bool,
}

impl Places {
    /// The places of this process. `variable` looks up an environment variable.
    pub fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        Self::with_system(system_configuration().join(NAME), variable)
    }

    /// The same with another path for the system's file: only tests ask for it.
    pub(crate) fn with_system(system: PathBuf, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let user = configuration(variable).map(|folder| folder.join(NAME));
        let user = user.filter(|path| *path != system);
        Self { paths: [system].into_iter().chain(user).collect() }
    }

    /// Their paths, in order.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    fn read(&self) -> Result<Vec<(Source, Option<GuardedFile>)>> {
        let owners = [(Owner::System, Owners::Root), (Owner::User, Owners::UserOrRoot)];
        let read = |(path, (owner, owners)): (&PathBuf, (Owner, Owners))| {
            let refuse = |reason| Error::File { path: path.clone(), reason };
            let mut read = guarded_file::read(path, owners, MAX_SIZE).map_err(refuse)?;
            // Only the identity is needed from here on.
            let bytes = read.as_mut().map(|read| std::mem::take(&mut read.bytes));
            let file = bytes.map(|bytes| TrustFile::parse(&bytes, owner)).transpose().map_err(refuse)?;
            Ok((Source { path: path.clone(), owner, file }, read))
        };
        self.paths.iter().zip(owners).map(read).collect()
    }
}

/// Reads the trust files and decides about `subject` now.
pub fn decide(subject: Subject, places: &Places) -> Result<Decision> {
    let (sources, read): (Vec<Source>, Vec<Option<GuardedFile>>) = places.read()?.into_iter().unzip();
    let verdict = judge(subject, &sources, now().0)?;
    let is_settled = read.iter().flatten().all(|file| file.is_settled);
    let identities = read.into_iter().map(|file| file.map(|file| file.identity));
    let sources = sources.into_iter().zip(identities);
    let sources = sources.map(|(source, identity)| TrustSource { path: source.path, identity }).collect();
    let record = TrustRecord { sources, expiry: verdict.expiry };
    Ok(Decision { verdict, record, is_settled })
}
