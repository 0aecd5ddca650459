package tool

import (
	"strconv"

	"flavorpack-native/launchers/go/internal/tell"
)

// object writes one JSON object of LAUNCH.md 8.3, key by key.
type object struct {
	text  []byte
	began bool
}

// record begins the object of a line.
func record(kind string) *object {
	o := (&object{text: []byte{'{'}}).string("type", kind)
	return o.number("schema", 1)
}

func (o *object) key(name string) {
	if o.began {
		o.text = append(o.text, ',')
	}
	o.began = true
	o.text = tell.AppendJSON(o.text, name)
	o.text = append(o.text, ':')
}

func (o *object) string(name, value string) *object {
	o.key(name)
	o.text = tell.AppendJSON(o.text, value)
	return o
}

func (o *object) number(name string, value int64) *object {
	o.key(name)
	o.text = strconv.AppendInt(o.text, value, 10)
	return o
}

func (o *object) truth(name string, value bool) *object {
	o.key(name)
	o.text = strconv.AppendBool(o.text, value)
	return o
}

func (o *object) strings(name string, values []string) *object {
	o.key(name)
	o.text = append(o.text, '[')
	for n, value := range values {
		if n > 0 {
			o.text = append(o.text, ',')
		}
		o.text = tell.AppendJSON(o.text, value)
	}
	o.text = append(o.text, ']')
	return o
}

func (o *object) objects(name string, values []*object) *object {
	o.key(name)
	o.text = append(o.text, '[')
	for n, value := range values {
		if n > 0 {
			o.text = append(o.text, ',')
		}
		o.text = append(o.text, value.end()...)
	}
	o.text = append(o.text, ']')
	return o
}

func (o *object) nested(name string, value *object) *object {
	o.key(name)
	o.text = append(o.text, value.end()...)
	return o
}

func part() *object { return &object{text: []byte{'{'}} }

func (o *object) end() []byte { return append(o.text, '}') }

// print writes an object on a line of its own.
func (s *session) print(o *object) error { return s.write(append(o.end(), '\n')) }

// say writes a line for people, escaped.
func (s *session) say(line string) error {
	return s.write(append(tell.AppendEscaped(nil, line), '\n'))
}
