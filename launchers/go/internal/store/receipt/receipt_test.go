//go:build unix

package receipt

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/use"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// start is one start of a package with a store, an environment and a slot, and a trust file.
type start struct {
	root      *place.Root
	staging   *place.Staging
	pack      *Package
	path      string
	trust     string
	fresh     *Fresh
	question  *Question
	variables map[string]string
}

const environment = "demo-1.0-0011223344556677"

func newStart(t *testing.T) *start {
	t.Helper()
	base := t.TempDir()
	must(t, os.Chmod(base, 0o700))
	s := &start{path: base + "/demo", trust: base + "/trust.json", variables: map[string]string{"TERM": "x"}}
	var err error
	s.root, err = place.Create(base + "/s")
	must(t, err)
	s.staging, err = s.root.Stage()
	must(t, err)
	t.Cleanup(func() { s.staging.Remove(); s.root.Close() })
	must(t, os.WriteFile(s.path, bytes.Repeat([]byte("p"), 10000), 0o755))
	must(t, os.WriteFile(s.trust, []byte("{}"), 0o644))
	work := s.root.EnvironmentPath(environment)
	must(t, os.MkdirAll(work+"/bin", 0o755))
	must(t, os.WriteFile(work+"/bin/run", []byte("#!"), 0o755))
	must(t, os.MkdirAll(s.root.SlotPath("aa"), 0o755))
	hold, err := use.Take(s.root, environment)
	must(t, err)
	hold.End()

	stat, err := folder.StatPath(s.path)
	must(t, err)
	trailer := new([layout.TrailerSize]byte)
	for at := range trailer {
		trailer[at] = byte(at)
	}
	s.pack = &Package{Path: s.path, Stat: stat, Trailer: trailer}
	trustStat, err := folder.StatPath(s.trust)
	must(t, err)
	// The files are new, so the clock goes on.
	opened := time.Now().Add(time.Minute)
	s.fresh = &Fresh{
		Package: s.pack, ReliableTimes: true, Opened: opened, Boot: record.ThisBoot(), Expiry: opened.Unix() + 100,
		Sources: []Source{{Path: "/etc/none-at-all/trust.json"}, {Path: s.trust, Present: true, Identity: trustStat.Identity}},
		Roots:   []string{s.root.SlotPath("aa")},
		Plan: &plan.Plan{
			Package: "demo", Workenv: work, Default: 1,
			Commands: []plan.Command{
				{Name: "admin", Argv: []string{work + "/bin/run", "--admin", work + "/not-there-yet"}},
				{Name: "demo", Argv: []string{work + "/bin/run", "\xff\xfe"}, Cwd: "/tmp", HasCwd: true, Edits: []plan.Edit{
					{Operation: plan.Set, Name: "A", Value: "1"}, {Operation: plan.Prepend, Name: "PATH", Value: work + "/bin"},
				}},
			},
			Conditions: []plan.Condition{{Kind: plan.NotSet, Name: "FLAVOR_DEV"}, {Kind: plan.SetTo, Name: "TERM", Value: "x"}, {Kind: plan.Directory, Name: base}},
		},
	}
	s.question = &Question{
		Package: s.pack, Sources: []string{"/etc/none-at-all/trust.json", s.trust}, Now: opened.Add(time.Second),
		Lookup: func(name string) (string, bool) { value, set := s.variables[name]; return value, set },
	}
	return s
}

func (s *start) write(t *testing.T) string {
	t.Helper()
	if reason := Write(s.root, s.staging, s.fresh); reason != "" {
		t.Fatalf("no receipt: %s", reason)
	}
	return s.root.Path + "/v1/receipts/" + s.pack.Name(false)
}

