package tool

import (
	"encoding/hex"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
)

// help lists the tools. It reads nothing.
func help(s *session) error {
	lines := []string{"FLAVOR_LAUNCHER_CLI=1 makes a package obey these tools:"}
	for _, t := range tools() {
		shape := strings.TrimSpace(t.name + " " + t.shape)
		lines = append(lines, "  "+shape+strings.Repeat(" ", max(1, 50-len([]rune(shape))))+t.about)
	}
	lines = append(lines, "Every tool but run, metadata and help prints JSON with --json.",
		"A launcher without a package knows help and `run FILE args…`.")
	for _, line := range lines {
		if err := s.say(line); err != nil {
			return err
		}
	}
	return nil
}

// metadata prints the signed document.
func metadata(s *session) error {
	if err := s.open(); err != nil {
		return err
	}
	return s.write(append(append([]byte(nil), s.pkg.JSON()...), '\n'))
}

// commandNames are the commands of a package of ours, sorted, and the default one. A plain package has the one that its
// `execution` says.
func (s *session) commandNames() (names []string, byDefault string) {
	if !s.hasCommands() {
		name := s.pkg.Metadata().Name
		return []string{name}, name
	}
	flavor := s.pkg.Flavor()
	for n := range flavor.Commands {
		names = append(names, flavor.Commands[n].Name)
	}
	return names, flavor.Default
}

// commands prints the commands' names.
func commands(s *session) error {
	if err := s.openOurs(); err != nil {
		return err
	}
	names, byDefault := s.commandNames()
	if s.json() {
		return s.print(record("commands").string("default", byDefault).strings("commands", names))
	}
	for _, name := range names {
		mark := "  "
		if name == byDefault {
			mark = "* "
		}
		if err := s.say(mark + name); err != nil {
			return err
		}
	}
	return nil
}

// info tells what the signed document says.
func info(s *session) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.json() {
		return s.print(s.infoObject())
	}
	for _, line := range s.infoLines() {
		if err := s.say(line); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) infoObject() *object {
	document, flavor := s.pkg.Metadata(), s.pkg.Flavor()
	signer := s.pkg.Signer()
	o := record("info").string("name", document.Name).string("version", document.Version)
	if document.Description != "" {
		o.string("description", document.Description)
	}
	o.string("signer", hex.EncodeToString(signer[:]))
	if flavor != nil {
		if flavor.Signer.Claims != "" {
			o.string("claims", flavor.Signer.Claims)
		}
		o.string("target", flavor.Target.OS+"_"+flavor.Target.Arch)
		o.nested("launcher", part().string("kind", flavor.Launcher.Kind).string("version", flavor.Launcher.Version))
		names, byDefault := s.commandNames()
		o.string("default", byDefault).strings("commands", names)
	}
	o.number("size", s.pkg.Index().PackageSize)
	slots := s.pkg.Slots()
	listed := make([]*object, len(slots))
	for n := range slots {
		slot := &slots[n]
		listed[n] = part().number("slot", int64(n)).string("id", slot.Entry.ID)
		if slot.Flavor != nil {
			listed[n].string("role", slot.Flavor.Role)
		}
		listed[n].string("lifecycle", slot.Entry.Lifecycle).string("operations", slot.Chain.String()).number("stored", slot.Size)
		if slot.Flavor != nil {
			listed[n].number("bytes", slot.Flavor.Bytes).number("members", slot.Flavor.Members)
		}
	}
	return o.objects("slots", listed)
}

func (s *session) infoLines() []string {
	document, flavor := s.pkg.Metadata(), s.pkg.Flavor()
	signer := s.pkg.Signer()
	lines := []string{document.Name + " " + document.Version}
	if document.Description != "" {
		lines = append(lines, document.Description)
	}
	lines = append(lines, "size:     "+strconv.FormatInt(s.pkg.Index().PackageSize, 10)+" bytes",
		"signer:   "+hex.EncodeToString(signer[:]))
	if flavor != nil {
		if flavor.Signer.Claims != "" {
			lines = append(lines, "          claims \""+flavor.Signer.Claims+"\"")
		}
		lines = append(lines, "target:   "+flavor.Target.OS+"_"+flavor.Target.Arch,
			"launcher: "+flavor.Launcher.Kind+" "+flavor.Launcher.Version)
		names, byDefault := s.commandNames()
		for _, name := range names {
			if name == byDefault {
				name += " (default)"
			}
			lines = append(lines, "command:  "+name)
		}
	}
	slots := s.pkg.Slots()
	for n := range slots {
		slot := &slots[n]
		line := launch.SlotTitle(n, slot) + ": " + slot.Chain.String() + ", " + strconv.FormatInt(slot.Size, 10) + " bytes stored"
		if slot.Flavor != nil {
			line += ", " + slot.Flavor.Role + ", " + strconv.FormatInt(slot.Flavor.Bytes, 10) + " bytes in " +
				strconv.FormatInt(slot.Flavor.Members, 10) + " members"
		}
		if slot.Entry.Lifecycle != "" {
			line += ", " + slot.Entry.Lifecycle
		}
		lines = append(lines, line)
	}
	return lines
}

// slotNamed finds a slot by its id, else by its number (LAUNCH.md 8.4).
func (s *session) slotNamed(text string) (int, error) {
	slots := s.pkg.Slots()
	ids := make([]string, len(slots))
	for n := range slots {
		if slots[n].Entry.ID == text {
			return n, nil
		}
		ids[n] = slots[n].Entry.ID
	}
	if n := decimal(text); n >= 0 && n < len(slots) {
		return n, nil
	}
	return 0, code.New(code.LaunchArguments, "the package has no slot `"+text+"`, it has: "+strings.Join(ids, ", "))
}

// decimal reads digits only; -1 for anything else.
func decimal(text string) int {
	for at := range len(text) {
		if text[at] < '0' || text[at] > '9' {
			return -1
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
