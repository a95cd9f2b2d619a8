package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// faults collects what is wrong with a document, each with the path of the member, so that a reader
// mends all of it in one round.
type faults []error

func (f *faults) add(path, format string, args ...any) {
	*f = append(*f, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

func (f faults) err() error { return errors.Join(f...) }

// object is a JSON object that is read member by member. Package encoding/json alone stops at the first
// fault, accepts a member twice, and ignores the case of its name.
type object struct {
	path    string // ends in "." unless it is the document itself
	members map[string]json.RawMessage
	names   []string // in the document's order
	read    []string
	faults  *faults
}

// newObject reads raw, which is valid JSON. If it is not an object, that is a fault and ok is false.
func newObject(f *faults, path string, raw json.RawMessage) (o *object, ok bool) {
	if kind(raw) != "an object" {
		if path == "" {
			path = "the document"
		}
		f.add(path, "got %s, wanted an object", kind(raw))
		return nil, false
	}
	if path != "" {
		path += "."
	}
	o = &object{path: path, members: make(map[string]json.RawMessage), faults: f}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.Token() // the brace; raw is valid, so no step below can fail
	for dec.More() {
		t, _ := dec.Token()
		name, _ := t.(string)
		var value json.RawMessage
		dec.Decode(&value)
		if _, ok := o.members[name]; ok {
			f.add(o.path+name, "member is there twice")
			continue
		}
		o.members[name] = value
		o.names = append(o.names, name)
	}
	return o, true
}

// take returns the member and marks it as known; nil if it is absent.
func (o *object) take(name string) json.RawMessage {
	o.read = append(o.read, name)
	return o.members[name]
}

// done reports the members that nothing took.
func (o *object) done() {
	for _, name := range o.names {
		if !slices.Contains(o.read, name) {
			o.faults.add(o.path+name, "unknown member")
		}
	}
}

// str returns a string; "" if the member is absent.
func (o *object) str(name string) (s string) {
	o.scalar(name, "a string", &s)
	return s
}

// boolean returns a boolean, absent if the member is.
func (o *object) boolean(name string, absent bool) bool {
	o.scalar(name, "a boolean", &absent)
	return absent
}

func (o *object) scalar(name, want string, v any) {
	raw := o.take(name)
	if raw == nil {
		return
	}
	if got := kind(raw); got != want {
		o.faults.add(o.path+name, "got %s, wanted %s", got, want)
		return
	}
	json.Unmarshal(raw, v) // of the kind that v is
}

// duration returns a duration written as Go does, such as "1h30m", and whether the member is there.
func (o *object) duration(name string) (time.Duration, bool) {
	before := len(*o.faults)
	s := o.str(name)
	if o.members[name] == nil || len(*o.faults) > before {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		o.faults.add(o.path+name, "got %q, wanted a duration such as \"10s\" or \"1h\"", s)
		return 0, false
	}
	return d, true
}

// list calls f with each element of an array and its path. An absent member is an empty array.
func (o *object) list(name string, f func(path string, raw json.RawMessage)) {
	raw := o.take(name)
	if raw == nil {
		return
	}
	if got := kind(raw); got != "an array" {
		o.faults.add(o.path+name, "got %s, wanted an array", got)
		return
	}
	var elements []json.RawMessage
	json.Unmarshal(raw, &elements)
	for i, e := range elements {
		f(fmt.Sprintf("%s%s[%d]", o.path, name, i), e)
	}
}

// strs returns an array of strings; nil if the member is absent.
func (o *object) strs(name string) []string {
	var all []string
	o.list(name, func(path string, raw json.RawMessage) {
		if got := kind(raw); got != "a string" {
			o.faults.add(path, "got %s, wanted a string", got)
			return
		}
		var s string
		json.Unmarshal(raw, &s)
		all = append(all, s)
	})
	return all
}

// kind names the kind of a JSON value.
func kind(raw json.RawMessage) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
