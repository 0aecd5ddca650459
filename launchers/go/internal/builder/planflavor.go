package builder

import (
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/strictjson"
)

// flavor reads the x-flavor part. What only the finished document shows (composition, FORMAT.md §6) is checked there.
func (r *reader) flavor(block *strictjson.Value, p *plan) {
	const at = "extensions.x-flavor"
	if !r.is(block, strictjson.Object, at) {
		r.fail(at, "is null")
		return
	}
	r.placeholders(block, at)
	f := &planFlavor{linkedSlots: map[int64]string{}}
	p.flavor = f
	if schema := r.need(block, "schema", strictjson.Number, at+".schema"); r.err == nil && schema.Number() != 1 {
		r.fail(at+".schema", strconv.FormatInt(schema.Number(), 10)+", expected 1")
	}
	target := r.need(block, "target", strictjson.Object, at+".target")
	launcher := r.need(block, "launcher", strictjson.Object, at+".launcher")
	slots := r.need(block, "slots", strictjson.Array, at+".slots")
	if r.err != nil {
		return
	}
	r.word(r.need(target, "os", strictjson.String, at+".target.os"), at+".target.os", "linux", "darwin", "windows")
	r.word(r.need(target, "arch", strictjson.String, at+".target.arch"), at+".target.arch", "amd64", "arm64")
	r.word(target.Get("libc"), at+".target.libc", "gnu", "musl")
	if floor := target.Get("floor"); floor != nil {
		r.texts(floor, strictjson.Object, at+".target.floor")
	}
	f.target = target.Plain().(map[string]any)
	leaveOutEmpty(f.target, "floor")
	r.word(r.need(launcher, "kind", strictjson.String, at+".launcher.kind"), at+".launcher.kind", "rust", "go", "other")
	r.line(r.need(launcher, "version", strictjson.String, at+".launcher.version"), at+".launcher.version")
	f.launcher = launcher.Plain().(map[string]any)
	if alignment := block.Get("alignment"); alignment != nil {
		if f.alignment = r.number(alignment, at+".alignment"); f.alignment != 4096 && f.alignment != 16384 {
			r.fail(at+".alignment", "expected 4096 or 16384")
		}
	}
	if len(slots.Elements()) != len(p.slots) {
		r.fail(at+".slots", strconv.Itoa(len(slots.Elements()))+" entries for "+strconv.Itoa(len(p.slots))+" slots")
		return
	}
	for i := range slots.Elements() {
		v := &slots.Elements()[i]
		where := at + ".slots[" + strconv.Itoa(i) + "]"
		if !r.is(v, strictjson.Object, where) {
			return
		}
		p.slots[i].role = r.word(r.need(v, "role", strictjson.String, where+".role"), where+".role", "runtime", "dependencies", "application", "data")
		if share := r.need(v, "share", strictjson.Bool, where+".share"); share != nil {
			p.slots[i].share = share.True()
		}
	}
	r.commands(block, f)
	r.composition(block.Get("workenv"), f)
}

// placeholders refuses a placeholder of a slot that is not closed, in any text: readers take it for text, and nobody means
// that.
func (r *reader) placeholders(v *strictjson.Value, where string) {
	switch v.Kind() {
	case strictjson.String:
		const opening = "{slot:"
		text := v.Text()
		if last := strings.LastIndex(text, opening); last >= 0 && !strings.Contains(text[last:], "}") {
			r.fail(where, strconv.Quote(text)+" has a placeholder without its end: "+opening)
		}
	case strictjson.Array:
		for i := range v.Elements() {
			r.placeholders(&v.Elements()[i], where+"["+strconv.Itoa(i)+"]")
		}
	case strictjson.Object:
		for i := range v.Members() {
			r.placeholders(&v.Members()[i].Value, where+"."+v.Members()[i].Key)
		}
	default:
	}
}