func TestAReceiptSaysWhatWasWritten(t *testing.T) {
	s := newStart(t)
	s.fresh.Plan.EachStart = true
	s.write(t)
	answer := Find(s.root, s.question)
	if answer.Receipt == nil {
		t.Fatalf("there is none: %s", answer.Reason)
	}
	r := answer.Receipt
	defer r.Hold.End()
	if r.Len() != 2 || r.Default() != 1 || r.CommandName(0) != "admin" || r.Workenv() != s.fresh.Plan.Workenv || r.PackageName() != "demo" || !r.EachStart() {
		t.Errorf("got %d commands, default %d, %s, %s", r.Len(), r.Default(), r.CommandName(0), r.Workenv())
	}
	for n, want := range s.fresh.Plan.Commands {
		got := r.Command(n)
		if got.Name != want.Name || !slices.Equal(got.Argv, want.Argv) || got.Cwd != want.Cwd || got.HasCwd != want.HasCwd || !slices.Equal(got.Edits, want.Edits) {
			t.Errorf("got %+v, expected %+v", got, want)
		}
	}
	if !use.Held(s.root, environment) {
		t.Error("the environment is not held")
	}
}

func TestTheLayoutIsThatOfTheDocument(t *testing.T) {
	s := newStart(t)
	path := s.write(t)
	raw, err := os.ReadFile(path)
	must(t, err)
	little := binary.LittleEndian
	text := func(at int) string {
		strings := little.Uint32(raw[20:])
		return string(raw[strings+little.Uint32(raw[at:]):][:little.Uint32(raw[at+4:])])
	}
	for at, want := range map[int]uint32{16: uint32(len(raw)), 52: 0, 144: 2, 148: 2, 152: 1, 156: 2, 160: 5, 164: 2, 168: 3, 172: 0} {
		if got := little.Uint32(raw[at:]); got != want {
			t.Errorf("at %d: got %d, expected %d", at, got, want)
		}
	}
	for at, want := range map[int]string{112: s.path, 120: s.root.Path, 128: s.fresh.Plan.Workenv, 136: "demo"} {
		if got := text(at); got != want {
			t.Errorf("at %d: got %q, expected %q", at, got, want)
		}
	}
	if string(raw[:8]) != "FLVRCP02" || little.Uint64(raw[8:]) != record.Checksum(raw[16:]) || !bytes.Equal(raw[176:8376], s.pack.Trailer[:]) ||
		little.Uint64(raw[64:]) != s.pack.Stat.Device || little.Uint64(raw[72:]) != s.pack.Stat.Inode || little.Uint64(raw[80:]) != 10000 ||
		int64(little.Uint64(raw[88:])) != s.pack.Stat.MtimeSeconds || little.Uint32(raw[96:]) != s.pack.Stat.MtimeNanoseconds ||
		int64(little.Uint64(raw[100:])) != s.pack.Stat.CtimeSeconds || little.Uint32(raw[108:]) != s.pack.Stat.CtimeNanoseconds {
		t.Error("the fixed part is another")
	}
	if end := 8376 + 2*64 + 2*32 + 5*8 + 2*20 + 2*60 + 3*20; int(little.Uint32(raw[20:])) != end {
		t.Errorf("the strings begin at %d, expected %d", little.Uint32(raw[20:]), end)
	}
	// The stat entry of the slot's root: a directory has the size 0.
	stats := 8376 + 2*64 + 2*32 + 5*8 + 2*20
	if text(stats) != s.root.SlotPath("aa") || little.Uint64(raw[stats+8+16:]) != 0 {
		t.Errorf("the first stat entry is %q with size %d", text(stats), little.Uint64(raw[stats+24:]))
	}
	if text(stats+60) != s.fresh.Plan.Workenv+"/bin/run" {
		t.Errorf("the second stat entry is %q", text(stats+60))
	}
}

func TestTruncatedAndGarbledReceiptsCountForNothing(t *testing.T) {
	s := newStart(t)
	path := s.write(t)
	raw, err := os.ReadFile(path)
	must(t, err)
	for length := 0; length < len(raw); length += 1 + length/40 {
		must(t, os.WriteFile(path, raw[:length], 0o600))
		if answer := Find(s.root, s.question); answer.Receipt != nil || answer.Doubted {
			t.Fatalf("%d bytes are taken", length)
		}
	}
	for at := 0; at < len(raw); at++ {
		changed := bytes.Clone(raw)
		changed[at] ^= 0x20
		if _, ok := decode(changed); ok {
			t.Fatalf("byte %d may change", at)
		}
	}
	must(t, os.WriteFile(path, append(bytes.Clone(raw), 0), 0o600))
	if Find(s.root, s.question).Receipt != nil {
		t.Error("a byte too much is taken")
	}
	must(t, os.WriteFile(path, make([]byte, MaxSize+1), 0o600))
	if Find(s.root, s.question).Receipt != nil {
		t.Error("more than 64 KiB are taken")
	}
}

