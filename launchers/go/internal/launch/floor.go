package launch

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/pspf"
)

// largestStatement is the most that is read of a file in which the system states its version (LAUNCH.md 4.4).
const largestStatement = 4 << 20

// lacking says in words what this system is too old for; empty if it serves, or if it does not say how old it is.
func lacking(floor []pspf.Pair) string {
	var name, path string
	stated := statedByLoader
	switch OS + "_" + Arch {
	case "linux_amd64":
		name, path = "glibc", "/lib64/ld-linux-x86-64.so.2"
	case "linux_arm64":
		name, path = "glibc", "/lib/ld-linux-aarch64.so.1"
	case "darwin_amd64", "darwin_arm64":
		name, path, stated = "macos", "/System/Library/CoreServices/SystemVersion.plist", statedByProduct
	default:
		return ""
	}
	for _, pair := range floor {
		lowest, ok := versionParts(pair.Text)
		if pair.Name != name || !ok {
			continue
		}
		needs := "the package needs " + name + " " + pair.Text + " or newer, this system has "
		found, err := stated(path)
		if errors.Is(err, fs.ErrNotExist) {
			return needs + "no such file (" + path + ")"
		}
		if has, ok := versionParts(found); err == nil && ok && older(has, lowest) {
			return needs + found + " (" + path + ")"
		}
	}
	return ""
}

// statedByLoader is the version of glibc: in the name of the loader's file up to 2.33, in its text since.
func statedByLoader(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(filepath.Base(real), "ld-"); ok {
		if version, ok := strings.CutSuffix(name, ".so"); ok {
			return version, nil
		}
	}
	return behind(real, " release version ")
}

// statedByProduct is the version of macOS.
func statedByProduct(path string) (string, error) {
	return behind(path, "<key>ProductVersion</key>\n\t<string>")
}

// behind is the run of digits and dots behind the first occurrence of a text in a file.
func behind(path, text string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, largestStatement))
	if err != nil {
		return "", err
	}
	_, rest, _ := bytes.Cut(content, []byte(text))
	end := bytes.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(rest)
	}
	return strings.TrimRight(string(rest[:end]), "."), nil
}

// versionParts reads one to three numbers with dots between them.
func versionParts(version string) (parts [3]uint32, ok bool) {
	words := strings.Split(version, ".")
	if len(words) > len(parts) {
		return parts, false
	}
	for n, word := range words {
		part, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			return parts, false
		}
		parts[n] = uint32(part)
	}
	return parts, true
}

func older(a, b [3]uint32) bool {
	for n := range a {
		if a[n] != b[n] {
			return a[n] < b[n]
		}
	}
	return false
}
