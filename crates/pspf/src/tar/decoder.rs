//! A push parser for one frame (or one whole stream) of a slot's tar archive. It holds at most one header and one
//! pax record and hands data through; it refuses every kind of member that packages may not hold.

use super::{BLOCK, Kind, MAGIC, Member, check_path, check_target, field, header_checksum};
use crate::layout::limit;
use crate::{Error, ErrorCode, Result};

/// What happens to the members of a stream.
pub trait MemberSink {
    /// Failures of the sink itself.
    type Error: From<Error>;

    /// A member begins. Files are followed by exactly `size` bytes of data.
    fn begin(&mut self, member: &Member) -> Result<(), Self::Error>;

    /// A piece of the current file.
    fn data(&mut self, piece: &[u8]) -> Result<(), Self::Error>;

    /// The current member is complete.
    fn end(&mut self) -> Result<(), Self::Error>;
}

/// Names and sizes that pax records set for the next member.
#[derive(Debug, Default)]
struct Pax {
    path: Option<String>,
    target: Option<String>,
    size: Option<u64>,
}

#[derive(Debug)]
enum State {
    /// Collecting the next header.
    Header,
    /// Passing on `data` bytes of the current file, then skipping `padding` bytes.
    Data { data: u64, padding: u64 },
    /// Collecting a pax record of `size` bytes, then skipping its padding.
    Record { size: usize, padding: u64 },
    /// Behind the first zero block; nothing but zeros may follow.
    End { zeros: u64 },
}

/// The parser. Give it bytes with [`Decoder::feed`], then call [`Decoder::finish`].
#[derive(Debug)]
pub struct Decoder {
    state: State,
    buffer: Vec<u8>,
    pax: Option<Pax>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { state: State::Header, buffer: Vec::with_capacity(BLOCK), pax: None }
    }
}

