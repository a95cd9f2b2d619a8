package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

const maxBody = 64 << 10

// read reads the body.
func (c *call) read() (err error) {
	c.body, err = io.ReadAll(http.MaxBytesReader(nil, c.r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &badRequest{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	}
	if err != nil {
		return &badRequest{http.StatusBadRequest, "the body could not be read"}
	}
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); len(c.body) > 0 && kind != "application/json" {
		return &badRequest{http.StatusUnsupportedMediaType, "the body must be application/json"}
	}
	return nil
}

// decode reads the body into v, a pointer to a struct or a map. Members that v does not know are an error, so
// that a misspelt one is not ignored.
func (c *call) decode(v any) error { return decode(c.body, v) }

func decode(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("there is more than one value, or a bracket too many")
		}
	}
	if err == nil {
		err = checkMembers(body, v)
	}
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "json: ")
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			why = strings.TrimPrefix(wrong.Field+": got "+wrong.Value, ": ")
		} else if errors.Is(err, io.EOF) {
			why = "it is empty"
		}
		return &badRequest{http.StatusBadRequest, "the body is not the JSON that is wanted: " + why}
	}
	return nil
}

// decodeIfAny is decode for a body that may be left out.
func (c *call) decodeIfAny(v any) error {
	if len(c.body) == 0 {
		return nil
	}
	return c.decode(v)
}

// checkMembers refuses what package json is too kind to: a member in another letter case than that of v, and one
// that is there twice. The body is good for v in all else.
func checkMembers(body []byte, v any) error {
	known, seen := memberNames(v), make(map[string]bool)
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return errors.New("got null, wanted an object")
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name := t.(string)
		switch {
		case seen[name]:
			return fmt.Errorf("member %q is there twice", name)
		case known != nil && !slices.Contains(known, name):
			return fmt.Errorf("unknown member %q; letter case counts", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// memberNames are those of the members of a pointer to a struct; nil if it is of a map, which has any.
func memberNames(v any) (names []string) {
	t := reflect.TypeOf(v).Elem()
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
