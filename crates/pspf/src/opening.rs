//! The steps of opening a package, in the only order in which they may happen: trailer, index block, stored
//! metadata, signature, strict JSON, signer key, canonical rendering. Nothing of the metadata is acted upon before
//! its signature held; bytes of launcher and slots are not read here.

use sha2::{Digest, Sha256};

use crate::index_block::IndexBlock;
use crate::layout::{
    DESCRIPTOR_SIZE, END_MARKER, INDEX_SIZE, MARKER_SIZE, START_MARKER, TRAILER_SIZE, index, limit,
};
use crate::metadata::{Flavor, Metadata};
use crate::operations::OperationChain;
use crate::reader::{mismatch, read};
use crate::regions::{check_foreign_regions, check_frames};
use crate::render::{self, Rendering};
use crate::slot::SlotDescriptor;
use crate::{Error, ErrorCode, ReadAt, Result, keys, stored_gzip, strict_json};

/// One settled or failed step of opening a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `trailer`, `index`, `metadata`, `signature`, `json`, `rendering`, `signer-key`.
    pub name: &'static str,
    /// Whether it held.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// The code of the failure.
    pub code: Option<ErrorCode>,
}

/// What a reader puts up with instead of refusing. What it puts up with is among the checks, as failed. Limits, regions,
/// JSON and everything that unpacking relies on are judged whatever stands here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Bytes outside metadata, launcher and slots that are not as the metadata determines them (security rule S6).
    pub rendering: bool,
    /// A signature that does not hold, or a key that the metadata does not name.
    pub signature: bool,
    /// Bytes of slots: their digests are not compared at all.
    pub slots: bool,
}

/// What opening leaves behind.
pub(crate) struct Opened {
    pub(crate) signature_holds: bool,
    pub(crate) trailer: Vec<u8>,
    pub(crate) index: IndexBlock,
    pub(crate) json: Vec<u8>,
    pub(crate) metadata: Metadata,
    pub(crate) descriptors: Vec<SlotDescriptor>,
    pub(crate) length: u64,
}

/// Opens a package, recording each step.
pub(crate) fn run<R: ReadAt>(source: &R, tolerance: Tolerance, checks: &mut Vec<Check>) -> Result<Opened> {
    Opening { source, tolerance, checks }.run()
}

/// The stored metadata and the JSON inside.
struct StoredMetadata {
    stored: Vec<u8>,
    json: Vec<u8>,
}

/// The steps of opening, in the only order in which they may happen.
struct Opening<'a, R> {
    source: &'a R,
    tolerance: Tolerance,
    checks: &'a mut Vec<Check>,
}

