package pspf

import (
	"testing"

	"flavorpack-native/launchers/go/internal/code"
)

func TestWhatOnlyAStartGoesByIsJudgedByNobodyElse(t *testing.T) {
	const head, tail = `{"format":"PSPF/2025","package":{"name":"a","version":"1"},"execution":{"command":"x"},`, `}`
	for name, c := range map[string]struct{ part, want string }{
		"nothing":                       {`"build":{}`, "ok"},
		"a mode as a number":            {`"workenv":{"directories":[{"path":"a","mode":493}]}`, "ok"},
		"octal digits":                  {`"setup_commands":[{"type":"chmod","path":"a","mode":"0o755"}]`, "ok"},
		"a plain string":                {`"setup_commands":["a"]`, "ok"},
		"a number for a command":        {`"setup_commands":[5]`, string(code.PspfMetadataModel)},
		"a number for a path":           {`"setup_commands":[{"path":5}]`, string(code.PspfMetadataModel)},
		"a mode that is not octal":      {`"setup_commands":[{"type":"chmod","path":"a","mode":"u+x"}]`, string(code.PspfMetadataModel)},
		"a mode without digits":         {`"setup_commands":[{"type":"chmod","path":"a","mode":"0o"}]`, string(code.PspfMetadataModel)},
		"a truth for a mode":            {`"setup_commands":[{"type":"chmod","path":"a","mode":true}]`, string(code.PspfMetadataModel)},
		"an enumeration without a path": {`"setup_commands":[{"enumerate":{"pattern":"*"}}]`, string(code.PspfMetadataModel)},
		"folders that are no array":     {`"workenv":{"directories":{}}`, string(code.PspfMetadataModel)},
		"a folder without a path":       {`"workenv":{"directories":[{}]}`, string(code.PspfMetadataModel)},
		"a folder of a wrong mode":      {`"workenv":{"directories":[{"path":"a","mode":"9"}]}`, string(code.PspfMetadataModel)},
		"a variable of a wrong type":    {`"workenv":{"env":{"A":1}}`, string(code.PspfMetadataModel)},
		"a check file of a wrong type":  {`"cache_validation":{"check_file":[]}`, string(code.PspfMetadataModel)},
	} {
		metadata, _, err := ReadDocument([]byte(head + c.part + tail))
		if err != nil {
			t.Errorf("%s is refused by who starts nothing: %v", name, err)
			continue
		}
		if _, err := metadata.Private(); outcome(err) != c.want {
			t.Errorf("%s: got %v, expected %s", name, err, c.want)
		}
	}
}

func TestPermissionsAreOctalDigitsAlsoBehindAPrefix(t *testing.T) {
	for text, want := range map[string]int{
		"0755": 0o755, "0o755": 0o755, "7": 7, "000000777": 0o777, "0o": -1, "": -1, "0o8": -1, "1000": -1, "0O755": -1, "0o0o7": -1, "+7": -1,
		"7777777777777777777777777": -1,
	} {
		got := -1
		if mode, ok := Permissions(&text); ok {
			got = int(mode)
		}
		if got != want {
			t.Errorf("%q: got %o, expected %o", text, got, want)
		}
	}
}

func TestArraysInThePlaceOfObjectsAndNullInArraysAreRefused(t *testing.T) {
	const head, tail = `{"format":"PSPF/2025","package":{"name":"a","version":"1"},"execution":{"command":"x"},`, `}`
	for part, want := range map[string]code.Code{
		`"runtime":[]`: code.PspfMetadataModel, `"runtime":{"env":[]}`: code.PspfMetadataModel, `"extensions":[]`: code.PspfMetadataModel,
		`"extensions":{"x-flavor":[]}`: code.PspfMetadataModel, `"workenv":[]`: code.PspfMetadataModel, `"slots":[[]]`: code.PspfMetadataModel,
		`"cache_validation":[]`: code.PspfMetadataModel, `"setup_commands":{}`: code.PspfMetadataModel,
		`"runtime":{"env":{"pass":[null]}}`: code.PspfMetadataJson, `"slots":[null]`: code.PspfMetadataJson, `"setup_commands":[null]`: code.PspfMetadataJson,
		`"extensions":{"x-flavor":{"commands":{"a":{"argv":[null]}}}}`: code.PspfMetadataJson,
	} {
		if _, _, err := ReadDocument([]byte(head + part + tail)); code.Of(err) != want {
			t.Errorf("%s: got %v, expected %s", part, err, want)
		}
	}
}

func TestALinkTargetIsAbsoluteWithADriveLetterToo(t *testing.T) {
	for target, absolute := range map[string]bool{"C:x": true, "c:/x": true, "/x": true, `\x`: true, "x:y:z": true, "1:x": false, "ä:x": false, "a/c:x": false, "..": false} {
		if reason := CheckLinkTarget(target); (reason != "") != absolute {
			t.Errorf("%q: %q", target, reason)
		}
	}
}
