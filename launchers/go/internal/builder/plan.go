package builder

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// plan is what goes into a package (FORMAT.md §15), read and checked as far as no file needs to be looked at.
type plan struct {
	name, version, description string
	execution                  map[string]any
	runtime                    map[string]any
	setup                      []any
	validation                 map[string]any
	workenv                    map[string]any
	slots                      []planSlot
	// flavor is nil where the plan has no x-flavor part.
	flavor *planFlavor
}

type planSlot struct {
	id, source, target  string
	operations          *string
	purpose, lifecycle  string
	platform            string
	permissions         string
	level               level
	resolution          string
	role                string
	share               bool
	chain               pspf.Chain
	isSelf              bool
	targetWithoutPrefix string
}

type planFlavor struct {
	target        map[string]any
	launcher      map[string]any
	alignment     int64
	workenv       map[string]any
	commands      map[string]any
	byDefault     string
	unpackedSlots []int64
	linkedSlots   map[int64]string // the kind of the links into a slot
}

func (p *plan) hasCommands() bool { return p.flavor != nil && p.flavor.commands != nil }

// reader reads a plan. It keeps the first failure.
type reader struct {
	err  error
	warn func(string)
}

func (r *reader) fail(where, message string) {
	if r.err == nil {
		r.err = code.New(code.FlavorPlan, where+": "+message)
	}
}

func (r *reader) is(v *strictjson.Value, kind strictjson.Kind, where string) bool {
	if v == nil || v.Kind() == strictjson.Null {
		return false
	}
	if v.Kind() != kind {
		r.fail(where, "is "+v.Kind().String()+", expected "+kind.String())
		return false
	}
	return true
}

// need is an object or text that must be there and not be empty.
func (r *reader) need(in *strictjson.Value, key string, kind strictjson.Kind, where string) *strictjson.Value {
	v := in.Get(key)
	switch {
	case v == nil:
		r.fail(where, "is missing")
	case !r.is(v, kind, where):
	case kind == strictjson.String && v.Text() == "":
		r.fail(where, "is empty")
	}
	return v
}

func (r *reader) text(v *strictjson.Value, where string) string {
	if !r.is(v, strictjson.String, where) {
		return ""
	}
	return v.Text()
}

// line is a text without control characters: what people and launchers read as one line.
func (r *reader) line(v *strictjson.Value, where string) string {
	text := r.text(v, where)
	r.noControl(text, where)
	return text
}

func (r *reader) noControl(text, where string) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		r.fail(where, strconv.Quote(text)+" contains a control character")
	}
}

// variables is an object of texts whose names are those of variables.
func (r *reader) variables(v *strictjson.Value, where string) any {
	if v != nil {
		for i := range v.Members() {
			r.variable(v.Members()[i].Key, where)
		}
	}
	return r.texts(v, strictjson.Object, where)
}

// variable checks the name of a variable, or a pattern of such names (LAUNCH.md 6.2).
func (r *reader) variable(name, where string) {
	r.noControl(name, where)
	switch {
	case name == "":
		r.fail(where, "is empty")
	case strings.Contains(name, "="):
		r.fail(where, strconv.Quote(name)+" is no name of a variable")
	}
}

func (r *reader) word(v *strictjson.Value, where string, words ...string) string {
	word := r.text(v, where)
	if r.is(v, strictjson.String, where) && !slices.Contains(words, word) {
		r.fail(where, strconv.Quote(word)+", expected "+strings.Join(words, ", "))
	}
	return word
}

func (r *reader) number(v *strictjson.Value, where string) int64 {
	if !r.is(v, strictjson.Number, where) {
		return 0
	}
	if v.Number() < 0 {
		r.fail(where, "is negative")
	}
	return v.Number()
}

// texts checks an object or array of texts and gives it as it is written.
func (r *reader) texts(v *strictjson.Value, kind strictjson.Kind, where string) any {
	if !r.is(v, kind, where) {
		return nil
	}
	for i := range v.Elements() {
		r.text(&v.Elements()[i], where)
	}
	for i := range v.Members() {
		r.text(&v.Members()[i].Value, where+"."+v.Members()[i].Key)
	}
	return v.Plain()
}

