//! tar headers written by hand, field by field, so that wrong ones can be made as easily as right ones.

/// The fields of a header before they are written.
#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) prefix: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) kind: u8,
    pub(crate) target: Vec<u8>,
    pub(crate) magic: [u8; 8],
    pub(crate) mtime: u64,
}

/// The two zero blocks that end an archive.
pub(crate) const END: [u8; 1024] = [0; 1024];

impl Header {
    pub(crate) fn new(kind: u8, name: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            prefix: Vec::new(),
            mode: if kind == b'0' { 0o644 } else { 0o755 },
            size: 0,
            kind,
            target: Vec::new(),
            magic: *b"ustar\x0000",
            mtime: 315_619_200,
        }
    }

    pub(crate) fn block(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, format!("{:011o}", self.mtime).as_bytes());
        put(156, &[self.kind]);
        put(157, &self.target);
        put(257, &self.magic);
        put(345, &self.prefix);
        seal(&mut block);
        block
    }
}

/// Writes the checksum of a header.
pub(crate) fn seal(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A file with its content and padding.
pub(crate) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let header = Header { size: content.len() as u64, ..Header::new(b'0', name.as_bytes()) };
    padded(&header.block(), content)
}

/// The same, executable.
pub(crate) fn program(name: &str, content: &[u8]) -> Vec<u8> {
    let header = Header { size: content.len() as u64, mode: 0o755, ..Header::new(b'0', name.as_bytes()) };
    padded(&header.block(), content)
}

/// A directory.
pub(crate) fn directory(name: &str) -> Vec<u8> {
    Header::new(b'5', format!("{name}/").as_bytes()).block().to_vec()
}

/// A symbolic link.
pub(crate) fn link(name: &str, target: &str) -> Vec<u8> {
    let header = Header { target: target.as_bytes().to_vec(), ..Header::new(b'2', name.as_bytes()) };
    header.block().to_vec()
}

/// A pax header with the given records.
pub(crate) fn pax(records: &[u8]) -> Vec<u8> {
    let header = Header { size: records.len() as u64, mode: 0o644, ..Header::new(b'x', b"@PaxHeader") };
    padded(&header.block(), records)
}

/// One pax record.
pub(crate) fn record(key: &str, value: &str) -> Vec<u8> {
    let body = key.len() + value.len() + 3;
    let length =
        (body + 1..body + 9).find(|length| length.to_string().len() + body == *length).expect("a length");
    format!("{length} {key}={value}\n").into_bytes()
}

/// A header and its data up to the next block.
pub(crate) fn padded(header: &[u8; 512], data: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}
