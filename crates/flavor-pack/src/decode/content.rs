//! Counting what a slot holds against what the metadata announces, before anything is made of it: packages of ours
//! state bytes and members (and must tell the truth), for all others the limits of the format hold (security rules
//! S11, S12). The member list that comes out is the one that is judged.

use std::sync::atomic::{AtomicU64, Ordering};

use pspf::layout::limit;
use pspf::metadata::Unpacked;
use pspf::tar::{Kind, Member, MemberSink};
use pspf::{ErrorCode, Package, ReadAt};

use crate::progress::Progress;
use crate::{Error, Result};

/// What a slot may unpack to, counted by all workers together.
pub(crate) struct Announced<'a> {
    position: usize,
    most: Unpacked,
    /// Whether `most` is also the least.
    exact: bool,
    bytes: AtomicU64,
    members: AtomicU64,
    progress: &'a dyn Progress,
}

impl<'a> Announced<'a> {
    pub(crate) fn of<R: ReadAt>(package: &Package<R>, position: usize, progress: &'a dyn Progress) -> Self {
        let signed = package.flavor().map(|flavor| flavor.slots[position].unpacked);
        let most = signed.unwrap_or(Unpacked { bytes: limit::CONTENT_BYTES, members: limit::MEMBERS });
        let (bytes, members) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { position, most, exact: signed.is_some(), bytes, members, progress }
    }

    fn spend(&self, bytes: u64, members: u64) -> Result<()> {
        let members = self.members.fetch_add(members, Ordering::Relaxed) + members;
        // Saturating: a header may claim any size.
        let before = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| Some(sum.saturating_add(bytes)));
        let bytes = before.unwrap_or(u64::MAX).saturating_add(bytes);
        if members > self.most.members || bytes > self.most.bytes {
            return Err(self.differs("or more ", bytes, members));
        }
        Ok(())
    }

    /// Compares the totals when everything was counted; returns them.
    pub(crate) fn settle(&self) -> Result<Unpacked> {
        let found = Unpacked {
            bytes: self.bytes.load(Ordering::Relaxed),
            members: self.members.load(Ordering::Relaxed),
        };
        if self.exact && found != self.most {
            return Err(self.differs("", found.bytes, found.members));
        }
        Ok(found)
    }

    fn differs(&self, more: &str, bytes: u64, members: u64) -> Error {
        let (code, most) =
            if self.exact { (ErrorCode::PspfTar, "expected") } else { (ErrorCode::PspfLimit, "allowed are") };
        let message = format!(
            "slot {} unpacks to {bytes} {more}bytes in {members} {more}members, {most} {} in {}",
            self.position, self.most.bytes, self.most.members
        );
        pspf::Error::rule(code, message).into()
    }
}

/// Counts and lists members on their way to another sink.
pub(crate) struct Counted<'a, S> {
    announced: &'a Announced<'a>,
    pub(crate) members: Vec<Member>,
    pub(crate) inner: S,
}

impl<'a, S> Counted<'a, S> {
    pub(crate) fn new(announced: &'a Announced<'a>, inner: S) -> Self {
        Self { announced, members: Vec::new(), inner }
    }
}

impl<S: MemberSink<Error = Error>> MemberSink for Counted<'_, S> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.announced.progress.check()?;
        let bytes = if let Kind::File { size, .. } = member.kind { size } else { 0 };
        self.announced.spend(bytes, 1)?;
        self.members.push(member.clone());
        self.inner.begin(member)
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        self.announced.progress.check()?;
        self.inner.data(piece)
    }

    fn end(&mut self) -> Result<()> {
        self.inner.end()
    }
}

/// Counts the bytes of a slot that holds one file.
pub(crate) struct FileCount<'a> {
    announced: &'a Announced<'a>,
}

impl<'a> FileCount<'a> {
    /// A slot that says that it unpacks to nothing (the package itself, `$SELF`) has no member either.
    pub(crate) fn new(announced: &'a Announced<'a>) -> Result<Self> {
        if announced.most != (Unpacked { bytes: 0, members: 0 }) {
            announced.spend(0, 1)?;
        }
        Ok(Self { announced })
    }

    pub(crate) fn add(&self, piece: &[u8]) -> Result<()> {
        self.announced.progress.check()?;
        self.announced.spend(piece.len() as u64, 0)
    }
}