impl<R: ReadAt> Opening<'_, R> {
    fn step<T>(&mut self, name: &'static str, result: Result<(T, String)>) -> Result<T> {
        let check = match &result {
            Ok((_, detail)) => Check { name, ok: true, detail: detail.clone(), code: None },
            Err(error) => Check { name, ok: false, detail: error.to_string(), code: Some(error.code()) },
        };
        self.checks.push(check);
        result.map(|(value, _)| value)
    }

    /// A step whose failure may be put up with; whether it held.
    fn step_or_go_on(
        &mut self,
        name: &'static str,
        tolerated: bool,
        result: Result<((), String)>,
    ) -> Result<bool> {
        match self.step(name, result) {
            Ok(()) => Ok(true),
            Err(_) if tolerated => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn run(&mut self) -> Result<Opened> {
        let trailer = self.trailer();
        let (length, trailer) = self.step("trailer", trailer)?;
        let index = Self::index(length, &trailer);
        let index = self.step("index", index)?;
        let stored = self.metadata(&index);
        let StoredMetadata { stored, json } = self.step("metadata", stored)?;
        let signature = Self::signature(&index, &json, length);
        let mut signature_holds = self.step_or_go_on("signature", self.tolerance.signature, signature)?;
        let metadata = Self::document(&json);
        let metadata = self.step("json", metadata)?;
        let descriptors = if let Some(flavor) = metadata.flavor() {
            let key = Self::signer_key(&index, flavor, length);
            signature_holds &= self.step_or_go_on("signer-key", self.tolerance.signature, key)?;
            self.rendered_table(&index, &stored, &json, &metadata, &trailer)?
        } else {
            let table = self.foreign_table(&index, &metadata);
            self.step("slot-table", table)?
        };
        Ok(Opened { signature_holds, trailer, index, json, metadata, descriptors, length })
    }

    fn trailer(&self) -> Result<((u64, Vec<u8>), String)> {
        let length = self.source.len().map_err(|source| Error::Io { offset: 0, length: 0, source })?;
        let Some(offset) = length.checked_sub(TRAILER_SIZE as u64) else {
            return Err(Error::NotAPackage { length, reason: "shorter than a trailer of 8200 bytes" });
        };
        let mut trailer = Vec::new();
        read(self.source, offset, TRAILER_SIZE as u64, &mut trailer)?;
        let ends = trailer[TRAILER_SIZE - MARKER_SIZE..] == END_MARKER;
        if trailer[..MARKER_SIZE] != START_MARKER || !ends {
            let reason = if ends { "no start marker before the index block" } else { "no end marker" };
            return Err(Error::NotAPackage { length, reason });
        }
        Ok(((length, trailer), format!("at byte {offset} of {length}")))
    }

    fn index(length: u64, trailer: &[u8]) -> Result<(IndexBlock, String)> {
        let base = length - (TRAILER_SIZE - MARKER_SIZE) as u64;
        let mut block = [0; INDEX_SIZE];
        block.copy_from_slice(&trailer[MARKER_SIZE..MARKER_SIZE + INDEX_SIZE]);
        let decoded = IndexBlock::decode(&block, base, length)?;
        let end = length - TRAILER_SIZE as u64;
        let mut regions = vec![
            (index::LAUNCHER_SIZE, "launcher", 0, decoded.launcher_size),
            (index::METADATA_OFFSET, "metadata", decoded.metadata_offset, decoded.metadata_size),
        ];
        if decoded.slot_count > 0 {
            let size = u64::from(decoded.slot_count) * DESCRIPTOR_SIZE as u64;
            regions.push((index::SLOT_TABLE_OFFSET, "slot table", decoded.slot_table_offset, size));
        }
        let mut previous = (0, "");
        for (field, name, offset, size) in regions {
            let field = base + field as u64;
            let region_end = offset.checked_add(size).filter(|region_end| *region_end <= end);
            let Some(region_end) = region_end else {
                let message = format!("{name} of {size} bytes at byte {offset} reaches beyond byte {end}");
                return Err(Error::at(ErrorCode::PspfRegion, field, message));
            };
            if offset < previous.0 {
                let message = format!(
                    "{name} at byte {offset} overlaps the {} that ends at {}",
                    previous.1, previous.0
                );
                return Err(Error::at(ErrorCode::PspfRegion, field, message));
            }
            previous = (region_end, name);
        }
        let detail = format!("{} slots, {} bytes", decoded.slot_count, decoded.package_size);
        Ok((decoded, detail))
    }

    fn metadata(&self, index: &IndexBlock) -> Result<(StoredMetadata, String)> {
        let (offset, size) = (index.metadata_offset, index.metadata_size);
        // Stored blocks add less than one byte in ten thousand; deflated metadata is smaller than its content.
        if size > limit::METADATA_BYTES + limit::METADATA_BYTES / 1024 {
            return Err(Error::at(ErrorCode::PspfLimit, offset, format!("stored metadata of {size} bytes")));
        }
        let mut stored = Vec::new();
        read(self.source, offset, size, &mut stored)?;
        let digest: [u8; 32] = Sha256::digest(&stored).into();
        if digest != index.metadata_checksum {
            let code = ErrorCode::PspfMetadataChecksum;
            return Err(mismatch(code, offset, "metadata", digest, index.metadata_checksum));
        }
        let json = stored_gzip::expand(&stored, offset)?;
        let detail = format!("{size} bytes stored, {} bytes of JSON", json.len());
        Ok((StoredMetadata { stored, json }, detail))
    }

    fn signature(index: &IndexBlock, json: &[u8], length: u64) -> Result<((), String)> {
        if !keys::verify(&index.public_key, json, &index.signature) {
            let offset = length - (TRAILER_SIZE - MARKER_SIZE - self::index::SIGNATURE) as u64;
            let message = "the Ed25519 signature over the metadata does not hold";
            return Err(Error::at(ErrorCode::PspfSignature, offset, message));
        }
        let fingerprint = crate::hex::encode(&keys::fingerprint(&index.public_key));
        Ok(((), format!("Ed25519, key {fingerprint}")))
    }

    fn document(json: &[u8]) -> Result<(Metadata, String)> {
        strict_json::check(json)?;
        let metadata = Metadata::decode(json)?;
        let detail = format!("{} {}", metadata.package.name, metadata.package.version);
        Ok((metadata, detail))
    }

    fn signer_key(index: &IndexBlock, flavor: &Flavor, length: u64) -> Result<((), String)> {
        let found = keys::fingerprint(&index.public_key);
        if found != flavor.signer.key.0 {
            let offset = length - (TRAILER_SIZE - MARKER_SIZE - self::index::PUBLIC_KEY) as u64;
            return Err(mismatch(ErrorCode::PspfSignerKey, offset, "public key", found, flavor.signer.key.0));
        }
        Ok(((), "the signed metadata names this key".to_owned()))
    }

    /// Security rule S6: renders what the signature determines and compares. The table is the rendered one in any case.
    fn rendered_table(
        &mut self,
        index: &IndexBlock,
        stored: &[u8],
        json: &[u8],
        metadata: &Metadata,
        trailer: &[u8],
    ) -> Result<Vec<SlotDescriptor>> {
        let expected = match render::render(json, metadata, index.public_key, index.signature) {
            Ok(expected) => expected,
            Err(error) => return self.step("rendering", Err(error)),
        };
        let rendering = self.rendering(index, stored, metadata, trailer, &expected);
        // Slots that reach beyond the file cannot be put up with.
        let tolerated = self.tolerance.rendering && expected.package_size() <= index.package_size;
        self.step_or_go_on("rendering", tolerated, rendering)?;
        for (position, slot) in metadata.slots.iter().enumerate() {
            let chain = OperationChain::parse(&slot.operations);
            let frames = chain.and_then(|chain| check_frames(metadata, position, &chain));
            if let Err(error) = frames {
                return self.step("rendering", Err(error));
            }
        }
        Ok(decode_table(&expected.table))
    }

    fn rendering(
        &self,
        index: &IndexBlock,
        stored: &[u8],
        metadata: &Metadata,
        trailer: &[u8],
        expected: &Rendering,
    ) -> Result<((), String)> {
        if expected.package_size() != index.package_size {
            let message = format!(
                "the signed metadata describes a file of {} bytes, this one has {}",
                expected.package_size(),
                index.package_size
            );
            return Err(Error::rule(ErrorCode::PspfRendering, message));
        }
        compare("trailer", expected.trailer_offset, trailer, &expected.trailer)?;
        compare("stored metadata", expected.metadata_offset, stored, &expected.metadata)?;
        let mut table = Vec::new();
        read(self.source, expected.table_offset, expected.table.len() as u64, &mut table)?;
        compare("slot table", expected.table_offset, &table, &expected.table)?;
        self.gaps(expected, metadata)?;
        let compared = trailer.len() + stored.len() + table.len();
        Ok(((), format!("{compared} bytes as the signature determines them")))
    }

    /// What lies between two parts is zero.
    fn gaps(&self, expected: &Rendering, metadata: &Metadata) -> Result<()> {
        let mut end = expected.metadata_offset + expected.metadata.len() as u64;
        let mut parts = Vec::new();
        if !metadata.slots.is_empty() {
            parts.push((expected.table_offset, expected.table.len() as u64));
        }
        parts.extend(
            expected.slot_offsets.iter().zip(&metadata.slots).map(|(offset, slot)| (*offset, slot.size)),
        );
        let mut gap = Vec::new();
        for (offset, size) in parts {
            read(self.source, end, offset - end, &mut gap)?;
            if let Some(position) = gap.iter().position(|byte| *byte != 0) {
                let message = "a byte between two regions is not zero";
                return Err(Error::at(ErrorCode::PspfRendering, end + position as u64, message));
            }
            end = offset + size;
        }
        Ok(())
    }

    fn foreign_table(
        &self,
        index: &IndexBlock,
        metadata: &Metadata,
    ) -> Result<(Vec<SlotDescriptor>, String)> {
        let mut table = Vec::new();
        read(
            self.source,
            index.slot_table_offset,
            u64::from(index.slot_count) * DESCRIPTOR_SIZE as u64,
            &mut table,
        )?;
        let descriptors = decode_table(&table);
        if metadata.slots.len() > descriptors.len() {
            let message =
                format!("{} slots in the metadata, {} in the table", metadata.slots.len(), descriptors.len());
            return Err(Error::at(ErrorCode::PspfIndex, index.slot_table_offset, message));
        }
        let place = |position: usize| index.slot_table_offset + (position * DESCRIPTOR_SIZE) as u64;
        for (position, slot) in descriptors.iter().enumerate() {
            OperationChain::unpack(slot.operations, place(position))?;
        }
        check_foreign_regions(index, &descriptors)
            .map_err(|(position, message)| Error::at(ErrorCode::PspfRegion, place(position), message))?;
        let detail = format!("{} descriptors, not covered by the signature", descriptors.len());
        Ok((descriptors, detail))
    }
}

fn decode_table(table: &[u8]) -> Vec<SlotDescriptor> {
    table.as_chunks::<DESCRIPTOR_SIZE>().0.iter().map(SlotDescriptor::decode).collect()
}

fn compare(what: &str, offset: u64, found: &[u8], expected: &[u8]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    let message = format!("{what} differs from what the signed metadata determines");
    Err(Error::at(ErrorCode::PspfRendering, offset + same as u64, message))
}