func TestSealedReceiptsWithWrongReferencesCountForNothing(t *testing.T) {
	s := newStart(t)
	raw, err := os.ReadFile(s.write(t))
	must(t, err)
	little := binary.LittleEndian
	commands := 8376 + 2*64
	argv := commands + 2*32
	edits := argv + 5*8
	stats := edits + 2*20
	conditions := stats + 2*60
	for name, change := range map[string]func(raw []byte){
		"an unknown flag":                func(raw []byte) { raw[52] = 4 },
		"reserved bytes":                 func(raw []byte) { raw[172] = 1 },
		"no commands":                    func(raw []byte) { little.PutUint32(raw[148:], 0) },
		"a default that is none":         func(raw []byte) { little.PutUint32(raw[152:], 2) },
		"more words than there are":      func(raw []byte) { little.PutUint32(raw[160:], 6) },
		"a count beyond all bounds":      func(raw []byte) { little.PutUint32(raw[156:], 1<<32-1) },
		"strings elsewhere":              func(raw []byte) { little.PutUint32(raw[20:], little.Uint32(raw[20:])-1) },
		"a string beyond the end":        func(raw []byte) { little.PutUint32(raw[112:], 1<<31) },
		"a string that is too long":      func(raw []byte) { little.PutUint32(raw[argv+4:], 1<<32-1) },
		"a source of another state":      func(raw []byte) { raw[8376+8] = 2 },
		"an absent source with identity": func(raw []byte) { raw[8376+12] = 1 },
		"a command beyond the words":     func(raw []byte) { little.PutUint32(raw[commands+16:], 4) },
		"a command without words":        func(raw []byte) { little.PutUint32(raw[commands+20:], 0) },
		"a program without a name":       func(raw []byte) { little.PutUint32(raw[argv+4:], 0) },
		"a program of the user's folder": func(raw []byte) { little.PutUint32(raw[argv:], little.Uint32(raw[argv:])+1) },
		"edits beyond the end":           func(raw []byte) { little.PutUint32(raw[commands+28:], 3) },
		"an unknown edit":                func(raw []byte) { raw[edits] = 9 },
		"no edit at all":                 func(raw []byte) { raw[edits] = 0 },
		"an identity with an end":        func(raw []byte) { raw[stats+8+48] = 1 },
		"an unknown condition":           func(raw []byte) { raw[conditions] = 4 },
	} {
		changed := bytes.Clone(raw)
		change(changed)
		little.PutUint64(changed[8:], record.Checksum(changed[16:]))
		if _, ok := decode(changed); ok {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAnyDoubtAboutTheStartMeansTheFullPath(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(t *testing.T, s *start)
		doubted bool
		valid   bool
	}{
		"nothing changed":            {func(*testing.T, *start) {}, false, true},
		"the clock was set back":     {func(_ *testing.T, s *start) { s.question.Now = s.fresh.Opened.Add(-time.Nanosecond) }, false, false},
		"a pin expired":              {func(_ *testing.T, s *start) { s.question.Now = time.Unix(s.fresh.Expiry, 0) }, false, false},
		"the second before it does":  {func(_ *testing.T, s *start) { s.question.Now = time.Unix(s.fresh.Expiry-1, 0) }, false, true},
		"another size of the file":   {func(_ *testing.T, s *start) { s.pack.Stat.Size++ }, false, false},
		"another change time":        {func(_ *testing.T, s *start) { s.pack.Stat.CtimeNanoseconds++ }, false, false},
		"another inode":              {func(_ *testing.T, s *start) { s.pack.Stat.Inode++ }, false, false},
		"another trailer":            {func(_ *testing.T, s *start) { s.pack.Trailer[5000] ^= 1 }, false, false},
		"another path":               {func(_ *testing.T, s *start) { s.pack.Path = "/elsewhere" }, false, true},
		"another trust file":         {func(_ *testing.T, s *start) { s.question.Sources[1] = "/other" }, false, false},
		"one trust file less":        {func(_ *testing.T, s *start) { s.question.Sources = s.question.Sources[:1] }, false, false},
		"the trust file is gone":     {func(t *testing.T, s *start) { must(t, os.Remove(s.trust)) }, false, false},
		"the trust file was written": {func(t *testing.T, s *start) { must(t, os.WriteFile(s.trust, []byte("{ }"), 0o644)) }, false, false},
		"the use lock is gone":       {func(t *testing.T, s *start) { must(t, os.Remove(s.root.Path+"/v1/locks/use-"+environment)) }, false, false},
		"the program was changed": {func(t *testing.T, s *start) {
			must(t, os.WriteFile(s.fresh.Plan.Workenv+"/bin/run", []byte("#?"), 0o755))
		}, true, false},
		"the program is gone": {func(t *testing.T, s *start) { must(t, os.Remove(s.fresh.Plan.Workenv+"/bin/run")) }, true, false},
		"a slot was replaced": {func(t *testing.T, s *start) {
			must(t, os.Remove(s.root.SlotPath("aa")))
			must(t, os.Mkdir(s.root.SlotPath("aa"), 0o755))
		}, true, false},
		"something new lies in it":     {func(t *testing.T, s *start) { must(t, os.WriteFile(s.root.SlotPath("aa")+"/x", nil, 0o644)) }, true, false},
		"a variable is set":            {func(_ *testing.T, s *start) { s.variables["FLAVOR_DEV"] = "" }, false, false},
		"a variable is another":        {func(_ *testing.T, s *start) { s.variables["TERM"] = "y" }, false, false},
		"a variable is gone":           {func(_ *testing.T, s *start) { delete(s.variables, "TERM") }, false, false},
		"others may write it":          {func(t *testing.T, s *start) { must(t, os.Chmod(s.root.Path+"/v1/receipts/"+s.pack.Name(false), 0o602)) }, false, false},
		"what a word names is there":   {func(t *testing.T, s *start) { must(t, os.WriteFile(s.fresh.Plan.Workenv+"/not-there-yet", nil, 0o644)) }, false, true},
		"the store lies elsewhere now": {func(t *testing.T, s *start) { moveStore(t, s) }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStart(t)
			s.write(t)
			test.change(t, s)
			answer := Find(s.root, s.question)
			if (answer.Receipt != nil) != test.valid || answer.Doubted != test.doubted {
				t.Errorf("got %+v", answer)
			}
			if answer.Receipt != nil {
				answer.Receipt.Hold.End()
			} else if use.Held(s.root, environment) {
				t.Error("the environment is still held")
			}
		})
	}
}

// moveStore lets the store lie at another path than its receipts say.
func moveStore(t *testing.T, s *start) {
	t.Helper()
	must(t, os.Rename(s.root.Path, s.root.Path+"-moved"))
	moved, err := place.Open(s.root.Path + "-moved")
	must(t, err)
	s.root.Close()
	s.root = moved
}

func TestAReceiptOfAnotherBootHoldsOnlyIfItIsDurable(t *testing.T) {
	s := newStart(t)
	s.fresh.Boot = record.Boot{1}
	s.write(t)
	if Find(s.root, s.question).Receipt != nil {
		t.Error("another boot is taken")
	}
	s.fresh.Boot = record.Durable
	s.write(t)
	if answer := Find(s.root, s.question); answer.Receipt == nil {
		t.Error(answer.Reason)
	}
}

func TestS20NoReceiptVouchesForWhatMayStillChangeUnnoticed(t *testing.T) {
	for name, change := range map[string]func(s *start){
		"a package younger than two seconds": func(s *start) {
			s.fresh.Opened = time.Unix(s.pack.Stat.CtimeSeconds, int64(s.pack.Stat.CtimeNanoseconds)).Add(1999 * time.Millisecond)
		},
		"a package from the future":          func(s *start) { s.pack.Stat.MtimeSeconds = s.fresh.Opened.Unix() + 1 },
		"a file system without honest times": func(s *start) { s.fresh.ReliableTimes = false },
		"a trust file that is not settled":   func(s *start) { s.fresh.Sources[1].Unsettled = true },
		"a receipt of more than 64 KiB":      func(s *start) { s.fresh.Plan.Package = strings.Repeat("n", MaxSize) },
		"a slot that is not there any more":  func(s *start) { s.fresh.Roots = []string{"/nowhere/at/all"} },
		"a folder for receipts that is gone": func(s *start) { _ = os.Remove(s.root.Path + "/v1/receipts") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStart(t)
			change(s)
			if Write(s.root, s.staging, s.fresh) == "" {
				t.Error("a receipt was written")
			}
			if names, _ := os.ReadDir(s.root.Path + "/v1/receipts"); len(names) != 0 {
				t.Errorf("something was left: %v", names)
			}
		})
	}
}

