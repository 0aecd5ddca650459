package builder

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
)

// archive writes members in the strict profile (FORMAT.md §10). cut, where it is not nil, is called at each member
// boundary with the length of the member that comes next, and inside of files that are split (§9).
type archive struct {
	out   io.Writer
	mtime int64
	cut   cutter
	left  int64 // of all members, from the next one on
}

// cutter decides where frames end.
type cutter interface {
	// before is called at a boundary, before a member of length bytes, headers and padding included, and of left bytes
	// of all members that are still to come.
	before(length, left int64) error
	// inside is called inside of a file that is split.
	inside() error
	// end is called before the two zero blocks.
	end() error
}

const nameField, prefixField = 100, 155

// write writes all members and the two zero blocks.
func (a *archive) write(all []member) error {
	for i := range all {
		a.left += length(len(a.headers(&all[i])), &all[i])
	}
	for i := range all {
		if err := a.member(&all[i]); err != nil {
			return err
		}
	}
	if a.cut != nil {
		if err := a.cut.end(); err != nil {
			return err
		}
	}
	_, err := a.out.Write(make([]byte, 2*layout.TarBlock))
	return err
}

func (a *archive) member(m *member) error {
	headers := a.headers(m)
	length := length(len(headers), m)
	if a.cut != nil {
		if err := a.cut.before(length, a.left); err != nil {
			return err
		}
	}
	a.left -= length
	if _, err := a.out.Write(headers); err != nil {
		return err
	}
	if m.Kind != pspf.RegularFile || m.Size == 0 {
		return nil
	}
	if err := a.content(m); err != nil {
		return err
	}
	_, err := a.out.Write(make([]byte, padding(m)))
	return err
}

// length is that of a member in the stream.
func length(headers int, m *member) int64 { return int64(headers) + m.Size + padding(m) }

func padding(m *member) int64 { return -m.Size & (layout.TarBlock - 1) }

// content copies a file, in parts of S where it is split.
func (a *archive) content(m *member) error {
	in, err := m.open()
	if err != nil {
		return readFailure(m.Path, err)
	}
	defer func() { _ = in.Close() }()
	for left := m.Size; left > 0; {
		part := left
		if a.cut != nil {
			part = min(left, layout.SplitSize)
		}
		n, err := io.CopyN(a.out, in, part)
		switch {
		case errors.Is(err, io.EOF):
			return code.New(code.FlavorIO, m.Path+" became shorter while it was read")
		case err != nil:
			return unlessOurs(err, m.Path)
		}
		if left -= n; left > 0 {
			if err := a.cut.inside(); err != nil {
				return err
			}
		}
	}
	if n, _ := in.Read(make([]byte, 1)); n > 0 {
		return code.New(code.FlavorIO, m.Path+" became longer while it was read")
	}
	return nil
}

// unlessOurs keeps an error that has a code.
func unlessOurs(err error, path string) error {
	if code.Of(err) != "" {
		return err
	}
	return readFailure(path, err)
}

// headers are the blocks before the content of a member: a pax record where the header cannot say it, and the header.
func (a *archive) headers(m *member) []byte {
	path := m.Path
	kind, mode := byte('0'), "0000644"
	if m.Executable && m.Kind == pspf.RegularFile {
		mode = "0000755"
	}
	switch m.Kind {
	case pspf.FolderMember:
		kind, mode = '5', "0000755"
		path += "/"
	case pspf.LinkMember:
		kind, mode = '2', "0000755"
	case pspf.RegularFile:
	}
	var pax bytes.Buffer
	name, prefix, fits := splitName(path)
	if !fits {
		paxLine(&pax, "path", path)
	}
	if len(m.Target) > nameField {
		paxLine(&pax, "linkpath", m.Target)
	}
	size := m.Size
	const largest = 1 << 33
	if size >= largest {
		paxLine(&pax, "size", strconv.FormatInt(size, 10))
		size = 0
	}
	var out []byte
	if pax.Len() > 0 {
		out = append(out, a.header("@PaxHeader", "", "", 'x', "0000644", int64(pax.Len()))...)
		out = append(out, pax.Bytes()...)
		out = append(out, make([]byte, -pax.Len()&(layout.TarBlock-1))...)
	}
	return append(out, a.header(name, prefix, m.Target, kind, mode, size)...)
}

// splitName splits a path at the last slash that makes prefix and name fit, or cuts it.
func splitName(path string) (name, prefix string, fits bool) {
	if len(path) <= nameField {
		return path, "", true
	}
	// The slash that ends a folder's name splits nothing.
	slash := strings.LastIndexByte(path[:min(len(path)-1, prefixField+1)], '/')
	if slash > 0 && len(path)-slash-1 <= nameField {
		return path[slash+1:], path[:slash], true
	}
	return cutName(path), "", false
}

// cutName is what a header has of a text that stands in a pax record: its first 100 bytes, cut at the end of a character.
func cutName(text string) string {
	if len(text) <= nameField {
		return text
	}
	end := nameField
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func paxLine(to *bytes.Buffer, key, value string) {
	rest := len(key) + len(value) + 3 // blank, equals sign, newline
	length := rest + 1
	for len(strconv.Itoa(length))+rest != length {
		length = len(strconv.Itoa(length)) + rest
	}
	to.WriteString(strconv.Itoa(length) + " " + key + "=" + value + "\n")
}

func (a *archive) header(name, prefix, target string, kind byte, mode string, size int64) []byte {
	block := make([]byte, layout.TarBlock)
	copy(block[0:nameField], name)
	copy(block[100:], mode)
	copy(block[108:], "0000000")
	copy(block[116:], "0000000")
	copy(block[124:], octalDigits(size, 11))
	copy(block[136:], octalDigits(a.mtime, 11))
	block[156] = kind
	copy(block[157:257], cutName(target))
	copy(block[257:], "ustar\x0000")
	copy(block[345:345+prefixField], prefix)
	sum := int64(8 * ' ')
	for _, b := range block {
		sum += int64(b)
	}
	copy(block[148:], octalDigits(sum, 6)+"\x00 ")
	return block
}

func octalDigits(n int64, digits int) string {
	text := strconv.FormatInt(n, 8)
	return strings.Repeat("0", digits-len(text)) + text
}
