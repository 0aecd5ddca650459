package builder

import "flavorpack-native/launchers/go/internal/strictjson"

// The keys of a plan (FORMAT.md §15, plan.schema.json), and where null may stand. Everything is closed: a key that
// nobody knows is an error.

type (
	keys  = []strictjson.Key
	shape = strictjson.Shape
)

var (
	scalar    = strictjson.Scalar
	nullable  = strictjson.Nullable
	texts     = &shape{Elements: scalar}
	named     = &shape{Names: scalar}
	nullTexts = &shape{Elements: scalar, Null: true}
	nullNamed = &shape{Names: scalar, Null: true}

	planShape = closed(keys{
		{Name: "format", Shape: scalar},
		{Name: "package", Shape: closed(keys{
			{Name: "name", Shape: scalar}, {Name: "version", Shape: scalar}, {Name: "description", Shape: nullable},
		})},
		{Name: "execution", Shape: closed(keys{
			{Name: "command", Shape: scalar}, {Name: "primary_slot", Shape: scalar},
			{Name: "env", Shape: named}, {Name: "environment", Shape: nullNamed},
			{Name: "args", Shape: ignored},
		})},
		{Name: "runtime", Shape: nullClosed(keys{
			{Name: "env", Shape: nullClosed(keys{
				{Name: "unset", Shape: nullTexts}, {Name: "pass", Shape: nullTexts},
				{Name: "map", Shape: nullNamed}, {Name: "set", Shape: nullNamed},
			})},
		})},
		{Name: "setup_commands", Shape: &shape{Elements: closed(keys{
			{Name: "type", Shape: scalar}, {Name: "command", Shape: scalar}, {Name: "path", Shape: scalar},
			{Name: "content", Shape: scalar}, {Name: "mode", Shape: nullable},
			{Name: "enumerate", Shape: closed(keys{{Name: "path", Shape: scalar}, {Name: "pattern", Shape: scalar}})},
		})}},
		{Name: "cache_validation", Shape: nullClosed(keys{
			{Name: "check_file", Shape: scalar}, {Name: "expected_content", Shape: scalar},
		})},
		{Name: "workenv", Shape: nullClosed(keys{
			{Name: "directories", Shape: &shape{Null: true, Elements: closed(keys{
				{Name: "path", Shape: scalar}, {Name: "mode", Shape: nullable},
			})}},
			{Name: "env", Shape: nullNamed},
		})},
		{Name: "slots", Shape: &shape{Elements: closed(keys{
			{Name: "slot", Shape: scalar}, {Name: "id", Shape: scalar}, {Name: "source", Shape: scalar},
			{Name: "target", Shape: scalar}, {Name: "operations", Shape: scalar}, {Name: "purpose", Shape: scalar},
			{Name: "lifecycle", Shape: scalar}, {Name: "platform", Shape: nullable},
			{Name: "permissions", Shape: nullable}, {Name: "level", Shape: nullable}, {Name: "resolution", Shape: scalar},
		})}},
		{Name: "extensions", Shape: closed(keys{{Name: "x-flavor", Shape: flavorShape}})},
		{Name: "name", Shape: ignored}, {Name: "version", Shape: ignored}, {Name: "command", Shape: ignored},
		{Name: "environment", Shape: ignored}, {Name: "signature", Shape: ignored}, {Name: "launcher", Shape: ignored},
	})

	flavorShape = closed(keys{
		{Name: "schema", Shape: scalar},
		{Name: "target", Shape: closed(keys{
			{Name: "os", Shape: scalar}, {Name: "arch", Shape: scalar}, {Name: "libc", Shape: scalar}, {Name: "floor", Shape: named},
		})},
		{Name: "launcher", Shape: closed(keys{{Name: "kind", Shape: scalar}, {Name: "version", Shape: scalar}})},
		{Name: "alignment", Shape: scalar},
		{Name: "slots", Shape: &shape{Elements: closed(keys{{Name: "role", Shape: scalar}, {Name: "share", Shape: scalar}})}},
		{Name: "workenv", Shape: closed(keys{
			{Name: "unpack", Shape: &shape{Elements: closed(keys{{Name: "slot", Shape: scalar}, {Name: "into", Shape: scalar}})}},
			{Name: "links", Shape: &shape{Elements: closed(keys{
				{Name: "path", Shape: scalar}, {Name: "slot", Shape: scalar}, {Name: "to", Shape: scalar}, {Name: "kind", Shape: scalar},
			})}},
			{Name: "files", Shape: &shape{Elements: closed(keys{
				{Name: "path", Shape: scalar}, {Name: "content", Shape: scalar}, {Name: "mode", Shape: scalar},
			})}},
			{Name: "path", Shape: texts},
		})},
		{Name: "commands", Shape: &shape{Names: closed(keys{
			{Name: "argv", Shape: texts}, {Name: "env", Shape: named}, {Name: "cwd", Shape: scalar},
		})}},
		{Name: "default", Shape: scalar},
	})

	// ignored is what the original's builders ignore: anything may be in it.
	ignored = &shape{Null: true}
)

func closed(known keys) *shape     { return &shape{Keys: known, Closed: true} }
func nullClosed(known keys) *shape { return &shape{Keys: known, Closed: true, Null: true} }

// facts are the keys that the assembler computes: a plan that states one is refused by name.
var facts = map[string]bool{
	"format_version": true, "build": true, "compatibility": true, "verification": true, "size": true, "checksum": true,
	"self_ref": true, "signer": true, "sha256": true, "unpacked": true, "frames": true,
}