// parsePlan reads the text of a plan.
func parsePlan(text []byte, warn func(string)) (*plan, error) {
	if len(text) > layout.MaxMetadata {
		return nil, code.New(code.FlavorPlan, "the manifest has more than 8 MiB")
	}
	root, err := strictjson.Parse(text, planShape)
	if err != nil {
		return nil, planSyntax(err)
	}
	r := &reader{warn: warn}
	p := &plan{}
	if format := root.Get("format"); r.is(format, strictjson.String, "format") && format.Text() != layout.FormatName {
		r.fail("format", strconv.Quote(format.Text())+", expected \"PSPF/2025\"")
	}
	var block *strictjson.Value
	if extensions := root.Get("extensions"); r.is(extensions, strictjson.Object, "extensions") {
		block = extensions.Get("x-flavor")
	}
	r.legacy(root, block != nil)
	if about := r.need(root, "package", strictjson.Object, "package"); r.err == nil {
		p.name = foldName(r.text(r.need(about, "name", strictjson.String, "package.name"), "package.name"))
		p.version = r.line(r.need(about, "version", strictjson.String, "package.version"), "package.version")
		p.description = r.line(about.Get("description"), "package.description")
		if !isName(p.name) {
			r.fail("package.name", strconv.Quote(p.name)+", expected 1 to 64 letters of a-z, digits and `-` inside")
		}
	}
	r.execution(root, p)
	p.runtime = map[string]any{"env": map[string]any{}}
	if runtime := root.Get("runtime"); r.is(runtime, strictjson.Object, "runtime") {
		if env := runtime.Get("env"); r.is(env, strictjson.Object, "runtime.env") {
			edits := map[string]any{}
			for _, key := range [...]string{"unset", "pass"} {
				if list := r.texts(env.Get(key), strictjson.Array, "runtime.env."+key); list != nil {
					edits[key] = list
					for i := range env.Get(key).Elements() {
						r.variable(env.Get(key).Elements()[i].Text(), "runtime.env."+key)
					}
				}
			}
			for _, key := range [...]string{"map", "set"} {
				if names := r.variables(env.Get(key), "runtime.env."+key); names != nil {
					edits[key] = names
				}
			}
			if renamed := env.Get("map"); renamed != nil {
				for i := range renamed.Members() {
					r.variable(renamed.Members()[i].Value.Text(), "runtime.env.map")
				}
			}
			p.runtime["env"] = edits
		}
	}
	r.slots(root, p)
	if block != nil && r.err == nil {
		r.flavor(block, p)
	}
	r.private(root, p)
	if r.err == nil {
		r.lifecycles(p)
	}
	if r.err != nil {
		return nil, r.err
	}
	return p, nil
}

func planSyntax(err error) error {
	var failure *strictjson.SyntaxError
	if !errors.As(err, &failure) {
		return err
	}
	if facts[failure.UnknownKey] {
		return code.At(code.FlavorPlan, failure.Offset, "manifest: `"+failure.UnknownKey+"` is computed by the assembler and may not be stated")
	}
	return code.At(code.FlavorPlan, failure.Offset, "manifest: "+failure.Message)
}

// legacy is what the original's builders ignore: ignored with a warning where there is no x-flavor part, else refused.
func (r *reader) legacy(root *strictjson.Value, refused bool) {
	ignore := func(v *strictjson.Value, name, why string) {
		switch {
		case v == nil:
		case refused:
			r.fail("manifest", "the key `"+name+"` is unknown")
		default:
			r.warn(name + " is ignored: " + why)
		}
	}
	const elsewhere = "what counts stands in package and execution"
	for _, name := range [...]string{"command", "environment", "launcher", "name", "signature", "version"} {
		v := root.Get(name)
		if name == "launcher" && v != nil && v.Kind() != strictjson.String {
			r.fail(name, "is computed by the assembler and may not be stated")
		}
		ignore(v, name, elsewhere)
	}
	if execution := root.Get("execution"); execution != nil {
		ignore(execution.Get("args"), "execution.args", "arguments are a part of execution.command")
	}
}

func (r *reader) execution(root *strictjson.Value, p *plan) {
	execution := r.need(root, "execution", strictjson.Object, "execution")
	if r.err != nil {
		return
	}
	command := r.need(execution, "command", strictjson.String, "execution.command")
	r.line(command, "execution.command")
	env := r.variables(execution.Get("env"), "execution.env")
	environment := r.variables(execution.Get("environment"), "execution.environment")
	switch {
	case env == nil && environment == nil:
		env = map[string]any{}
	case env == nil:
		env = environment
	case environment != nil && r.err == nil && !maps.Equal(env.(map[string]any), environment.(map[string]any)):
		r.fail("execution.environment", "differs from execution.env, which means the same")
	}
	if r.err == nil {
		p.execution = map[string]any{
			"command":      command.Text(),
			"primary_slot": r.number(execution.Get("primary_slot"), "execution.primary_slot"),
			"env":          env,
			"environment":  env,
		}
	}
}

// foldName folds a name as PEP 503 says.
func foldName(name string) string {
	var out strings.Builder
	separated := false
	for _, c := range []byte(name) {
		if c == '-' || c == '_' || c == '.' {
			if !separated {
				out.WriteByte('-')
			}
			separated = true
			continue
		}
		separated = false
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out.WriteByte(c)
	}
	return out.String()
}

func isName(name string) bool {
	if len(name) < 1 || len(name) > 64 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
}