func (r *reader) commands(block *strictjson.Value, f *planFlavor) {
	const at = "extensions.x-flavor"
	commands, byDefault := block.Get("commands"), block.Get("default")
	f.byDefault = r.text(byDefault, at+".default")
	if commands == nil {
		if byDefault != nil {
			r.fail(at+".default", "there are no commands")
		}
		if block.Get("workenv") != nil {
			r.fail(at+".workenv", "there are no commands")
		}
		return
	}
	if !r.is(commands, strictjson.Object, at+".commands") {
		return
	}
	for i := range commands.Members() {
		m := &commands.Members()[i]
		where := at + ".commands." + m.Key
		if !r.is(&m.Value, strictjson.Object, where) {
			return
		}
		argv := r.need(&m.Value, "argv", strictjson.Array, where+".argv")
		r.texts(argv, strictjson.Array, where+".argv")
		if argv != nil && len(argv.Elements()) == 0 {
			r.fail(where+".argv", "is empty")
		}
		if r.err == nil {
			if r.line(&argv.Elements()[0], where+".argv") == "" {
				r.fail(where+".argv", "is empty")
			}
		}
		r.variables(m.Value.Get("env"), where+".env")
		r.text(m.Value.Get("cwd"), where+".cwd")
	}
	if commands.Get(f.byDefault) == nil {
		r.fail(at+".default", strconv.Quote(f.byDefault)+" is not among the commands")
	}
	f.commands = commands.Plain().(map[string]any)
	for _, command := range f.commands {
		leaveOutEmpty(command.(map[string]any), "env")
	}
}

// leaveOutEmpty removes an object that says nothing: one spelling for one thing.
func leaveOutEmpty(in map[string]any, key string) {
	if object, there := in[key].(map[string]any); there && len(object) == 0 {
		delete(in, key)
	}
}

// composition gives `workenv` with all of its keys, as it is written; one that says nothing is left out.
func (r *reader) composition(workenv *strictjson.Value, f *planFlavor) {
	const at = "extensions.x-flavor.workenv"
	if !r.is(workenv, strictjson.Object, at) || r.err != nil {
		return
	}
	lists := map[string]any{}
	entries := 0
	for _, key := range [...]string{"unpack", "links", "files", "path"} {
		lists[key] = []any{}
		if list := workenv.Get(key); r.is(list, strictjson.Array, at+"."+key) {
			lists[key] = list.Plain()
			entries += len(list.Elements())
			for i := range list.Elements() {
				r.entry(key, &list.Elements()[i], at+"."+key, f)
			}
		}
	}
	if entries > 0 {
		f.workenv = lists
	}
}

func (r *reader) entry(key string, v *strictjson.Value, where string, f *planFlavor) {
	if key == "path" {
		r.text(v, where)
		return
	}
	if !r.is(v, strictjson.Object, where) {
		r.fail(where, "an entry is no object")
		return
	}
	switch key {
	case "unpack":
		f.unpackedSlots = append(f.unpackedSlots, r.number(v.Get("slot"), where))
	case "links":
		kind, slot := r.text(v.Get("kind"), where), r.number(v.Get("slot"), where)
		if f.linkedSlots[slot] != "symlink" {
			f.linkedSlots[slot] = kind
		}
	}
}

// private reads what plain packages are started by. In a package with commands it has no meaning and is refused.
func (r *reader) private(root *strictjson.Value, p *plan) {
	p.setup = []any{}
	for _, key := range [...]string{"setup_commands", "workenv", "cache_validation"} {
		if v := root.Get(key); v != nil && v.Kind() != strictjson.Null && p.hasCommands() {
			r.fail(key, "has no meaning in a package with commands; say it in extensions.x-flavor")
		}
	}
	if setup := root.Get("setup_commands"); r.is(setup, strictjson.Array, "setup_commands") {
		for i := range setup.Elements() {
			p.setup = append(p.setup, r.setup(&setup.Elements()[i], "setup_commands["+strconv.Itoa(i)+"]"))
		}
	}
	if workenv := root.Get("workenv"); r.is(workenv, strictjson.Object, "workenv") {
		r.variables(workenv.Get("env"), "workenv.env")
		if folders := workenv.Get("directories"); r.is(folders, strictjson.Array, "workenv.directories") {
			for i := range folders.Elements() {
				r.directory(&folders.Elements()[i], "workenv.directories["+strconv.Itoa(i)+"]")
			}
		}
		p.workenv = workenv.Plain().(map[string]any)
	}
	validation := root.Get("cache_validation")
	if !r.is(validation, strictjson.Object, "cache_validation") {
		return
	}
	r.path(r.need(validation, "check_file", strictjson.String, "cache_validation.check_file"), "cache_validation.check_file")
	if content := validation.Get("expected_content"); r.is(content, strictjson.String, "cache_validation.expected_content") {
		p.validation = validation.Plain().(map[string]any)
	} else {
		r.warn("cache_validation without expected_content is left out: no launcher can act upon it")
	}
}

