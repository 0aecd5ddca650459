package trust

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/code"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var signer = func() *[32]byte {
	seed := sha256.Sum256([]byte("a seed that is nowhere else"))
	return (*[32]byte)(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
}()

func fingerprintHex(key *[32]byte) string {
	digest := sha256.Sum256(key[:])
	return hex.EncodeToString(digest[:])
}

// machine is a folder with a system file and a user's file; "" stands for none.
type machine struct{ system, folder string }

func newMachine(t *testing.T, system, user string) *machine {
	t.Helper()
	folder := t.TempDir()
	m := &machine{system: filepath.Join(folder, "etc", "trust.json"), folder: filepath.Join(folder, "config")}
	for path, text := range map[string]string{m.system: system, filepath.Join(m.folder, "trust.json"): user} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

func (m *machine) lookup(name string) (string, bool) {
	if name == "FLAVOR_CONFIG_DIR" {
		return m.folder, true
	}
	return "", false
}

func (m *machine) decide(t *testing.T, name string, key *[32]byte) (*Decision, error) {
	t.Helper()
	files, err := read(m.system, m.lookup, now)
	if err != nil {
		return nil, err
	}
	return files.Decide(name, key, now)
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root owns a system file")
	}
}

func TestPackagesPassAsTheTrustFilesSay(t *testing.T) {
	needsRoot(t)
	print, other := fingerprintHex(signer), strings.Repeat("ab", 32)
	pinned := `{"name": "release key", "fingerprint": "` + print + `"`
	pem := "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA" + base64Of(signer) + "\\n-----END PUBLIC KEY-----\\n"
	require := func(pins string) string { return `{"schema": 1, "mode": "require", "keys": [` + pins + `]}` }
	for name, test := range map[string]struct {
		system, user string
		code         code.Code
		contains     string
	}{
		"without trust files every package passes":                         {},
		"integrity lets everybody pass":                                    {user: `{"schema": 1, "mode": "integrity", "keys": [` + pinned + `, "packages": ["x"]}]}`},
		"require refuses who is not pinned":                                {user: require(""), code: code.TrustSigner, contains: print},
		"require names pins of other keys":                                 {user: require(`{"name": "k", "fingerprint": "` + other + `"}`), code: code.TrustSigner, contains: other},
		"require lets a pinned fingerprint pass":                           {user: require(pinned + "}")},
		"a pin may give the raw public key":                                {user: require(`{"name": "k", "public_key": "` + hex.EncodeToString(signer[:]) + `"}`)},
		"a pin may give the public key as PEM":                             {user: require(`{"name": "k", "public_key": "` + pem + `"}`)},
		"a pattern covers the whole folded name":                           {user: require(pinned + `, "packages": ["my-*p"]}`)},
		"a pin for other packages does not count, and the message says so": {user: require(pinned + `, "packages": ["other"]}`), code: code.TrustSigner, contains: "is for other packages: other"},
		"a pin of a part of the name does not count":                       {user: require(pinned + `, "packages": ["my-ap"]}`), code: code.TrustSigner},
		"an expired pin does not count":                                    {user: require(pinned + `, "expires": "2026-03-01T12:00:00Z"}`), code: code.TrustSigner, contains: "expired on 2026-03-01T12:00:00Z"},
		"a pin counts up to the second before it expires":                  {user: require(pinned + `, "expires": "2026-03-01T12:00:01Z"}`)},
		"s2: the strictest of both files wins":                             {system: require(pinned + "}"), user: `{"schema": 1}`},
		"s2: user keys do not count under a system require":                {system: require(""), user: require(pinned + "}"), code: code.TrustSigner, contains: "does not admit the user's keys"},
		"user keys count if the system file says so":                       {system: `{"schema": 1, "mode": "require", "user_keys": true}`, user: `{"schema": 1, "keys": [` + pinned + `}]}`},
		"pins of both files count if only the user requires":               {system: `{"schema": 1, "keys": [` + pinned + `}]}`, user: require("")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newMachine(t, test.system, test.user).decide(t, "My_App", signer)
			if code.Of(err) != test.code {
				t.Fatalf("got %v (%v), expected %q", code.Of(err), err, test.code)
			}
			if err != nil && !strings.Contains(err.Error(), test.contains) {
				t.Fatalf("the message lacks %q: %v", test.contains, err)
			}
		})
	}
}

