//! Members of a tar stream that no frame of ours may hold (FORMAT.md §10), and names that leave the slot (S13).

use pspf::ErrorCode;

use crate::draft::{Draft, SlotDraft};
use crate::table::{Refusal, Table, content};
use crate::tar::{self, Header};

pub(crate) fn add(table: &mut Table) {
    table.group("tar");
    let mut set = Set { table, refusal: content(ErrorCode::PspfTar) };
    set.kinds();
    set.headers();
    set.records();
    set.refusal = content(ErrorCode::PspfMemberName);
    set.table.group("name");
    set.names();
}

struct Set<'a> {
    table: &'a mut Table,
    refusal: Refusal<'a>,
}

impl Set<'_> {
    fn case(&mut self, name: &str, member: &[u8], note: &str) {
        let whole = [member, &tar::END].concat();
        let slot = SlotDraft::framed("app", &[whole], 1, 1);
        self.table.bad(name, Draft::slot(slot).bytes(), self.refusal, note);
    }

    fn kinds(&mut self) {
        for (name, kind, note) in [
            ("hard-link", b'1', "a hard link"),
            ("character-device", b'3', "a character device"),
            ("block-device", b'4', "a block device"),
            ("fifo", b'6', "a pipe"),
            ("contiguous", b'7', "a contiguous file"),
            ("old-file", 0, "a regular file of version 7"),
            ("gnu-long-name", b'L', "a long name as GNU tar writes it"),
            ("gnu-long-link", b'K', "a long link target as GNU tar writes it"),
            ("gnu-sparse", b'S', "a sparse file"),
            ("gnu-directory", b'D', "a directory with its list"),
            ("gnu-volume", b'V', "a volume header"),
            ("global-pax", b'g', "a pax record for everything"),
            ("solaris-pax", b'X', "an old pax record"),
            ("unknown-kind", b'Z', "a kind that nobody knows"),
        ] {
            let header = Header { target: b"a".to_vec(), ..Header::new(kind, b"b") };
            self.case(&format!("kind-{name}"), &header.block(), note);
        }
    }

    fn headers(&mut self) {
        let right = Header { size: 1, ..Header::new(b'0', b"a") };
        let gnu = Header { magic: *b"ustar  \0", ..right.clone() };
        self.case("magic-gnu", &tar::padded(&gnu.block(), b"1"), "the magic of GNU tar");
        let old = Header { magic: [0; 8], ..right.clone() };
        self.case("magic-none", &tar::padded(&old.block(), b"1"), "no magic");
        let changed = |at: usize, bytes: &[u8]| {
            let mut block = right.block();
            block[at..at + bytes.len()].copy_from_slice(bytes);
            tar::seal(&mut block);
            tar::padded(&block, b"1")
        };
        let mut block = right.block();
        block[148] ^= 1;
        self.case("checksum", &tar::padded(&block, b"1"), "a wrong header checksum");
        self.case("size-not-octal", &changed(124, b"0000000000x"), "a size that is not octal");
        self.case(
            "size-base-256",
            &changed(124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            "a size in base 256",
        );
        self.case("size-sign", &changed(124, b"-0000000001"), "a negative size");
        self.case("mode-not-octal", &changed(100, b"rw-r--r"), "a mode that is not octal");
        let mut dirty = tar::padded(&right.block(), b"1");
        dirty[1000] = 1;
        self.case("padding", &dirty, "padding that is not zero");
        let sized = Header { size: 1, ..Header::new(b'5', b"d/") };
        self.case("directory-with-data", &tar::padded(&sized.block(), b"1"), "a directory of one byte");
        let sized = Header { size: 1, target: b"a".to_vec(), ..Header::new(b'2', b"l") };
        self.case("link-with-data", &tar::padded(&sized.block(), b"1"), "a link of one byte");
        let beyond = Header { size: 4096, ..Header::new(b'0', b"a") };
        let beyond = [tar::padded(&beyond.block(), b"1").as_slice(), &tar::END].concat();
        let slot = SlotDraft::framed("app", &[beyond], 4096, 1);
        let note = "a file that is longer than the stream";
        self.table.bad("data-missing", Draft::slot(slot).bytes(), self.refusal, note);
        let not_text = Header { size: 1, ..Header::new(b'0', b"\xff") };
        self.case("name-not-utf8", &tar::padded(&not_text.block(), b"1"), "a name that is not UTF-8");
    }

    fn records(&mut self) {
        let file = tar::file("a", b"1");
        let with = |records: &[u8]| [tar::pax(records).as_slice(), &file].concat();
        for (name, records, note) in [
            ("unknown-key", tar::record("mtime", "1"), "a time"),
            ("xattr", tar::record("SCHILY.xattr.user.a", "1"), "an extended attribute"),
            ("sparse", tar::record("GNU.sparse.realsize", "1"), "a sparse file of GNU tar"),
            ("charset", tar::record("hdrcharset", "BINARY"), "a character set"),
            ("twice", [tar::record("path", "b"), tar::record("path", "c")].concat(), "one key twice"),
            ("size-not-number", tar::record("size", "1x"), "a size that is no number"),
            ("size-empty", tar::record("size", ""), "a size of no digits"),
            ("size-large", tar::record("size", "99999999999999999999"), "a size beyond 2^64"),
            ("length-short", b"9 path=bcd\n".to_vec(), "a record that is longer than it says"),
            ("length-long", b"99 path=b\n".to_vec(), "a record that ends before it should"),
            ("length-zero", b"0 path=b\n".to_vec(), "a length of nothing"),
            ("length-missing", b"path=b\n".to_vec(), "no length"),
            ("newline-missing", b"9 path=bc".to_vec(), "no newline"),
            ("equals-missing", b"9 pathbc\n".to_vec(), "no equals sign"),
            ("not-utf8", b"9 path=\xff\n\n".to_vec(), "a value that is not UTF-8"),
        ] {
            self.case(&format!("pax-{name}"), &with(&records), note);
        }
        let two = [tar::pax(&tar::record("path", "b")), with(&tar::record("path", "c"))].concat();
        self.case("pax-two-records", &two, "two pax headers for one member");
        self.case(
            "pax-without-member",
            &tar::pax(&tar::record("path", "b")),
            "a pax header and then the end",
        );
        let empty = Header { size: 0, ..Header::new(b'x', b"@PaxHeader") };
        self.case("pax-empty", &[&empty.block(), file.as_slice()].concat(), "a pax header of no bytes");
        let large = Header { size: (64 << 10) + 1, ..Header::new(b'x', b"@PaxHeader") };
        let text = vec![b'x'; (64 << 10) + 1];
        self.case(
            "pax-64-kib",
            &[tar::padded(&large.block(), &text), file.clone()].concat(),
            "a pax record of 64 KiB and a byte",
        );
        let huge = Header { size: 0o77_777_777_777, ..Header::new(b'x', b"@PaxHeader") };
        self.case("pax-8-gib", &huge.block(), "a pax record of 8 GiB, from which nothing may be allocated");
    }

    fn names(&mut self) {
        let deep = vec!["d"; 65].join("/");
        for (name, path, note) in [
            ("empty", "", "no name"),
            ("absolute", "/etc/passwd", "an absolute name"),
            ("upwards", "../x", "out of the slot"),
            ("upwards-inside", "a/../../x", "out of the slot, in the middle"),
            ("upwards-harmless", "a/../b", "`..` that stays inside"),
            ("dots-alone", "..", "nothing but `..`"),
            ("dot", ".", "nothing but `.`"),
            ("dot-slash", "./a", "`./` in front"),
            ("dot-inside", "a/./b", "`.` in the middle"),
            ("double-slash", "a//b", "an empty component"),
            ("trailing-slash", "a/", "a file whose name ends with a slash"),
            ("drive", "C:x", "a drive letter"),
            ("drive-slash", "c:/x", "a drive letter and a slash"),
        ] {
            self.case(name, &tar::file(path, b"1"), note);
        }
        let named = |path: &str| [tar::pax(&tar::record("path", path)), tar::file("a", b"1")].concat();
        self.case("pax-upwards", &named("../x"), "out of the slot, by a pax record");
        self.case("pax-zero", &named("a\0b"), "a zero byte, by a pax record");
        self.case("name-256", &named(&"n".repeat(256)), "a component of 256 bytes");
        self.case("depth-65", &named(&deep), "65 components");
        self.case(
            "long",
            &named(&format!("{0}/{0}/{0}/{0}/{1}", "x".repeat(250), "y".repeat(21))),
            "1025 bytes",
        );
        let prefixed = Header { prefix: b"..".to_vec(), size: 1, ..Header::new(b'0', b"x") };
        self.case("prefix-upwards", &tar::padded(&prefixed.block(), b"1"), "out of the slot, by the prefix");
        let prefixed = Header { prefix: b"/".to_vec(), size: 1, ..Header::new(b'0', b"x") };
        self.case("prefix-absolute", &tar::padded(&prefixed.block(), b"1"), "absolute, by the prefix");
        self.case("directory-upwards", &tar::directory(".."), "a directory above the slot");
        self.case("directory-root", &Header::new(b'5', b"/").block(), "the root directory");
        for (name, target, note) in [
            ("empty", "", "a link to nothing at all"),
            ("absolute", "/etc/passwd", "an absolute target"),
            ("backslash", "\\windows", "a target that Windows takes for absolute"),
            ("drive-letter", "C:x", "a target on another drive of Windows"),
        ] {
            self.case(&format!("link-{name}"), &tar::link("l", target), note);
        }
        let with = |target: &str| [tar::pax(&tar::record("linkpath", target)), tar::link("l", "a")].concat();
        self.case("link-zero", &with("a\0b"), "a zero byte in a target, by a pax record");
        self.case("link-long", &with(&"a/".repeat(600)), "a target of 1200 bytes");
    }
}
