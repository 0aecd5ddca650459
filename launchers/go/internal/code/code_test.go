package code

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestTheTableIsThatOfErrorsJSON(t *testing.T) {
	source, err := os.ReadFile("../../../../crates/pspf/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct {
		Code     Code
		CLI      int
		Launcher int
		Hint     *string
	}
	if err := json.Unmarshal(source, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) != len(rows) {
		t.Fatalf("errors.json has %d codes, table.go %d: run `go generate ./internal/code`", len(table), len(rows))
	}
	for _, r := range table {
		hint := ""
		if r.Hint != nil {
			hint = *r.Hint
		}
		if !r.Code.Known() || r.Code.CLI() != r.CLI || r.Code.Launcher() != r.Launcher || r.Code.Hint() != hint {
			t.Errorf("%s is another than in errors.json: run `go generate ./internal/code`", r.Code)
		}
	}
}

func TestTheTextOfAnErrorDoesNotRepeatItsCause(t *testing.T) {
	cause := fmt.Errorf("disk on fire")
	err := fmt.Errorf("opening: %w", Wrap(PspfIO, "package cannot be read", cause))
	if Of(err) != PspfIO {
		t.Errorf("got %q, expected %q", Of(err), PspfIO)
	}
	if strings.Contains(err.Error(), "fire") {
		t.Errorf("the text contains its cause: %v", err)
	}
}

func TestAnErrorOfNoTableIsAPanic(t *testing.T) {
	if got := Code("ERR_NOBODY_KNOWS").Launcher(); got != 101 {
		t.Errorf("got %d, expected 101", got)
	}
}
