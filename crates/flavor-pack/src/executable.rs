//! What machine a launcher is for, as its header says: ELF, PE or Mach-O. Only the header is read; nothing is
//! executed and nothing is changed.

use pspf::metadata::Target;

/// The target of an executable. `None`: no executable of a known kind; an error names a machine that no package
/// can be for.
pub(crate) fn target(bytes: &[u8]) -> Result<Option<Target>, String> {
    let (os, arch, libc) = if bytes.starts_with(b"\x7fELF") {
        let Some(elf) = Elf::of(bytes) else { return Ok(None) };
        ("linux", machine(u64::from(elf.machine), [(62, "amd64"), (183, "arm64")])?, elf.libc())
    } else if let Some(number) = pe_machine(bytes) {
        ("windows", machine(u64::from(number), [(0x8664, "amd64"), (0xaa64, "arm64")])?, None)
    } else if bytes.starts_with(&[0xcf, 0xfa, 0xed, 0xfe]) {
        let Some(number) = u32_at(bytes, 4) else { return Ok(None) };
        ("darwin", machine(u64::from(number), [(0x0100_0007, "amd64"), (0x0100_000c, "arm64")])?, None)
    } else {
        return Ok(None);
    };
    let libc = libc.map(str::to_owned);
    Ok(Some(Target {
        os: os.to_owned(),
        arch: arch.to_owned(),
        libc,
        floor: std::collections::BTreeMap::new(),
    }))
}

/// The machine that this code runs on, for launchers that are no executables.
pub(crate) fn host() -> Target {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Target { os: os.to_owned(), arch: arch.to_owned(), libc: None, floor: std::collections::BTreeMap::new() }
}

fn machine(number: u64, known: [(u64, &'static str); 2]) -> Result<&'static str, String> {
    let found = known.iter().find(|(code, _)| *code == number).map(|(_, name)| *name);
    found.ok_or_else(|| format!("it is for machine {number:#x}, expected amd64 or arm64"))
}

fn pe_machine(bytes: &[u8]) -> Option<u16> {
    let header = bytes.starts_with(b"MZ").then(|| u32_at(bytes, 0x3c))??;
    let header = usize::try_from(header).ok()?;
    (bytes.get(header..header.checked_add(4)?)? == b"PE\0\0").then(|| u16_at(bytes, header + 4))?
}

/// A 64-bit little-endian ELF file.
struct Elf<'a> {
    bytes: &'a [u8],
    machine: u16,
}

impl<'a> Elf<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        (bytes.get(4..6)? == [2, 1]).then_some(())?;
        Some(Self { bytes, machine: u16_at(bytes, 18)? })
    }

    /// The C library whose loader the program names; a static program names none.
    fn libc(&self) -> Option<&'static str> {
        const INTERPRETER: u32 = 3;
        let table = usize::try_from(u64_at(self.bytes, 32)?).ok()?;
        let (size, count) = (usize::from(u16_at(self.bytes, 54)?), usize::from(u16_at(self.bytes, 56)?));
        let headers = (0..count).map_while(|number| table.checked_add(number.checked_mul(size)?));
        let header = headers.into_iter().find(|at| u32_at(self.bytes, *at) == Some(INTERPRETER))?;
        let start = usize::try_from(u64_at(self.bytes, header.checked_add(8)?)?).ok()?;
        let length = usize::try_from(u64_at(self.bytes, header.checked_add(32)?)?).ok()?;
        let name = self.bytes.get(start..start.checked_add(length)?)?;
        let names = |part: &str| name.windows(part.len()).any(|window| window == part.as_bytes());
        if names("ld-musl") {
            Some("musl")
        } else if names("ld-linux") {
            Some("gnu")
        } else {
            None
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> String {
        match target(bytes) {
            Ok(Some(found)) => format!("{} {} {}", found.os, found.arch, found.libc.unwrap_or_default()),
            Ok(None) => "none".to_owned(),
            Err(message) => message,
        }
    }

    fn elf(machine: u16, interpreter: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = if interpreter.is_empty() { 1 } else { 3 };
        bytes[72] = 120;
        bytes[96] = u8::try_from(interpreter.len()).expect("short");
        bytes.extend_from_slice(interpreter.as_bytes());
        bytes
    }

    fn pe(machine: u16) -> Vec<u8> {
        let mut bytes = vec![0; 0x80];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x40;
        bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
        bytes[0x44..0x46].copy_from_slice(&machine.to_le_bytes());
        bytes
    }

    #[test]
    fn the_header_of_an_executable_says_what_machine_it_is_for() {
        assert_eq!(found(&elf(62, "")), "linux amd64 ");
        assert_eq!(found(&elf(62, "/lib64/ld-linux-x86-64.so.2")), "linux amd64 gnu");
        assert_eq!(found(&elf(183, "/lib/ld-musl-aarch64.so.1")), "linux arm64 musl");
        assert_eq!(found(&pe(0x8664)), "windows amd64 ");
        assert_eq!(found(&pe(0xaa64)), "windows arm64 ");
        assert_eq!(found(&[0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]), "darwin amd64 ");
        assert_eq!(found(&[0xcf, 0xfa, 0xed, 0xfe, 12, 0, 0, 1]), "darwin arm64 ");
        assert_eq!(found(b"#!/bin/sh\n"), "none");
        assert!(found(&elf(243, "")).contains("machine 0xf3"));
    }

    #[test]
    fn no_bytes_behind_a_magic_make_it_panic() {
        for whole in
            [elf(62, "/lib64/ld-linux-x86-64.so.2"), pe(0x8664), vec![0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]]
        {
            for length in 0..whole.len() {
                let _ = target(&whole[..length]);
            }
            for position in 4..whole.len() {
                let mut changed = whole.clone();
                changed[position] = 0xff;
                let _ = target(&changed);
            }
        }
    }
}
