package pspf

import "flavorpack-native/launchers/go/internal/strictjson"

// The keys with a meaning, and where null may stand (FORMAT.md §5, §6). What no key here names is checked by the
// strict profile and not kept. All of it is data that the linker lays out: nothing of it costs a start anything.

type (
	keys  = []strictjson.Key
	shape = strictjson.Shape
)

var (
	scalar    = shape{}
	nullable  = shape{Null: true}
	texts     = shape{Elements: &scalar}
	named     = shape{Names: &scalar}
	nullTexts = shape{Elements: &scalar, Null: true}
	nullNamed = shape{Names: &scalar, Null: true}

	metadataShape = shape{Keys: keys{
		{Name: "format", Shape: &scalar},
		{Name: "format_version", Shape: &scalar},
		{Name: "package", Shape: &shape{Keys: keys{
			{Name: "name", Shape: &scalar}, {Name: "version", Shape: &scalar}, {Name: "description", Shape: &nullable},
		}}},
		{Name: "slots", Shape: &shape{Elements: &slotShape}},
		{Name: "execution", Shape: &shape{Keys: keys{
			{Name: "command", Shape: &scalar}, {Name: "primary_slot", Shape: &scalar},
			{Name: "env", Shape: &named}, {Name: "environment", Shape: &nullNamed},
		}}},
		{Name: "runtime", Shape: &shape{Null: true, Keys: keys{
			{Name: "env", Shape: &shape{Null: true, Keys: keys{
				{Name: "pass", Shape: &nullTexts}, {Name: "unset", Shape: &nullTexts},
				{Name: "map", Shape: &nullNamed}, {Name: "set", Shape: &nullNamed},
			}}},
		}}},
		{Name: "setup_commands", Shape: &shape{Elements: &setupShape}},
		{Name: "workenv", Shape: &shape{Null: true, Keys: keys{
			{Name: "directories", Shape: &shape{Null: true, Elements: &shape{Keys: keys{
				{Name: "path", Shape: &scalar}, {Name: "mode", Shape: &nullable},
			}}}},
			{Name: "env", Shape: &nullNamed},
		}}},
		{Name: "cache_validation", Shape: &shape{Null: true, Keys: keys{
			{Name: "check_file", Shape: &scalar}, {Name: "expected_content", Shape: &scalar},
		}}},
		{Name: "verification", Shape: &nullable},
		{Name: "build", Shape: &nullable},
		{Name: "launcher", Shape: &nullable},
		{Name: "compatibility", Shape: &nullable},
		{Name: "policy", Shape: &nullable},
		{Name: "extensions", Shape: &shape{Keys: keys{{Name: "x-flavor", Shape: &flavorShape}}}},
	}}

	slotShape = shape{Keys: keys{
		{Name: "slot", Shape: &scalar}, {Name: "id", Shape: &scalar}, {Name: "source", Shape: &scalar},
		{Name: "target", Shape: &scalar}, {Name: "size", Shape: &scalar}, {Name: "checksum", Shape: &scalar},
		{Name: "operations", Shape: &scalar}, {Name: "purpose", Shape: &scalar}, {Name: "lifecycle", Shape: &scalar},
		{Name: "platform", Shape: &nullable}, {Name: "permissions", Shape: &nullable}, {Name: "self_ref", Shape: &scalar},
		{Name: "resolution", Shape: &scalar},
	}}

	setupShape = shape{Keys: keys{
		{Name: "type", Shape: &scalar}, {Name: "command", Shape: &nullable}, {Name: "path", Shape: &nullable},
		{Name: "content", Shape: &nullable}, {Name: "mode", Shape: &nullable}, {Name: "pattern", Shape: &nullable},
		{Name: "enumerate", Shape: &shape{Null: true, Keys: keys{
			{Name: "path", Shape: &scalar}, {Name: "pattern", Shape: &nullable},
		}}},
	}}

	flavorShape = shape{Closed: true, Keys: keys{
		{Name: "schema", Shape: &scalar},
		{Name: "target", Shape: &shape{Closed: true, Keys: keys{
			{Name: "os", Shape: &scalar}, {Name: "arch", Shape: &scalar}, {Name: "libc", Shape: &scalar}, {Name: "floor", Shape: &named},
		}}},
		{Name: "launcher", Shape: &shape{Closed: true, Keys: keys{
			{Name: "kind", Shape: &scalar}, {Name: "version", Shape: &scalar}, {Name: "size", Shape: &scalar}, {Name: "sha256", Shape: &scalar},
		}}},
		{Name: "alignment", Shape: &scalar},
		{Name: "slots", Shape: &shape{Elements: &shape{Closed: true, Keys: keys{
			{Name: "role", Shape: &scalar}, {Name: "share", Shape: &scalar},
			{Name: "unpacked", Shape: &shape{Closed: true, Keys: keys{{Name: "bytes", Shape: &scalar}, {Name: "members", Shape: &scalar}}}},
			{Name: "frames", Shape: &shape{Elements: &shape{Closed: true, Keys: keys{
				{Name: "stored", Shape: &scalar}, {Name: "content", Shape: &scalar}, {Name: "sha256", Shape: &scalar},
			}}}},
		}}}},
		{Name: "workenv", Shape: &shape{Closed: true, Keys: keys{
			{Name: "unpack", Shape: &shape{Elements: &shape{Closed: true, Keys: keys{{Name: "slot", Shape: &scalar}, {Name: "into", Shape: &scalar}}}}},
			{Name: "links", Shape: &shape{Elements: &shape{Closed: true, Keys: keys{
				{Name: "path", Shape: &scalar}, {Name: "slot", Shape: &scalar}, {Name: "to", Shape: &scalar}, {Name: "kind", Shape: &scalar},
			}}}},
			{Name: "files", Shape: &shape{Elements: &shape{Closed: true, Keys: keys{
				{Name: "path", Shape: &scalar}, {Name: "content", Shape: &scalar}, {Name: "mode", Shape: &scalar},
			}}}},
			{Name: "path", Shape: &texts},
		}}},
		{Name: "commands", Shape: &shape{Names: &shape{Closed: true, Keys: keys{
			{Name: "argv", Shape: &texts}, {Name: "env", Shape: &named}, {Name: "cwd", Shape: &scalar},
		}}}},
		{Name: "default", Shape: &scalar},
		{Name: "signer", Shape: &shape{Closed: true, Keys: keys{
			{Name: "key", Shape: &scalar}, {Name: "claims", Shape: &scalar}, {Name: "serial", Shape: &scalar},
		}}},
	}}
)
