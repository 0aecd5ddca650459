//! From the material of a slot to its stored bytes: the operations of the chain, applied in their order, streaming.
//! Whatever ends with zstd is cut into frames (`frames`); every other chain is one stream on one thread, because its
//! bytes may not depend on how the work is shared.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use pspf::codec::{self, Encoder, Limits};
use pspf::operations::{Operation, OperationChain};
use sha2::{Digest as _, Sha256};

use crate::cut::Cut;
use crate::frames::{self, Compression, Deposit, Meter, PIECE, Stored};
use crate::material::{Input, Material};
use crate::{Error, Result};

/// Appends the stored bytes of one slot to `output`; what has to wait waits in unnamed files in `folder`.
pub(crate) fn store(
    material: &Material,
    chain: &OperationChain,
    compression: Compression<'_>,
    folder: &Path,
    output: &mut dyn Write,
    meter: &Meter<'_>,
) -> Result<Stored> {
    match material {
        Material::Tree(tree) if *chain == OperationChain::tar_zstd() => {
            return frames::tree(tree, compression, folder, output, meter);
        }
        Material::Ready(input) => {
            let mut deposit = Deposit::new(output);
            copy(input, &mut deposit, folder, meter)?;
            let stored = deposit.finish(Vec::new());
            return if Some(stored.sha256) == input.sha256 { Ok(stored) } else { Err(changed(input)) };
        }
        Material::Itself => return Ok(Deposit::new(output).finish(Vec::new())),
        _ => {}
    }
    let encodings = chain.encodings();
    let Some((Operation::Zstd, before)) = encodings.split_last() else {
        let mut deposit = Deposit::new(output);
        encode(material, encodings, compression, folder, &mut deposit, meter)?;
        return Ok(deposit.finish(Vec::new()));
    };
    let produce = |out: &mut dyn Write| encode(material, before, compression, folder, out, meter);
    frames::stream(produce, compression, folder, output)
}

/// Writes what the material is once `encodings` were applied.
fn encode(
    material: &Material,
    encodings: &[Operation],
    compression: Compression<'_>,
    folder: &Path,
    out: &mut dyn Write,
    meter: &Meter<'_>,
) -> Result<()> {
    if let Material::Reframed(input) = material {
        return decode(input, out, folder, meter);
    }
    let mut encoder = Encoder::new(encodings, out, compression.of_encodings())?;
    match material {
        Material::Tree(tree) => {
            let all = Cut { members: 0..tree.entries.len(), part: None, last: true, content: 0 };
            frames::write_members(tree, &all, compression.mtime, folder, &mut encoder, &|bytes| {
                meter.advance(bytes)
            })?;
        }
        Material::Plain(input) | Material::Ready(input) | Material::Reframed(input) => {
            copy(input, &mut encoder, folder, meter)?;
        }
        Material::Itself => {}
    }
    encoder.finish().map(drop).map_err(frames::waiting(folder))
}

/// Passes a file on as it is.
fn copy(input: &Input, out: &mut dyn Write, folder: &Path, meter: &Meter<'_>) -> Result<()> {
    let mut file = File::open(&input.path).map_err(Error::io("open the source of a slot", &input.path))?;
    let mut piece = vec![0; PIECE];
    let mut copied = 0;
    loop {
        // Whole pieces, whatever a read returns: the encoders see the same ones every time.
        let length =
            fill(&mut file, &mut piece).map_err(Error::io("read the source of a slot", &input.path))?;
        if length == 0 {
            break;
        }
        copied += length as u64;
        if copied > input.size {
            return Err(changed(input));
        }
        out.write_all(&piece[..length]).map_err(frames::waiting(folder))?;
        meter.advance(length)?;
    }
    if copied == input.size { Ok(()) } else { Err(changed(input)) }
}

/// Passes on what the last encoding of a file, which is zstd, holds.
fn decode(input: &Input, out: &mut dyn Write, folder: &Path, meter: &Meter<'_>) -> Result<()> {
    let file = File::open(&input.path).map_err(Error::io("open the source of a slot", &input.path))?;
    let mut hasher = Sha256::new();
    let metered = Metered { inner: file, hasher: &mut hasher, meter };
    let mut stream = codec::decoder(&[Operation::Zstd], Box::new(metered), Limits::FOREIGN)?;
    let mut piece = vec![0; PIECE];
    loop {
        meter.progress.check()?;
        match fill(&mut stream, &mut piece) {
            Ok(0) => break,
            Ok(length) => out.write_all(&piece[..length]).map_err(frames::waiting(folder))?,
            Err(error) => return Err(codec::error_of(error).into()),
        }
    }
    drop(stream);
    if Some(hasher.finalize().into()) == input.sha256 { Ok(()) } else { Err(changed(input)) }
}

/// Hashes and counts what a decoder reads.
struct Metered<'a, 'm> {
    inner: File,
    hasher: &'a mut Sha256,
    meter: &'a Meter<'m>,
}

impl Read for Metered<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        // Whether to stop is asked where the answer can be passed on.
        let _ = self.meter.advance(length);
        Ok(length)
    }
}

fn fill(source: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match source.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn changed(input: &Input) -> Error {
    Error::member(&input.path, "the file was changed while it was packed")
}