func TestTheStampIsRenewedOnceADay(t *testing.T) {
	s := newStart(t)
	path := s.write(t)
	for _, test := range []struct {
		age     time.Duration
		renewed bool
	}{{25 * time.Hour, true}, {23 * time.Hour, false}} {
		old := s.question.Now.Add(-test.age)
		must(t, os.Chtimes(path, old, old))
		answer := Find(s.root, s.question)
		if answer.Receipt == nil {
			t.Fatal(answer.Reason)
		}
		answer.Receipt.Stamp(s.question.Now)
		answer.Receipt.Hold.End()
		info, err := os.Stat(path)
		must(t, err)
		if renewed := info.ModTime().Sub(old) > time.Hour; renewed != test.renewed {
			t.Errorf("age %v: renewed %v", test.age, renewed)
		}
	}
}

func TestNotesNameTheEnvironmentAndThePackage(t *testing.T) {
	s := newStart(t)
	must(t, os.WriteFile(s.path, append(bytes.Repeat([]byte("p"), 1800), s.pack.Trailer[:]...), 0o755))
	s.write(t)
	must(t, os.WriteFile(s.root.Path+"/v1/receipts/garbage", []byte("garbage"), 0o600))
	notes, err := Notes(s.root)
	must(t, err)
	if len(notes) != 1 || notes[0].Environment != environment || notes[0].PackagePath != s.path || !slices.Equal(notes[0].Slots, []string{"aa"}) {
		t.Fatalf("got %+v", notes)
	}
	if !notes[0].PackageIsThere() {
		t.Error("the package is there")
	}
	must(t, os.WriteFile(s.path, bytes.Repeat([]byte("q"), 10000), 0o755))
	if notes[0].PackageIsThere() {
		t.Error("another file is taken for the package")
	}
}

func TestNamesOfReceiptsFollowFileOrPath(t *testing.T) {
	pack := &Package{Path: "/opt/demo", Stat: folder.Stat{Identity: folder.Identity{Device: 2049, Inode: 77}}, Trailer: new([layout.TrailerSize]byte)}
	copy(pack.Trailer[4+128:], "\x01\x23\x45\x67\x89\xab\xcd\xef\xff")
	if got := pack.Name(false); got != "0123456789abcdef-2049-77" {
		t.Error(got)
	}
	if got := pack.Name(true); !strings.HasPrefix(got, "0123456789abcdef-path-") || len(got) != len("0123456789abcdef-path-")+16 {
		t.Error(got)
	}
}

func TestS20WhatTheUserCouldReplaceIsNotOutOfReach(t *testing.T) {
	s := newStart(t)
	if s.pack.OutOfReach() {
		t.Error("a file of one's own is out of reach")
	}
	relative := *s.pack
	relative.Path = "demo"
	if relative.OutOfReach() {
		t.Error("a relative path is out of reach")
	}
}
