//! Writing a tree for callers that decode a slot themselves (`extract`): the store's own writer, link rule and link
//! creation, without its cache. Files and directories are created relative to descriptors, never through a link and
//! never over anything; links come last, when the whole member list was judged (S14, STORE.md 5.3–5.5).
//!
//! The caller owns the folder, which must be empty and reachable by nobody who would change it meanwhile, counts what
//! is written, and renames or removes it. The umask of the process is left alone, so it takes from the modes here as
//! it does for every other program.

use std::path::Path;

use pspf::tar::{Member, MemberSink};

use crate::error::{During as _, Error, Result};
use crate::members::Members;
use crate::names::Names;
use crate::system::Folder;
use crate::unpack::{Ground, Writer, create_links};

/// An empty folder that a tree is written into.
#[derive(Debug)]
pub struct Tree {
    root: Folder,
}

impl Tree {
    /// Takes an empty folder.
    pub fn new(folder: &Path) -> Result<Self> {
        let root = Folder::search_at(folder).during("open the directory", || folder)?;
        Ok(Self { root })
    }

    /// A sink that creates what it is given; several may write at the same time.
    pub fn writer(&self) -> TreeWriter<'_> {
        TreeWriter(Writer::new(&self.root, Ground::empty(Names::Distinct), None, None))
    }

    /// Judges what all writers saw, then creates the links. `implied` are folders that hold members and are none
    /// themselves, as archives of other tools have them.
    pub fn finish(&self, writers: Vec<TreeWriter<'_>>, implied: Vec<Member>) -> Result<()> {
        let seen = writers.into_iter().flat_map(|writer| writer.0.members);
        let members = Members::judge(seen.chain(implied).collect())?;
        create_links(&self.root, &members, Names::Distinct)
    }
}

/// Creates files and directories as they come and remembers links.
pub struct TreeWriter<'tree>(Writer<'tree>);

impl MemberSink for TreeWriter<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.0.begin(member)
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        self.0.data(piece)
    }

    fn end(&mut self) -> Result<()> {
        self.0.end()
    }
}
