//! A push parser for a slot's tar archive: a whole stream, or one run of frames (FORMAT.md §9). It holds at most one
//! header and one record and hands data through; it refuses every kind of member that packages may not hold. What
//! else it accepts is its [`Profile`]'s business.

use super::header::Header;
use super::records::{Pending, RecordKind};
use super::{BLOCK, Kind, Profile, refuse};
use crate::layout::{SPLIT_CONTENT, limit};
use crate::{Error, Result};

/// What happens to the members of a stream.
pub trait MemberSink {
    /// Failures of the sink itself.
    type Error: From<Error>;

    /// Permission bits of the member that begins next, without setuid, setgid and sticky. Packages of ours say no more
    /// with them than [`Kind::File`]'s `executable`.
    fn permissions(&mut self, bits: u32) {
        let _ = bits;
    }

    /// A member begins. Files are followed by exactly `size` bytes of data.
    fn begin(&mut self, member: &super::Member) -> Result<(), Self::Error>;

    /// A piece of the current file.
    fn data(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// The current member is complete.
    fn end(&mut self) -> Result<(), Self::Error>;
}

#[derive(Debug)]
enum State {
    /// Collecting the next header.
    Header,
    /// Passing on `data` bytes of the current file, then skipping `padding` bytes.
    Data { data: u64, padding: u64 },
    /// Collecting a record of `size` bytes, then skipping its padding.
    Record { kind: RecordKind, size: usize, padding: u64 },
    /// Behind the first zero block; nothing but zeros may follow.
    End { zeros: u64 },
}

/// The parser. Give it bytes with [`Decoder::feed`], end each frame but the last of a run with
/// [`Decoder::end_frame`], then call [`Decoder::finish`].
#[derive(Debug)]
pub struct Decoder {
    profile: Profile,
    state: State,
    buffer: Vec<u8>,
    pending: Option<Pending>,
    frame: FrameState,
}

/// Where the current frame stands towards the rule of split members.
#[derive(Debug, Default)]
struct FrameState {
    /// Bytes of the stream in this frame so far.
    content: u64,
    /// Bytes of the current file so far, over all frames.
    seen: u64,
    /// Whether the frame began inside a file.
    continues: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::with_profile(Profile::Strict)
    }
}

impl Decoder {
    /// A parser at a member boundary of an archive that our writer made.
    pub fn new() -> Self {
        Self::default()
    }

    /// A parser at the beginning of an archive that any tar program may have made.
    pub fn tolerant() -> Self {
        Self::with_profile(Profile::Tolerant)
    }

    /// A parser of either kind.
    pub fn with_profile(profile: Profile) -> Self {
        Self {
            profile,
            state: State::Header,
            buffer: Vec::with_capacity(BLOCK),
            pending: None,
            frame: FrameState::default(),
        }
    }