func TestFilesOutsideTheirFormRefuseEveryPackage(t *testing.T) {
	print := fingerprintHex(signer)
	for name, text := range map[string]string{
		"no JSON":                         `{`,
		"another schema":                  `{"schema": 2}`,
		"no schema":                       `{}`,
		"an unknown key":                  `{"schema": 1, "policy": {}}`,
		"a mode of a later version":       `{"schema": 1, "mode": "tofu"}`,
		"null":                            `{"schema": 1, "mode": null}`,
		"user_keys in the user's file":    `{"schema": 1, "user_keys": true}`,
		"a pin without a name":            `{"schema": 1, "keys": [{"fingerprint": "` + print + `"}]}`,
		"a pin with an empty name":        `{"schema": 1, "keys": [{"name": "", "fingerprint": "` + print + `"}]}`,
		"a pin without a key":             `{"schema": 1, "keys": [{"name": "k"}]}`,
		"a pin with both":                 `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "public_key": "` + print + `"}]}`,
		"upper-case digits":               `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + strings.ToUpper(print) + `"}]}`,
		"another PEM":                     `{"schema": 1, "keys": [{"name": "k", "public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}]}`,
		"no patterns":                     `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "packages": []}]}`,
		"a pattern of other letters":      `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "packages": ["A?"]}]}`,
		"a pattern that is no text":       `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "packages": [1]}]}`,
		"a date that does not exist":      `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "expires": "2026-02-29"}]}`,
		"an hour that does not exist":     `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "expires": "2026-02-28T24:00:00Z"}]}`,
		"a date with a zone":              `{"schema": 1, "keys": [{"name": "k", "fingerprint": "` + print + `", "expires": "2026-02-28T23:00:00+01:00"}]}`,
		"keys that are no array":          `{"schema": 1, "keys": {}}`,
		"a pin that is no object":         `{"schema": 1, "keys": ["k"]}`,
		"a key twice":                     `{"schema": 1, "schema": 1}`,
		"a key that only folds to known":  `{"schema": 1, "Mode": "require"}`,
		"something behind the document":   `{"schema": 1} {}`,
		"a truth value that is no schema": `{"schema": true}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newMachine(t, "", text).decide(t, "app", signer); code.Of(err) != code.TrustFile {
				t.Fatalf("got %v, expected %v", err, code.TrustFile)
			}
		})
	}
}

func TestFilesThatCannotBeBelievedRefuse(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, path string){
		"others may write the file":        func(t *testing.T, path string) { do(t, os.Chmod(path, 0o666)) },
		"others may write its folder":      func(t *testing.T, path string) { do(t, os.Chmod(filepath.Dir(path), 0o777)) },
		"a folder stands there":            func(t *testing.T, path string) { do(t, os.Remove(path)); do(t, os.Mkdir(path, 0o755)) },
		"a link leads nowhere":             func(t *testing.T, path string) { do(t, os.Remove(path)); do(t, os.Symlink("gone", path)) },
		"it is longer than 1 MiB":          func(t *testing.T, path string) { do(t, os.Truncate(path, 1<<20+1)) },
		"it belongs to somebody else":      func(t *testing.T, path string) { needsRoot(t); do(t, os.Chown(path, 65534, 65534)) },
		"its folder is somebody else's":    func(t *testing.T, path string) { needsRoot(t); do(t, os.Chown(filepath.Dir(path), 65534, 65534)) },
		"a link to it is somebody else's":  func(t *testing.T, path string) { needsRoot(t); foreignLink(t, path) },
		"a link that leads round in rings": func(t *testing.T, path string) { do(t, os.Remove(path)); do(t, os.Symlink("trust.json", path)) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, "", `{"schema": 1}`)
			prepare(t, filepath.Join(m.folder, "trust.json"))
			if _, err := m.decide(t, "app", signer); code.Of(err) != code.TrustFile {
				t.Fatalf("got %v, expected %v", err, code.TrustFile)
			}
		})
	}
}

func foreignLink(t *testing.T, path string) {
	t.Helper()
	do(t, os.Rename(path, path+".real"))
	do(t, os.Symlink(path+".real", path))
	do(t, os.Lchown(path, 65534, 65534))
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLinksOfTheUserAreFollowed(t *testing.T) {
	m := newMachine(t, "", `{"schema": 1, "mode": "require"}`)
	path := filepath.Join(m.folder, "trust.json")
	do(t, os.Rename(path, path+".real"))
	do(t, os.Symlink("trust.json.real", path))
	if _, err := m.decide(t, "app", signer); code.Of(err) != code.TrustSigner {
		t.Fatalf("got %v", err)
	}
}

func TestS7PubliclyKnownKeysAreRefusedUnderRequireAndNamedOtherwise(t *testing.T) {
	seeds := [][]byte{}
	for _, text := range []string{"test123", "example-seed", "flavorpack-native vectors: signer", "flavorpack-native vectors: other", "flavorpack-native vectors: foreign"} {
		seed := sha256.Sum256([]byte(text))
		seeds = append(seeds, seed[:])
	}
	// Secret keys of RFC 8032 §7.1.
	for _, text := range []string{
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
		"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	} {
		seed, err := hex.DecodeString(text)
		do(t, err)
		seeds = append(seeds, seed)
	}
	if len(seeds) != len(knownKeys) {
		t.Fatalf("%d seeds, %d keys", len(seeds), len(knownKeys))
	}
	for _, seed := range seeds {
		key := (*[32]byte)(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
		pin := `"keys": [{"name": "k", "fingerprint": "` + fingerprintHex(key) + `"}]}`
		if _, err := newMachine(t, "", `{"schema": 1, "mode": "require", `+pin).decide(t, "app", key); code.Of(err) != code.TrustPublicKey {
			t.Fatalf("%x: got %v", key, err)
		}
		decision, err := newMachine(t, "", "").decide(t, "app", key)
		if err != nil || !decision.PubliclyKnown {
			t.Fatalf("%x: got %v, %v", key, decision, err)
		}
	}
	if IsPubliclyKnown(signer) {
		t.Fatal("a key that nobody published is taken for a known one")
	}
}

func TestS3ASignatureOfNobodyPassesOnlyWhereNobodyIsRequired(t *testing.T) {
	if _, err := newMachine(t, "", "").decide(t, "app", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := newMachine(t, "", `{"schema": 1, "mode": "require"}`).decide(t, "app", nil); code.Of(err) != code.TrustSigner {
		t.Fatalf("got %v", err)
	}
}

func TestS20TheSourcesOfADecisionHaveTheirIdentities(t *testing.T) {
	m := newMachine(t, "", `{"schema": 1}`)
	path := filepath.Join(m.folder, "trust.json")
	for _, test := range []struct {
		age       time.Duration
		unsettled bool
	}{{time.Second, true}, {-time.Second, true}, {time.Hour, false}} {
		// The change time is that of the call, so the clock is moved instead.
		info, err := os.Stat(path)
		do(t, err)
		files, err := read(m.system, m.lookup, info.ModTime().Add(test.age))
		do(t, err)
		sources := files.Sources()
		if len(sources) != 2 || sources[0].Present || sources[0].Path != m.system || !sources[1].Present || sources[1].Path != path {
			t.Fatalf("got %+v", sources)
		}
		if sources[1].Identity.Size != uint64(info.Size()) || sources[1].Unsettled != test.unsettled {
			t.Fatalf("age %v: got %+v", test.age, sources[1])
		}
	}
}

func TestTheEarliestExpiryOfThePinsThatCountedIsKept(t *testing.T) {
	pin := func(expires string) string {
		return `{"name": "k", "fingerprint": "` + fingerprintHex(signer) + `", "expires": "` + expires + `"}`
	}
	decision, err := newMachine(t, "", `{"schema": 1, "mode": "require", "keys": [`+
		pin("2030-01-01")+","+pin("2027-01-01T00:00:01Z")+","+pin("2020-01-01")+`]}`).decide(t, "app", signer)
	do(t, err)
	if want := time.Date(2027, 1, 1, 0, 0, 1, 0, time.UTC).Unix(); decision.Expiry != want || len(decision.Pins) != 2 {
		t.Fatalf("got %+v, expected %d", decision, want)
	}
}

func TestThePathsOfTheUserFollowTheVariables(t *testing.T) {
	home := t.TempDir()
	for name, test := range map[string]struct {
		variables map[string]string
		want      []string
	}{
		"none":                            {map[string]string{}, []string{"/s"}},
		"relative ones give nothing":      {map[string]string{"FLAVOR_CONFIG_DIR": "x", "XDG_CONFIG_HOME": "", "HOME": "y"}, []string{"/s"}},
		"home":                            {map[string]string{"HOME": home}, []string{"/s", home + "/.config/flavor/trust.json"}},
		"XDG before home":                 {map[string]string{"HOME": home, "XDG_CONFIG_HOME": home}, []string{"/s", home + "/flavor/trust.json"}},
		"FLAVOR_CONFIG_DIR before others": {map[string]string{"FLAVOR_CONFIG_DIR": "/c", "HOME": home}, []string{"/s", "/c/trust.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := paths("/s", func(name string) (string, bool) { value, set := test.variables[name]; return value, set })
			if strings.Join(got, " ") != strings.Join(test.want, " ") {
				t.Fatalf("got %v, expected %v", got, test.want)
			}
		})
	}
	if got := paths("/c/trust.json", func(string) (string, bool) { return "/c", true }); len(got) != 1 {
		t.Fatalf("the system's file is named twice: %v", got)
	}
}

func TestNamesThatAreNoneAreMetOnlyByTheStar(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"a-b", "A.._b", true}, {"a-b", "a-b-", false}, {"*", "ä", true}, {"**", "ä", false}, {"*", strings.Repeat("a", 65), true},
		{"a*", strings.Repeat("a", 65), false}, {"a*", strings.Repeat("a", 64), true}, {"*b", "ab", true}, {"*b*", "ac", false},
	} {
		pin := &pin{packages: []string{test.pattern}}
		if pin.covers(test.name) != test.want {
			t.Errorf("%q covers %q: expected %v", test.pattern, test.name, test.want)
		}
	}
}

func base64Of(key *[32]byte) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var text strings.Builder
	for at := 0; at < len(key); at += 3 {
		var three [3]byte
		n := copy(three[:], key[at:])
		bits := uint32(three[0])<<16 | uint32(three[1])<<8 | uint32(three[2])
		for digit := range 4 {
			if digit <= n {
				text.WriteByte(letters[bits>>(18-6*digit)&63])
			} else {
				text.WriteByte('=')
			}
		}
	}
	return text.String()
}