impl Decoder {
    /// A parser at a member boundary.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the stream.
    pub fn feed<S: MemberSink>(&mut self, mut bytes: &[u8], sink: &mut S) -> Result<(), S::Error> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header => {
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
                        bytes = &bytes[length..];
                        if *data == 0 {
                            sink.end()?;
                        }
                    }
                    if *data == 0 {
                        bytes = skip_zeros(bytes, padding)?;
                        if *padding == 0 {
                            self.state = State::Header;
                        }
                    }
                }
                State::Record { size, padding } => {
                    let taken = take(&mut self.buffer, *size, bytes);
                    bytes = &bytes[taken..];
                    if self.buffer.len() == *size {
                        bytes = skip_zeros(bytes, padding)?;
                        if *padding == 0 {
                            self.pax = Some(parse_records(&self.buffer)?);
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

    /// Ends a frame. The parser must be at a member boundary; the end of the archive (two zero blocks) must have
    /// been seen in the last frame and in no other.
    pub fn finish(self, last: bool) -> Result<()> {
        match self.state {
            State::End { zeros } if last && zeros == 2 * BLOCK as u64 => Ok(()),
            State::End { zeros } => Err(refuse(&format!(
                "{zeros} zero bytes at the end of {}, expected {}",
                if last { "the archive" } else { "a frame that is not the last" },
                if last { 2 * BLOCK } else { 0 }
            ))),
            State::Header if last => Err(refuse("the archive does not end with two zero blocks")),
            State::Header if self.buffer.is_empty() && self.pax.is_none() => Ok(()),
            _ => Err(refuse("a frame ends inside a member")),
        }
    }

    fn header<S: MemberSink>(&mut self, sink: &mut S) -> Result<(), S::Error> {
        let mut block = [0; BLOCK];
        block.copy_from_slice(&self.buffer);
        self.buffer.clear();
        if block.iter().all(|byte| *byte == 0) {
            if self.pax.is_some() {
                return Err(refuse("a pax record without a member").into());
            }
            self.state = State::End { zeros: BLOCK as u64 };
            return Ok(());
        }
        let header = Header::parse(&block)?;
        if header.kind == b'x' {
            if self.pax.is_some() {
                return Err(refuse("two pax records for one member").into());
            }
            if header.size == 0 || header.size > limit::PAX_BYTES {
                return Err(refuse(&format!("a pax record of {} bytes", header.size)).into());
            }
            // Bounded by the limit just checked.
            let size = usize::try_from(header.size).unwrap_or(0);
            self.state = State::Record { size, padding: padding(header.size) };
            return Ok(());
        }
        let member = header.member(self.pax.take().unwrap_or_default())?;
        sink.begin(&member)?;
        match member.kind {
            Kind::File { size, .. } if size > 0 => {
                self.state = State::Data { data: size, padding: padding(size) };
            }
            _ => sink.end()?,
        }
        Ok(())
    }
}

struct Header {
    kind: u8,
    mode: u64,
    size: u64,
    name: String,
    target: String,
}

impl Header {
    fn parse(block: &[u8; BLOCK]) -> Result<Self> {
        let (start, length) = field::MAGIC;
        if block[start..start + length] != MAGIC {
            return Err(refuse("a header without the ustar magic"));
        }
        let stored = octal(block, field::CHECKSUM)?;
        let computed = header_checksum(block);
        if stored != computed {
            return Err(refuse(&format!("header checksum {computed}, expected {stored}")));
        }
        let prefix = text(block, field::PREFIX)?;
        let name = text(block, field::NAME)?;
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Ok(Self {
            kind: block[field::KIND],
            mode: octal(block, field::MODE)?,
            size: octal(block, field::SIZE)?,
            name,
            target: text(block, field::LINK)?,
        })
    }

    fn member(self, pax: Pax) -> Result<Member> {
        let name = pax.path.unwrap_or(self.name);
        let size = pax.size.unwrap_or(self.size);
        let kind = match self.kind {
            b'0' => Kind::File { size, executable: self.mode & 0o100 != 0 },
            b'5' => Kind::Directory,
            b'2' => Kind::Symlink { target: pax.target.unwrap_or(self.target) },
            other => {
                return Err(refuse(&format!(
                    "member {name:?} is of kind {:?}; files, directories and symbolic links are allowed",
                    char::from(other)
                )));
            }
        };
        if size != 0 && !matches!(kind, Kind::File { .. }) {
            return Err(refuse(&format!("member {name:?} is no file but has {size} bytes")));
        }
        let path = match kind {
            Kind::Directory => name.strip_suffix('/').unwrap_or(&name).to_owned(),
            _ => name,
        };
        check_path(&path)?;
        if let Kind::Symlink { target } = &kind {
            check_target(&path, target)?;
        }
        Ok(Member { path, kind })
    }
}

fn refuse(what: &str) -> Error {
    Error::rule(ErrorCode::PspfTar, format!("tar stream: {what}"))
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

/// Skips up to `count` bytes, which must be zero: padding is part of what is signed but carries nothing.
fn skip_zeros<'a>(bytes: &'a [u8], count: &mut u64) -> Result<&'a [u8]> {
    let length = bytes.len().min(usize::try_from(*count).unwrap_or(usize::MAX));
    if bytes[..length].iter().any(|byte| *byte != 0) {
        return Err(refuse("padding that is not zero"));
    }
    *count -= length as u64;
    Ok(&bytes[length..])
}

fn text(block: &[u8; BLOCK], (start, length): (usize, usize)) -> Result<String> {
    let bytes = &block[start..start + length];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(length);
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| refuse("a name that is not UTF-8"))
}

fn octal(block: &[u8; BLOCK], (start, length): (usize, usize)) -> Result<u64> {
    let digits = &block[start..start + length];
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(length);
    std::str::from_utf8(&digits[..end])
        .ok()
        .filter(|digits| digits.bytes().all(|digit| matches!(digit, b'0'..=b'7')))
        .and_then(|digits| u64::from_str_radix(digits, 8).ok())
        .ok_or_else(|| refuse("a number that is not octal"))
}

fn parse_records(mut bytes: &[u8]) -> Result<Pax> {
    let mut pax = Pax::default();
    while !bytes.is_empty() {
        let (key, value, rest) = parse_record(bytes).ok_or_else(|| refuse("a malformed pax record"))?;
        match key {
            "path" if pax.path.is_none() => pax.path = Some(value.to_owned()),
            "linkpath" if pax.target.is_none() => pax.target = Some(value.to_owned()),
            "size" if pax.size.is_none() && value.bytes().all(|digit| digit.is_ascii_digit()) => {
                pax.size = Some(value.parse().map_err(|_| refuse("a pax size that is no number"))?);
            }
            _ => {
                return Err(refuse(&format!(
                    "pax record {key:?}; path, linkpath and size are allowed, once each"
                )));
            }
        }
        bytes = rest;
    }
    Ok(pax)
}

fn parse_record(bytes: &[u8]) -> Option<(&str, &str, &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let body = bytes.get(blank + 1..length)?;
    let body = std::str::from_utf8(body.strip_suffix(b"\n")?).ok()?;
    let (key, value) = body.split_once('=')?;
    Some((key, value, &bytes[length..]))
}