    /// Takes the next piece of the stream.
    pub fn feed<S: MemberSink + ?Sized>(&mut self, mut bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        self.frame.content += bytes.len() as u64;
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header => {
                    if self.frame.continues {
                        return Err(refuse("a frame that continues a file holds more than its rest").into());
                    }
                    let taken = take(&mut self.buffer, BLOCK, bytes);
                    bytes = &bytes[taken..];
                    if self.buffer.len() == BLOCK {
                        self.header(sink)?;
                    }
                }
                State::Data { data, padding } => {
                    if *data > 0 {
                        let length = bytes.len().min(usize::try_from(*data).unwrap_or(usize::MAX));
                        sink.data(&bytes[..length])?;
                        *data -= length as u64;
                        self.frame.seen += length as u64;
                        bytes = &bytes[length..];
                        if *data == 0 {
                            sink.end()?;
                        }
                    }
                    if *data == 0 {
                        bytes = skip_padding(bytes, padding, self.profile)?;
                        if *padding == 0 {
                            self.state = State::Header;
                        }
                    }
                }
                State::Record { kind, size, padding } => {
                    let taken = take(&mut self.buffer, *size, bytes);
                    bytes = &bytes[taken..];
                    if self.buffer.len() == *size {
                        bytes = skip_padding(bytes, padding, self.profile)?;
                        if *padding == 0 {
                            if *kind != RecordKind::GlobalPax {
                                let pending = self.pending.get_or_insert_default();
                                pending.read(*kind, &self.buffer, self.profile)?;
                            }
                            self.buffer.clear();
                            self.state = State::Header;
                        }
                    }
                }
                State::End { zeros } => {
                    if let Some(position) = bytes.iter().position(|byte| *byte != 0) {
                        return Err(refuse(&format!(
                            "a non-zero byte ({position}) behind the end of the archive"
                        ))
                        .into());
                    }
                    *zeros += bytes.len() as u64;
                    bytes = &[];
                }
            }
        }
        Ok(())
    }

    /// Ends a frame of a run; more bytes follow unless it is the `last` frame of the slot. The parser must be at a
    /// member boundary, or at a place where a split member may be cut; the end of the archive (two zero blocks) must
    /// have been seen in the last frame and in no other.
    pub fn end_frame(&mut self, last: bool) -> Result<()> {
        let content = std::mem::take(&mut self.frame.content);
        let continued = std::mem::take(&mut self.frame.continues);
        match self.state {
            State::End { zeros } => self.end_of_archive(zeros, last),
            State::Header if last => Err(refuse("the archive does not end with two zero blocks")),
            State::Header if continued && content > SPLIT_CONTENT => {
                Err(refuse(&format!("a frame that continues a file holds {content} bytes of it")))
            }
            State::Header if self.buffer.is_empty() && self.pending.is_none() => Ok(()),
            State::Data { data, .. } if data > 0 && !last && self.is_cut(content, continued) => {
                self.frame.continues = true;
                Ok(())
            }
            _ => Err(refuse("a frame ends inside a member")),
        }
    }

    /// Ends the last frame of a run, or the whole stream if it is the `last` of the slot: nothing is left open.
    pub fn finish(mut self, last: bool) -> Result<()> {
        self.end_frame(last)?;
        if self.frame.continues {
            return Err(refuse("a frame ends inside a member"));
        }
        Ok(())
    }

    /// Whether a frame of so much content may end inside the current file.
    fn is_cut(&self, content: u64, continued: bool) -> bool {
        if continued {
            content == SPLIT_CONTENT
        } else {
            content > SPLIT_CONTENT && self.frame.seen == SPLIT_CONTENT
        }
    }

    fn end_of_archive(&self, zeros: u64, last: bool) -> Result<()> {
        let expected = if last { 2 * BLOCK as u64 } else { 0 };
        if zeros == expected || last && self.profile == Profile::Tolerant && zeros > expected {
            return Ok(());
        }
        Err(refuse(&format!(
            "{zeros} zero bytes at the end of {}, expected {expected}",
            if last { "the archive" } else { "a frame that is not the last" },
        )))
    }

    fn header<S: MemberSink + ?Sized>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let mut block = [0; BLOCK];
        block.copy_from_slice(&self.buffer);
        self.buffer.clear();
        if block.iter().all(|byte| *byte == 0) {
            if self.pending.is_some() {
                return Err(refuse("a record without a member").into());
            }
            self.state = State::End { zeros: BLOCK as u64 };
            return Ok(());
        }
        let header = Header::parse(&block, self.profile)?;
        if let Some(kind) = RecordKind::of(header.kind, self.profile) {
            self.state = self.record(kind, header.size)?;
            return Ok(());
        }
        let bits = header.permissions();
        let Some(member) = header.member(&self.pending.take().unwrap_or_default(), self.profile)? else {
            return Ok(());
        };
        sink.permissions(bits);
        sink.begin(&member)?;
        self.frame.seen = 0;
        match member.kind {
            Kind::File { size, .. } if size > 0 => {
                self.state = State::Data { data: size, padding: padding(size) };
            }
            _ => sink.end()?,
        }
        Ok(())
    }

    fn record(&self, kind: RecordKind, size: u64) -> Result<State> {
        if self.pending.is_some() && self.profile == Profile::Strict {
            return Err(refuse("two pax records for one member"));
        }
        if size == 0 && self.profile == Profile::Strict || size > limit::PAX_BYTES {
            return Err(refuse(&format!("a {} of {size} bytes", kind.name())));
        }
        if size == 0 {
            return Ok(State::Header);
        }
        // Bounded by the limit just checked.
        Ok(State::Record { kind, size: usize::try_from(size).unwrap_or(0), padding: padding(size) })
    }
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}

/// Moves bytes into `buffer` until it holds `length`; returns how many were taken.
fn take(buffer: &mut Vec<u8>, length: usize, bytes: &[u8]) -> usize {
    let taken = bytes.len().min(length - buffer.len());
    buffer.extend_from_slice(&bytes[..taken]);
    taken
}

/// Skips up to `count` bytes. In archives of ours they must be zero: padding is part of what is signed but carries
/// nothing.
fn skip_padding<'a>(bytes: &'a [u8], count: &mut u64, profile: Profile) -> Result<&'a [u8]> {
    let length = bytes.len().min(usize::try_from(*count).unwrap_or(usize::MAX));
    if profile == Profile::Strict && bytes[..length].iter().any(|byte| *byte != 0) {
        return Err(refuse("padding that is not zero"));
    }
    *count -= length as u64;
    Ok(&bytes[length..])
}
