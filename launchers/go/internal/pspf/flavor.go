package pspf

import (
	"sort"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// flavor reads the x-flavor block (FORMAT.md §6).
func (d *decoder) flavor(v *strictjson.Value) *Flavor {
	f := &Flavor{Alignment: layout.DefaultAlignment}
	if !d.kind(v, strictjson.Object, "x-flavor") {
		return f
	}
	if schema := d.need(v, "schema"); d.kind(schema, strictjson.Number, "x-flavor.schema") && schema.Number() != 1 {
		d.fail(schema, expected("the schema of x-flavor is another", decimal(schema.Number()), "1"))
	}
	if target := d.need(v, "target"); d.kind(target, strictjson.Object, "x-flavor.target") {
		f.Target = Target{
			OS:    d.text(d.need(target, "os"), "x-flavor.target.os"),
			Arch:  d.text(d.need(target, "arch"), "x-flavor.target.arch"),
			Libc:  d.text(target.Get("libc"), "x-flavor.target.libc"),
			Floor: d.pairs(target.Get("floor"), "x-flavor.target.floor"),
		}
	}
	if launcher := d.need(v, "launcher"); d.kind(launcher, strictjson.Object, "x-flavor.launcher") {
		f.Launcher = Launcher{
			Kind:    d.text(d.need(launcher, "kind"), "x-flavor.launcher.kind"),
			Version: d.text(d.need(launcher, "version"), "x-flavor.launcher.version"),
			Size:    d.size(d.need(launcher, "size"), "x-flavor.launcher.size"),
			SHA256:  d.digest(d.need(launcher, "sha256"), "x-flavor.launcher.sha256"),
		}
	}
	if alignment := v.Get("alignment"); alignment != nil {
		f.Alignment = d.size(alignment, "x-flavor.alignment")
		if f.Alignment != 4096 && f.Alignment != 16384 {
			d.fail(alignment, "`x-flavor.alignment` is neither 4096 nor 16384")
		}
	}
	slots := d.elements(d.need(v, "slots"), "x-flavor.slots")
	for i := range slots {
		f.Slots = append(f.Slots, d.flavorSlot(&slots[i]))
	}
	d.commands(v, f)
	if signer := d.need(v, "signer"); d.kind(signer, strictjson.Object, "x-flavor.signer") {
		f.Signer.Key = d.digest(d.need(signer, "key"), "x-flavor.signer.key")
		f.Signer.Claims = d.text(signer.Get("claims"), "x-flavor.signer.claims")
		if serial := signer.Get("serial"); serial != nil {
			number := d.size(serial, "x-flavor.signer.serial")
			f.Signer.Serial = &number
		}
	}
	return f
}

func (d *decoder) flavorSlot(v *strictjson.Value) FlavorSlot {
	slot := FlavorSlot{
		Role:  d.text(d.need(v, "role"), "x-flavor.slots[].role"),
		Share: d.truth(d.need(v, "share"), "x-flavor.slots[].share"),
	}
	if unpacked := d.need(v, "unpacked"); d.kind(unpacked, strictjson.Object, "x-flavor.slots[].unpacked") {
		slot.Bytes = d.size(d.need(unpacked, "bytes"), "x-flavor.slots[].unpacked.bytes")
		slot.Members = d.size(d.need(unpacked, "members"), "x-flavor.slots[].unpacked.members")
	}
	if table := v.Get("frames"); table != nil {
		frames := d.elements(table, "x-flavor.slots[].frames")
		slot.Frames = make([]Frame, 0, len(frames))
		for i := range frames {
			slot.Frames = append(slot.Frames, Frame{
				Stored:  d.size(d.need(&frames[i], "stored"), "x-flavor.slots[].frames[].stored"),
				Content: d.size(d.need(&frames[i], "content"), "x-flavor.slots[].frames[].content"),
				SHA256:  d.digest(d.need(&frames[i], "sha256"), "x-flavor.slots[].frames[].sha256"),
			})
		}
	}
	return slot
}

// commands reads what plain packages have none of: commands, default, workenv.
func (d *decoder) commands(v *strictjson.Value, f *Flavor) {
	commands, byDefault, workenv := v.Get("commands"), v.Get("default"), v.Get("workenv")
	if commands == nil {
		if byDefault != nil {
			d.fail(byDefault, "there is a `default` without `commands`")
		}
		if workenv != nil {
			d.fail(workenv, "there is a `workenv` without `commands`")
		}
		return
	}
	f.Commands = []Command{}
	if d.kind(commands, strictjson.Object, "x-flavor.commands") {
		for i := range commands.Members() {
			m := &commands.Members()[i]
			f.Commands = append(f.Commands, d.command(m.Key, &m.Value))
		}
		sort.Slice(f.Commands, func(i, j int) bool { return f.Commands[i].Name < f.Commands[j].Name })
	}
	if d.need(v, "default") != nil {
		f.Default = d.text(byDefault, "x-flavor.default")
		if f.Command(f.Default) == nil {
			d.fail(byDefault, "`x-flavor.default` names no command: `"+shown(f.Default)+"`")
		}
	}
	if d.kind(workenv, strictjson.Object, "x-flavor.workenv") {
		f.Compose = d.composition(workenv)
	}
}

func (d *decoder) command(name string, v *strictjson.Value) Command {
	command := Command{Name: name}
	if !d.kind(v, strictjson.Object, "x-flavor.commands") {
		return command
	}
	argv := d.need(v, "argv")
	command.Argv = d.texts(argv, "x-flavor.commands.argv")
	if argv != nil && len(command.Argv) == 0 {
		d.fail(argv, "the command `"+shown(name)+"` has an empty `argv`")
	}
	command.Env = d.pairs(v.Get("env"), "x-flavor.commands.env")
	command.Cwd = d.optional(v.Get("cwd"), "x-flavor.commands.cwd")
	return command
}

func (d *decoder) composition(v *strictjson.Value) Composition {
	var c Composition
	unpack := d.elements(v.Get("unpack"), "x-flavor.workenv.unpack")
	for i := range unpack {
		c.Unpack = append(c.Unpack, Unpack{
			Slot: d.position(d.need(&unpack[i], "slot"), "x-flavor.workenv.unpack[].slot"),
			Into: d.text(d.need(&unpack[i], "into"), "x-flavor.workenv.unpack[].into"),
		})
	}
	links := d.elements(v.Get("links"), "x-flavor.workenv.links")
	for i := range links {
		link := Link{
			Path: d.text(d.need(&links[i], "path"), "x-flavor.workenv.links[].path"),
			Slot: d.position(d.need(&links[i], "slot"), "x-flavor.workenv.links[].slot"),
			To:   d.text(d.need(&links[i], "to"), "x-flavor.workenv.links[].to"),
		}
		kind := d.need(&links[i], "kind")
		switch d.text(kind, "x-flavor.workenv.links[].kind") {
		case "symlink":
		case "copy":
			link.Copy = true
		default:
			if kind != nil {
				d.fail(kind, "the kind of a link is neither `symlink` nor `copy`")
			}
		}
		c.Links = append(c.Links, link)
	}
	files := d.elements(v.Get("files"), "x-flavor.workenv.files")
	for i := range files {
		file := File{
			Path:    d.text(d.need(&files[i], "path"), "x-flavor.workenv.files[].path"),
			Content: d.text(d.need(&files[i], "content"), "x-flavor.workenv.files[].content"),
		}
		mode := d.need(&files[i], "mode")
		switch d.text(mode, "x-flavor.workenv.files[].mode") {
		case "0644":
			file.Mode = 0o644
		case "0755":
			file.Mode = 0o755
		default:
			if mode != nil {
				d.fail(mode, "the mode of a generated file is neither `0644` nor `0755`")
			}
		}
		c.Files = append(c.Files, file)
	}
	c.Path = d.texts(v.Get("path"), "x-flavor.workenv.path")
	return c
}

// position is a number of a slot. It is compared with the number of slots by whoever knows that.
func (d *decoder) position(v *strictjson.Value, what string) int {
	n := d.size(v, what)
	if n >= layout.MaxSlots {
		d.fail(v, "`"+what+"` names a slot that does not exist")
		return 0
	}
	return int(n)
}

// isFolded reports whether a package's name is one of ours: 1 to 64 of a-z, 0-9 and -, no - at an end.
func isFolded(name string) bool {
	if len(name) < 1 || len(name) > 64 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ours checks the entries of a package of ours against the table of FORMAT.md §5 and its x-flavor block.
func (d *decoder) ours(root *strictjson.Value, entries []strictjson.Value, block *strictjson.Value, m *Metadata, f *Flavor) {
	if !isFolded(m.Name) {
		d.fail(root, "the package's name is not 1 to 64 of `a-z`, `0-9` and `-`, without `-` at an end: `"+shown(m.Name)+"`")
	}
	if len(f.Slots) != len(m.Slots) {
		d.fail(block, expected("x-flavor has another number of slots than the package", decimal(len(f.Slots)), decimal(len(m.Slots))))
		return
	}
	for i := range m.Slots {
		entry := &m.Slots[i]
		if entry.Slot != int64(i) {
			d.fail(&entries[i], expected("a slot's number is not its position", decimal(entry.Slot), decimal(i)))
		}
		if _, ok := fullDigest(entry.Checksum); !ok {
			d.fail(&entries[i], "the checksum of slot "+decimal(i)+" is not `sha256:` and 64 lower-case hexadecimal digits")
		}
	}
}

// checkFlavor checks what needs every key to be of its type: chains, totals, limits, composition.
func checkFlavor(root *strictjson.Value, m *Metadata, f *Flavor) error {
	d := &decoder{}
	var bytes, members int64
	for i := range m.Slots {
		entry, slot := &m.Slots[i], &f.Slots[i]
		chain, err := ParseChain(entry.Operations)
		if err != nil {
			return err
		}
		if slot.Bytes > layout.MaxUnpackedBytes-bytes || slot.Members > layout.MaxMembers-members {
			return code.New(code.PspfLimit, "the package unpacks to more than 64 GiB or 2 million members")
		}
		bytes, members = bytes+slot.Bytes, members+slot.Members
		if chain.HasTree() {
			if entry.SelfRef {
				d.fail(root, "slot "+decimal(i)+" stands for the package file and is not raw")
			}
			continue
		}
		wanted := int64(1)
		if entry.SelfRef {
			wanted = 0
			if len(chain) != 0 || entry.Size != 0 {
				d.fail(root, "slot "+decimal(i)+" stands for the package file and is not raw and empty")
			}
		}
		if slot.Members != wanted {
			d.fail(root, expected("slot "+decimal(i)+" holds one file or none and has another number of members", decimal(slot.Members), decimal(wanted)))
		}
		if len(chain) == 0 && slot.Bytes != entry.Size {
			d.fail(root, expected("slot "+decimal(i)+" is raw and unpacks to another length", decimal(slot.Bytes), decimal(entry.Size)))
		}
	}
	if d.err != nil {
		return d.err
	}
	return checkComposition(root.Offset(), m, f)
}
