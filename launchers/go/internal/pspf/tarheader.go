package pspf

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// tarHeader is what a reader uses of a header block.
type tarHeader struct {
	kind     byte
	isRecord bool
	mode     int64
	size     int64
	name     []byte
	prefix   []byte
	link     []byte
}

const (
	kindFile       = '0'
	kindLink       = '2'
	kindDirectory  = '5'
	kindContiguous = '7'
	kindPax        = 'x'
	kindGlobalPax  = 'g'
	kindLongName   = 'L'
	kindLongLink   = 'K'
)

// parseHeader checks the block and reads it.
func (t *tarReader) parseHeader() (*tarHeader, error) {
	b := t.block[:]
	field := func(from, length int) []byte { return b[from : from+length] }
	stated, ok := t.number(field(148, 8))
	if !ok || stated != headerSum(b) {
		return nil, t.malformed("the checksum of a header does not fit")
	}
	h := &tarHeader{kind: b[156], name: text(field(0, 100)), link: text(field(157, 100))}
	switch magic := string(field(257, 8)); {
	case magic == "ustar\x0000", !t.strict && magic[:6] == "ustar\x00":
		h.prefix = text(field(345, 155))
	case !t.strict && magic == "ustar  \x00":
	default:
		return nil, t.malformed("a header has no magic that is allowed here")
	}
	if !t.strict {
		switch h.kind {
		case 0:
			h.kind = kindFile
			if bytes.HasSuffix(h.name, []byte("/")) {
				h.kind = kindDirectory
			}
		case kindContiguous:
			h.kind = kindFile
		}
	}
	switch h.kind {
	case kindFile, kindDirectory, kindLink:
	case kindPax:
		h.isRecord = true
	case kindLongName, kindLongLink, kindGlobalPax:
		if t.strict {
			return nil, t.kindRefused(h.kind)
		}
		h.isRecord = true
	default:
		return nil, t.kindRefused(h.kind)
	}
	if h.mode, ok = t.number(field(100, 8)); !ok {
		return nil, t.malformed("the mode of a member is no number that is allowed here")
	}
	if h.size, ok = t.number(field(124, 12)); !ok {
		return nil, t.malformed("the size of a member is no number that is allowed here")
	}
	return h, nil
}

func (t *tarReader) kindRefused(kind byte) error {
	return t.malformed("a member is of a kind that is not allowed here: `" + shown(string(rune(kind))) + "`")
}

// text is a field up to its first zero byte.
func text(field []byte) []byte {
	if end := bytes.IndexByte(field, 0); end >= 0 {
		return field[:end]
	}
	return field
}

// headerSum is the sum of the block's bytes, with blanks in the place of the checksum. Eight bytes are added at once,
// each to one of four sums of 16 bits, which 64 words of two bytes for each cannot exceed.
func headerSum(block []byte) int64 {
	const lanes = 0x00ff00ff00ff00ff
	var sums uint64
	for at := 0; at < layout.TarBlock; at += 8 {
		word := binary.LittleEndian.Uint64(block[at:])
		sums += word&lanes + word>>8&lanes
	}
	sum := int64(8 * ' ')
	for ; sums != 0; sums >>= 16 {
		sum += int64(sums & 0xffff)
	}
	for _, b := range block[148:156] {
		sum -= int64(b)
	}
	return sum
}

// number reads an octal field: digits up to a zero byte, a blank or its end. The tolerant profile also takes blanks
// before them, none, and base 256.
func (t *tarReader) number(field []byte) (int64, bool) {
	if !t.strict {
		if field[0] == 0x80 {
			return base256(field[1:])
		}
		field = bytes.TrimLeft(field, " ")
	}
	var n int64
	digits := 0
	for ; digits < len(field) && field[digits] != 0 && field[digits] != ' '; digits++ {
		c := field[digits]
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n<<3 | int64(c-'0') // at most 12 digits, 36 bits
	}
	for _, c := range field[digits:] {
		if c != 0 && c != ' ' {
			return 0, false
		}
	}
	return n, digits > 0 || !t.strict
}

func base256(digits []byte) (int64, bool) {
	var n uint64
	for _, c := range digits {
		if n>>55 != 0 {
			return 0, false
		}
		n = n<<8 | uint64(c)
	}
	return int64(n), n < 1<<63
}

// recordNames is what records said about the next member.
type recordNames struct {
	pax                bool
	path, link         *string
	size               *int64
	longName, longLink *string
}

func (r *recordNames) waiting() bool { return r.pax || r.longName != nil || r.longLink != nil }

func (t *tarReader) beginRecord(h *tarHeader) error {
	if h.size > layout.MaxTarRecord {
		return t.malformed(expected("a record is too long", decimal(h.size), "at most 64 KiB"))
	}
	twice := h.kind == kindPax && t.named.pax || h.kind == kindLongName && t.named.longName != nil ||
		h.kind == kindLongLink && t.named.longLink != nil
	if twice {
		return t.malformed("a member has two records of one kind")
	}
	if h.size == 0 {
		if t.strict {
			return t.malformed("a record is empty")
		}
		return nil // as if it were not there
	}
	t.kind, t.left = h.kind, h.size
	t.record = t.record[:0]
	t.state = inRecord
	return nil
}

