package pspf

import "flavorpack-native/launchers/go/internal/strictjson"

// Private is what launchers do for packages that are started as their `execution` says, and for no others (LAUNCH.md
// 16).
type Private struct {
	SetupCommands []SetupCommand
	Workenv       Workenv
	// CacheValidation is nil where it is absent.
	CacheValidation *CacheValidation
}

// SetupCommand is one element of `setup_commands`. A plain string is an `execute` whose Type is "". What is absent is
// nil or ""; what each type needs is the launcher's business (LAUNCH.md 16.7).
type SetupCommand struct {
	Type    string
	Command *string
	Path    *string
	Content *string
	Pattern *string
	// Mode has permissions only (S21); nil where it is absent.
	Mode *uint32
	// Enumerate is nil where it is absent.
	Enumerate *Enumerate
}

// Enumerate names the files that a command runs for.
type Enumerate struct {
	Path    string
	Pattern *string
}

// Workenv is the metadata's own `workenv`, that of plain and foreign packages.
type Workenv struct {
	Directories []Directory
	Env         []Pair
}

// Directory is a folder that is made; Mode has permissions only, and is nil where it is absent.
type Directory struct {
	Path string
	Mode *uint32
}

// CacheValidation says what file of a private environment must have what content; a field is nil where it is absent.
type CacheValidation struct {
	CheckFile       *string
	ExpectedContent *string
}

// privateParts are those of the document that only Private looks into.
type privateParts struct {
	workenv, validation, setup *strictjson.Value
}

// Private reads the parts of the document by which a private environment is made. Whoever starts nothing accepts what
// passes the strict profile there (FORMAT.md §5), so opening a package does not call it.
func (m *Metadata) Private() (*Private, error) {
	d := &decoder{}
	p := &Private{}
	if workenv := m.private.workenv; workenv != nil {
		p.Workenv.Env = d.pairs(workenv.Get("env"), "workenv.env")
		folders := d.elements(workenv.Get("directories"), "workenv.directories")
		for i := range folders {
			p.Workenv.Directories = append(p.Workenv.Directories, Directory{
				Path: d.text(d.need(&folders[i], "path"), "workenv.directories[].path"),
				Mode: d.mode(folders[i].Get("mode"), "workenv.directories[].mode"),
			})
		}
	}
	if validation := m.private.validation; validation != nil {
		p.CacheValidation = &CacheValidation{
			CheckFile:       d.optional(validation.Get("check_file"), "cache_validation.check_file"),
			ExpectedContent: d.optional(validation.Get("expected_content"), "cache_validation.expected_content"),
		}
	}
	if setup := m.private.setup; setup != nil {
		for i := range setup.Elements() {
			p.SetupCommands = append(p.SetupCommands, d.setup(&setup.Elements()[i]))
		}
	}
	return p, d.err
}

func (d *decoder) setup(v *strictjson.Value) SetupCommand {
	if v.Kind() == strictjson.String {
		text := v.Text()
		return SetupCommand{Command: &text}
	}
	if !d.kind(v, strictjson.Object, "setup_commands[]") {
		return SetupCommand{}
	}
	command := SetupCommand{
		Type:    d.text(v.Get("type"), "setup_commands[].type"),
		Command: d.optional(v.Get("command"), "setup_commands[].command"),
		Path:    d.optional(v.Get("path"), "setup_commands[].path"),
		Content: d.optional(v.Get("content"), "setup_commands[].content"),
		Pattern: d.optional(v.Get("pattern"), "setup_commands[].pattern"),
		Mode:    d.mode(v.Get("mode"), "setup_commands[].mode"),
	}
	if enumerate := v.Get("enumerate"); d.kind(enumerate, strictjson.Object, "setup_commands[].enumerate") {
		command.Enumerate = &Enumerate{
			Path:    d.text(d.need(enumerate, "path"), "setup_commands[].enumerate.path"),
			Pattern: d.optional(enumerate.Get("pattern"), "setup_commands[].enumerate.pattern"),
		}
	}
	return command
}

// mode is a number, or octal digits, also behind `0o`; what is more than permissions is cut off (LAUNCH.md 16.7, S21).
func (d *decoder) mode(v *strictjson.Value, what string) *uint32 {
	if v == nil || v.Kind() == strictjson.Null {
		return nil
	}
	if v.Kind() == strictjson.Number {
		mode := uint32(v.Number()) & 0o777
		return &mode
	}
	if !d.kind(v, strictjson.String, what) {
		return nil
	}
	mode, isOctal := Octal(v.Text())
	if !isOctal {
		d.fail(v, "`"+what+"` is not octal: `"+shown(v.Text())+"`")
	}
	mode &= 0o777
	return &mode
}
