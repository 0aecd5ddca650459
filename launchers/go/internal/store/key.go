package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
)

// single is the one file of a slot without tar: where it lies below the slot's root, and its mode (5.9).
type single struct {
	path string
	mode uint32
}

// Key is the key of a slot of ours (4.1, S16): what decides what its tree looks like, and nothing else. The error is
// that of 5.9 for a single file whose path cannot be used.
func Key(slot *pspf.Slot) ([sha256.Size]byte, error) {
	text := make([]byte, 0, 128+96*len(slot.Flavor.Frames))
	text = append(text, "flavor-slot 1\n"...)
	text = append(text, slot.Chain.String()...)
	text = append(text, "\nprofile unix-1\n"...)
	if !slot.Chain.HasTree() {
		file, err := singleFile(slot)
		if err != nil {
			return [sha256.Size]byte{}, err
		}
		text = append(text, "mode 0000"...)
		for at, mode := len(text)-1, file.mode; mode > 0; at, mode = at-1, mode>>3 {
			text[at] = byte('0' + mode&7)
		}
		text = append(text, ' ')
		text = append(text, file.path...)
		text = append(text, '\n')
	}
	line := func(stored, content int64, digest *[32]byte) {
		text = strconv.AppendInt(text, stored, 10)
		text = append(text, ' ')
		text = strconv.AppendInt(text, content, 10)
		text = append(text, ' ')
		text = hex.AppendEncode(text, digest[:])
		text = append(text, '\n')
	}
	for at := range slot.Flavor.Frames {
		frame := &slot.Flavor.Frames[at]
		line(frame.Stored, frame.Content, &frame.SHA256)
	}
	if len(slot.Flavor.Frames) == 0 {
		line(slot.Size, slot.OriginalSize(), &slot.Digest)
	}
	return sha256.Sum256(text), nil
}

const workenvPrefix = "{workenv}"

// singleFile judges target and permissions of a slot without tar (5.9).
func singleFile(slot *pspf.Slot) (single, error) {
	refused := func(reason string) (single, error) {
		return single{}, code.New(code.StoreComposition, "the one file of slot "+strconv.Itoa(slot.Position)+" cannot be put at "+
			strconv.Quote(slot.Entry.Target)+": "+reason)
	}
	path, reason := insideTarget(slot.Entry.Target)
	switch {
	case reason != "":
		return refused(reason)
	case path == "":
		return refused("it is empty")
	case strings.IndexByte(path, '\n') >= 0:
		// A line feed could imitate further lines of the key (4.1).
		return refused("it holds a line feed")
	}
	if reason := breaksLimits(path); reason != "" {
		return refused(reason)
	}
	mode, known := pspf.Permissions(slot.Entry.Permissions)
	if !known {
		return refused("its permissions are no octal number")
	}
	return single{path: path, mode: uint32(mode) | 0o600}, nil
}

// insideTarget is a target without a leading `{workenv}/` and without empty and `.` components; it says why a target
// leads out of the folder that it is relative to.
func insideTarget(target string) (path, reason string) {
	if target == workenvPrefix {
		return "", ""
	}
	target = strings.TrimPrefix(target, workenvPrefix+"/")
	if strings.HasPrefix(target, "/") {
		return "", "it is absolute"
	}
	parts := make([]string, 0, 4)
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", "it has a component `..`"
		default:
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/"), ""
}

// breaksLimits compares a path with the limits for paths of members (FORMAT.md §10, §11).
func breaksLimits(path string) string {
	switch {
	case len(path) > layout.MaxPath:
		return "it is longer than 1024 bytes"
	case strings.Count(path, "/") >= layout.MaxComponents:
		return "it has more than 64 components"
	case strings.IndexByte(path, 0) >= 0:
		return "it holds a zero byte"
	case len(path) > 1 && path[1] == ':' && (path[0]|0x20) >= 'a' && (path[0]|0x20) <= 'z':
		return "it begins with a drive letter"
	}
	for part := range strings.SplitSeq(path, "/") {
		if len(part) > layout.MaxComponent {
			return "it has a component of more than 255 bytes"
		}
	}
	return ""
}

func hexKey(key [sha256.Size]byte) string { return hex.EncodeToString(key[:]) }