func (t *tarReader) endRecord() error {
	t.expectPadding(int64(len(t.record)))
	switch t.kind {
	case kindLongName, kindLongLink:
		long := text(t.record)
		if !utf8.Valid(long) {
			return t.malformed("a long name is not UTF-8")
		}
		name := string(long)
		if t.kind == kindLongName {
			t.named.longName = &name
		} else {
			t.named.longLink = &name
		}
		return nil
	case kindGlobalPax:
		var ignored recordNames
		return t.pax(&ignored)
	}
	t.named.pax = true
	return t.pax(&t.named)
}

// pax reads the lines of a pax record: `<length> <key>=<value>\n`, the length that of the whole line.
func (t *tarReader) pax(into *recordNames) error {
	seen := map[string]bool{}
	for rest := string(t.record); rest != ""; {
		digits, _, found := strings.Cut(rest, " ")
		length, ok := positive(digits)
		if !found || !ok || length <= int64(len(digits))+1 || length > int64(len(rest)) || rest[length-1] != '\n' {
			return t.malformed("a line of a pax record has not the length that it states")
		}
		key, value, found := strings.Cut(rest[len(digits)+1:length-1], "=")
		rest = rest[length:]
		switch {
		case !found || key == "":
			return t.malformed("a line of a pax record is no key and value")
		case t.strict && seen[key]:
			return t.malformed("a key occurs twice in a pax record: `" + shown(key) + "`")
		}
		seen[key] = true
		if err := t.paxKey(into, key, value); err != nil {
			return err
		}
	}
	return nil
}

func (t *tarReader) paxKey(into *recordNames, key, value string) error {
	back := value == "" && !t.strict
	switch key {
	case "path", "linkpath":
		if !utf8.ValidString(value) {
			return t.malformed("the value of `" + key + "` in a pax record is not UTF-8")
		}
		name := &value
		if back {
			name = nil
		}
		if key == "path" {
			into.path = name
		} else {
			into.link = name
		}
	case "size":
		if back {
			into.size = nil
			return nil
		}
		size, ok := positive(value)
		if !ok {
			return t.malformed("the size in a pax record is no number")
		}
		into.size = &size
	default:
		if t.strict || strings.HasPrefix(key, "GNU.sparse.") {
			return t.malformed("a pax record has a key that is not allowed here: `" + shown(key) + "`")
		}
	}
	return nil
}

// positive reads decimal digits of a number below 2^63.
func positive(digits string) (int64, bool) {
	var n int64
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' || n > (1<<63-1-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, digits != ""
}

// resolve makes a member of a header and the records before it. It is nil for the root of the slot, which is none.
func (t *tarReader) resolve(h *tarHeader) (*Member, int64, error) {
	size := h.size
	if t.named.size != nil {
		size = *t.named.size
	}
	m := &Member{Executable: h.mode&0o100 != 0, Mode: uint32(h.mode & 0o777)}
	path, err := t.memberPath(h)
	if err != nil {
		return nil, 0, err
	}
	switch h.kind {
	case kindDirectory:
		m.Kind = FolderMember
		if path != "/" {
			path = strings.TrimSuffix(path, "/")
		}
	case kindLink:
		m.Kind = LinkMember
		if m.Target, err = t.linkTarget(h); err != nil {
			return nil, 0, err
		}
	default:
		m.Kind = RegularFile
		m.Size = size
	}
	if m.Kind != RegularFile {
		if t.strict && size != 0 {
			return nil, 0, t.malformed("`" + shown(path) + "` is no file and has data")
		}
		size = 0
	}
	if m.Kind == FolderMember && path == "" && !t.strict {
		return nil, 0, nil
	}
	if reason := CheckPath(path); reason != "" {
		return nil, 0, t.fail(code.PspfMemberName, "the name `"+shown(path)+"` is not allowed: "+reason)
	}
	m.Path = path
	return m, size, nil
}

func (t *tarReader) memberPath(h *tarHeader) (string, error) {
	var path string
	switch {
	case t.named.longName != nil:
		path = *t.named.longName
	case t.named.path != nil:
		path = *t.named.path
	default:
		if !utf8.Valid(h.name) || !utf8.Valid(h.prefix) {
			return "", t.malformed("a name is not UTF-8")
		}
		path = string(h.name)
		if len(h.prefix) > 0 {
			path = string(h.prefix) + "/" + path
		}
	}
	if !t.strict {
		path = plainPath(path)
	}
	return path, nil
}

// plainPath takes `.` components and superfluous slashes out, except a leading slash and one at the end.
func plainPath(path string) string {
	kept := make([]string, 0, 8)
	for _, part := range strings.Split(path, "/") {
		if part != "" && part != "." {
			kept = append(kept, part)
		}
	}
	plain := strings.Join(kept, "/")
	if strings.HasSuffix(path, "/") && plain != "" {
		plain += "/"
	}
	if strings.HasPrefix(path, "/") {
		plain = "/" + plain
	}
	return plain
}

func (t *tarReader) linkTarget(h *tarHeader) (string, error) {
	var target string
	switch {
	case t.named.longLink != nil:
		target = *t.named.longLink
	case t.named.link != nil:
		target = *t.named.link
	default:
		if !utf8.Valid(h.link) {
			return "", t.malformed("a link target is not UTF-8")
		}
		target = string(h.link)
	}
	if reason := CheckLinkTarget(target); reason != "" {
		return "", t.fail(code.PspfMemberName, "the link target `"+shown(target)+"` is not allowed: "+reason)
	}
	return target, nil
}
