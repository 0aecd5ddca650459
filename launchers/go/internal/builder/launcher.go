package builder

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
)

// launcherFile is the launcher to embed. It is copied and never executed.
type launcherFile struct {
	path   string
	file   *os.File
	size   int64
	digest [32]byte
	// target is the machine that its header names, or that of the assembler (FORMAT.md §15).
	target map[string]any
}

// openLauncher reads the launcher once: its digest, and whether it is a package itself.
func openLauncher(path string, needTarget bool) (*launcherFile, error) {
	refuse := func(message string, cause error) error {
		return code.Wrap(code.FlavorLauncher, message+": "+path, cause)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("the launcher to embed does not exist", nil)
	}
	if err != nil {
		return nil, refuse("the launcher to embed cannot be read", err)
	}
	l := &launcherFile{path: path, file: file}
	keep := false
	defer func() {
		if !keep {
			_ = file.Close()
		}
	}()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, refuse("the launcher to embed cannot be read", err)
	case !info.Mode().IsRegular():
		return nil, refuse("the launcher to embed is no file", nil)
	}
	hashed := sha256.New()
	if l.size, err = io.Copy(hashed, file); err != nil {
		return nil, refuse("the launcher to embed cannot be read", err)
	}
	l.digest = [32]byte(hashed.Sum(nil))
	if isPackage(file, l.size) {
		return nil, refuse("the launcher to embed is a package itself", nil)
	}
	if needTarget {
		if l.target, err = machine(file); err != nil {
			return nil, refuse("the launcher to embed is for another machine ("+err.Error()+")", nil)
		}
	}
	keep = true
	return l, nil
}

func isPackage(file io.ReaderAt, size int64) bool {
	var markers [2 * layout.MarkerSize]byte
	if size < layout.TrailerSize {
		return false
	}
	if _, err := file.ReadAt(markers[:layout.MarkerSize], size-layout.TrailerSize); err != nil {
		return false
	}
	if _, err := file.ReadAt(markers[layout.MarkerSize:], size-layout.MarkerSize); err != nil {
		return false
	}
	return string(markers[:]) == layout.StartMarker+layout.EndMarker
}

// machine is what the header of an executable names: ELF, Mach-O or PE. Anything else may run here.
func machine(file io.ReaderAt) (map[string]any, error) {
	var magic [4]byte
	if _, err := file.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case string(magic[:]) == elf.ELFMAG:
		return elfMachine(file)
	case bytes.Equal(magic[:], []byte{0xcf, 0xfa, 0xed, 0xfe}):
		header, err := macho.NewFile(file)
		if err != nil {
			return nil, errors.New("its Mach-O header cannot be read")
		}
		return target("darwin", map[bool]string{true: "amd64"}[header.Cpu == macho.CpuAmd64]+
			map[bool]string{true: "arm64"}[header.Cpu == macho.CpuArm64], "")
	case string(magic[:2]) == "MZ":
		header, err := pe.NewFile(file)
		if err != nil {
			return nil, errors.New("its PE header cannot be read")
		}
		return target("windows", map[uint16]string{
			pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64",
		}[header.Machine], "")
	}
	return target(runtime.GOOS, runtime.GOARCH, "")
}

func target(system, arch, libc string) (map[string]any, error) {
	if arch == "" {
		return nil, errors.New("neither amd64 nor arm64")
	}
	t := map[string]any{"os": system, "arch": arch}
	if libc != "" {
		t["libc"] = libc
	}
	return t, nil
}

func elfMachine(file io.ReaderAt) (map[string]any, error) {
	header, err := elf.NewFile(file)
	if err != nil {
		return nil, errors.New("its ELF header cannot be read")
	}
	arch := map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[header.Machine]
	libc := ""
	for _, program := range header.Progs {
		if program.Type != elf.PT_INTERP {
			continue
		}
		loader, err := io.ReadAll(io.LimitReader(program.Open(), 4096))
		switch {
		case err != nil:
		case strings.Contains(string(loader), "ld-musl"):
			libc = "musl"
		case strings.Contains(string(loader), "ld-linux"):
			libc = "gnu"
		}
	}
	return target("linux", arch, libc)
}
