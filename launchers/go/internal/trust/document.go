package trust

import (
	"strconv"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// document is what a trust file says (13.4).
type document struct {
	mode     Mode
	userKeys bool
	pins     []pin
}

// pin says that a key is believed.
type pin struct {
	name        string
	fingerprint [32]byte
	// packages are patterns; none stand for every package.
	packages []string
	// expires is the second from which the pin does not count, as it was written; expiry is 0 where there is none.
	expires string
	expiry  int64
}

// shape is made where it is needed: a variable would be filled in at every start.
func shape() *strictjson.Shape {
	pin := &strictjson.Shape{Closed: true, Keys: []strictjson.Key{
		{Name: "name", Shape: strictjson.Scalar},
		{Name: "fingerprint", Shape: strictjson.Scalar},
		{Name: "public_key", Shape: strictjson.Scalar},
		{Name: "packages", Shape: &strictjson.Shape{Elements: strictjson.Scalar}},
		{Name: "expires", Shape: strictjson.Scalar},
	}}
	return &strictjson.Shape{Closed: true, Keys: []strictjson.Key{
		{Name: "schema", Shape: strictjson.Scalar},
		{Name: "mode", Shape: strictjson.Scalar},
		{Name: "user_keys", Shape: strictjson.Scalar},
		{Name: "keys", Shape: &strictjson.Shape{Elements: pin}},
	}}
}

// refuse is the answer to a file that cannot be believed (S2).
func (s *source) refuse(reason string, cause error) error {
	message := "the trust file `" + s.Path + "` refuses every package: " + reason
	if cause != nil {
		return code.Wrap(code.TrustFile, message, cause)
	}
	return code.New(code.TrustFile, message)
}

// parse reads the file. What this version does not know refuses the whole file, never a part of it.
func (s *source) parse(text []byte) error {
	root, err := strictjson.Parse(text, shape())
	if err != nil {
		return s.refuse("it is not strict JSON of schema 1", err)
	}
	p := &parser{}
	schema := p.value(root, "schema", strictjson.Number)
	if schema == nil || schema.Number() != 1 {
		p.fail(root, "`schema` is not 1")
	}
	if mode := p.value(root, "mode", strictjson.String); mode != nil {
		switch mode.Text() {
		case "integrity":
		case "require":
			s.document.mode = Require
		default:
			p.fail(mode, "this version does not know the mode "+strconv.Quote(mode.Text()))
		}
	}
	if userKeys := p.value(root, "user_keys", strictjson.Bool); userKeys != nil {
		if !s.system {
			p.fail(userKeys, "`user_keys` stands in the system file only")
		}
		s.document.userKeys = userKeys.True()
	}
	if keys := p.value(root, "keys", strictjson.Array); keys != nil {
		elements := keys.Elements()
		for at := range elements {
			s.document.pins = append(s.document.pins, p.pin(&elements[at]))
		}
	}
	if p.reason != "" {
		return s.refuse(p.reason+" (byte "+strconv.FormatInt(p.offset, 10)+")", nil)
	}
	return nil
}

// parser keeps the first thing that is wrong.
type parser struct {
	reason string
	offset int64
}

func (p *parser) fail(v *strictjson.Value, reason string) {
	if p.reason == "" {
		p.reason, p.offset = reason, v.Offset()
	}
}

// value is that of a key, nil where there is none or it is of another kind.
func (p *parser) value(of *strictjson.Value, key string, kind strictjson.Kind) *strictjson.Value {
	found := of.Get(key)
	if found != nil && found.Kind() != kind {
		p.fail(found, "`"+key+"` is "+found.Kind().String()+", expected "+kind.String())
		return nil
	}
	return found
}

func (p *parser) pin(v *strictjson.Value) pin {
	var made pin
	if v.Kind() != strictjson.Object {
		p.fail(v, "a key is "+v.Kind().String()+", expected an object")
		return made
	}
	if name := p.value(v, "name", strictjson.String); name != nil && name.Text() != "" {
		made.name = name.Text()
	} else {
		p.fail(v, "a key has no `name`")
	}
	fingerprint, key := p.value(v, "fingerprint", strictjson.String), p.value(v, "public_key", strictjson.String)
	ok := false
	switch {
	case (fingerprint == nil) == (key == nil):
		p.fail(v, "a key needs one of `fingerprint` and `public_key`, and has both or none")
		return made
	case fingerprint != nil:
		if made.fingerprint, ok = hexDigest(fingerprint.Text()); !ok {
			p.fail(fingerprint, "`fingerprint` is not 64 lower-case hexadecimal digits")
		}
	default:
		if made.fingerprint, ok = fingerprintOf(key.Text()); !ok {
			p.fail(key, "`public_key` is neither 64 lower-case hexadecimal digits nor an Ed25519 key as SubjectPublicKeyInfo PEM")
		}
	}
	if packages := p.value(v, "packages", strictjson.Array); packages != nil {
		elements := packages.Elements()
		if len(elements) == 0 {
			p.fail(packages, "`packages` is empty")
		}
		for at := range elements {
			if !isPattern(elements[at].Text()) {
				p.fail(&elements[at], "a pattern of `packages` is not 1 to 64 of `a-z`, `0-9`, `-` and `*`")
			}
			made.packages = append(made.packages, elements[at].Text())
		}
	}
	if expires := p.value(v, "expires", strictjson.String); expires != nil {
		made.expires = expires.Text()
		if made.expiry, ok = second(made.expires); !ok {
			p.fail(expires, "`expires` is no date of the form `YYYY-MM-DDTHH:MM:SSZ` or `YYYY-MM-DD`")
		}
	}
	return made
}