// path checks a path below the work environment.
func (r *reader) path(v *strictjson.Value, where string) {
	if v == nil {
		return
	}
	if _, reason := belowWorkenv(r.line(v, where)); reason != "" {
		r.fail(where, strconv.Quote(v.Text())+": "+reason)
	}
}

func (r *reader) directory(v *strictjson.Value, where string) {
	if !r.is(v, strictjson.Object, where) {
		r.fail(where, "is no object")
		return
	}
	path := r.need(v, "path", strictjson.String, where+".path")
	r.path(path, where+".path")
	if path != nil && !strings.HasPrefix(path.Text(), "{workenv}") {
		r.fail(where+".path", strconv.Quote(path.Text())+", expected a path that begins with {workenv}")
	}
	r.mode(v.Get("mode"), where+".mode")
}

func (r *reader) mode(v *strictjson.Value, where string) {
	if r.is(v, strictjson.String, where) {
		if mode, ok := octal(v.Text()); !ok || mode > 0o777 {
			r.fail(where, strconv.Quote(v.Text())+", expected an octal mode up to 0777")
		}
	}
}

// setup gives one set-up command as it is written: a text, and an object without a type, is an execute.
func (r *reader) setup(v *strictjson.Value, where string) any {
	if v.Kind() == strictjson.String {
		return map[string]any{"type": "execute", "command": r.command(v, where+".command")}
	}
	if !r.is(v, strictjson.Object, where) {
		r.fail(where, "is null")
		return nil
	}
	kind := "execute"
	if v.Get("type") != nil {
		kind = r.word(v.Get("type"), where+".type", "execute", "enumerate_and_execute", "write_file", "chmod")
	}
	allowed := map[string][]string{
		"execute":               {"command"},
		"enumerate_and_execute": {"command", "enumerate"},
		"write_file":            {"path", "content", "mode"},
		"chmod":                 {"path", "mode"},
	}[kind]
	for _, m := range v.Members() {
		known := m.Key == "type"
		for _, key := range allowed {
			known = known || key == m.Key
		}
		if !known {
			r.fail(where+"."+m.Key, "has no meaning in a set-up command of type "+kind)
		}
	}
	for _, key := range allowed {
		if key != "mode" && v.Get(key) == nil {
			r.fail(where+"."+key, "is missing")
		}
	}
	r.command(v.Get("command"), where+".command")
	r.text(v.Get("content"), where+".content")
	if path := v.Get("path"); kind != "chmod" || path == nil || !hasPattern(path.Text()) {
		r.path(path, where+".path")
	}
	if enumerate := v.Get("enumerate"); r.is(enumerate, strictjson.Object, where+".enumerate") {
		r.path(r.need(enumerate, "path", strictjson.String, where+".enumerate.path"), where+".enumerate.path")
		r.line(r.need(enumerate, "pattern", strictjson.String, where+".enumerate.pattern"), where+".enumerate.pattern")
	}
	if mode := v.Get("mode"); mode != nil && (kind != "write_file" || mode.Kind() != strictjson.Number) {
		r.mode(mode, where+".mode")
	}
	command := v.Plain().(map[string]any)
	command["type"] = kind
	return command
}

func (r *reader) command(v *strictjson.Value, where string) string {
	command := r.line(v, where)
	if v != nil && command == "" {
		r.fail(where, "is empty")
	}
	return command
}

func hasPattern(path string) bool { return strings.ContainsAny(path, "*?[") }
