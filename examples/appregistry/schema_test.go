package main

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// schemas checks values against the part of JSON Schema that the document uses. A keyword that it does not
// know is an error, so that none is believed to be checked.
type schemas struct {
	components map[string]map[string]map[string]any

	closed bool            // an object has no members that its schema does not name
	met    map[string]bool // properties that a value had, by [property]; nil: nobody asks
}

// property names a property of a schema.
func property(properties map[string]any, name string) string {
	return fmt.Sprintf("%p %s", properties, name)
}

// resolve follows a reference to a component.
func (s *schemas) resolve(m map[string]any) map[string]any {
	ref, _ := m["$ref"].(string)
	if ref == "" {
		return m
	}
	parts := strings.Split(ref, "/") // #, components, kind, name
	if len(parts) != 4 || s.components[parts[2]][parts[3]] == nil {
		return map[string]any{"missing component " + ref: true}
	}
	return s.components[parts[2]][parts[3]]
}

// faults returns what is wrong with v.
func (s *schemas) faults(path string, schema map[string]any, v any) (all []string) {
	schema = s.resolve(schema)
	fault := func(format string, args ...any) { all = append(all, path+": "+fmt.Sprintf(format, args...)) }
	for keyword, want := range schema {
		switch keyword {
		case "description", "default":
		case "type":
			kinds, isList := want.([]any)
			if !isList {
				kinds = []any{want}
			}
			if !slices.ContainsFunc(kinds, func(k any) bool { return isKind(v, k) }) {
				fault("got %T, wanted %v", v, kinds)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				fault("got %v, wanted one of %v", v, want)
			}
		case "format":
			text, _ := v.(string)
			if _, err := time.Parse(time.RFC3339Nano, text); want == "date-time" && err != nil {
				fault("got %q, wanted a date and time", text)
			}
			if _, err := time.Parse(time.DateOnly, text); want == "date" && err != nil {
				fault("got %q, wanted a date", text)
			}
			if u, err := url.Parse(text); want == "uri" && (err != nil || u.Scheme == "") {
				fault("got %q, wanted a URI", text)
			}
			if want == "uuid" && !uuid.MatchString(text) {
				fault("got %q, wanted a UUID", text)
			}
		case "required":
			members, _ := v.(map[string]any)
			for _, name := range want.([]any) {
				if _, ok := members[name.(string)]; !ok && members != nil {
					fault("has no %s", name)
				}
			}
		case "properties":
			known := want.(map[string]any)
			members, _ := v.(map[string]any)
			for name := range members {
				if known[name] == nil && s.closed && schema["additionalProperties"] == nil {
					fault("has %s, which nothing names", name)
				}
			}
			for name, of := range known {
				if member, ok := members[name]; ok {
					if s.met != nil {
						s.met[property(known, name)] = true
					}
					all = append(all, s.faults(path+"."+name, of.(map[string]any), member)...)
				}
			}
		case "additionalProperties":
			known, _ := schema["properties"].(map[string]any)
			members, _ := v.(map[string]any)
			for name, value := range members {
				switch of := want.(type) {
				case bool:
					if known[name] == nil && !of {
						fault("has %s, which nothing names", name)
					}
				case map[string]any:
					all = append(all, s.faults(path+"."+name, of, value)...)
				}
			}
		case "items":
			items, _ := v.([]any)
			for i, item := range items {
				all = append(all, s.faults(fmt.Sprintf("%s[%d]", path, i), want.(map[string]any), item)...)
			}
		case "oneOf":
			matching := 0
			for _, of := range want.([]any) {
				if s.faults(path, of.(map[string]any), v) == nil {
					matching++
				}
			}
			if matching != 1 {
				fault("matches %d of the alternatives", matching)
			}
		case "minLength", "maxLength":
			text, _ := v.(string)
			if n := float64(len(text)); keyword == "maxLength" && n > want.(float64) || keyword == "minLength" && n < want.(float64) {
				fault("has %v characters, %s is %v", n, keyword, want)
			}
		case "minimum", "maximum":
			n, _ := v.(float64)
			if keyword == "maximum" && n > want.(float64) || keyword == "minimum" && n < want.(float64) {
				fault("is %v, %s is %v", n, keyword, want)
			}
		case "maxItems":
			items, _ := v.([]any)
			if float64(len(items)) > want.(float64) {
				fault("has %d items, wanted at most %v", len(items), want)
			}
		default:
			fault("the schema has %q, which is not checked", keyword)
		}
	}
	return all
}

var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// isKind reports whether a JSON value is of the type.
func isKind(v, kind any) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == math.Trunc(v)
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}

// The checker finds what is wrong, or it would prove nothing.
func TestSchemas(t *testing.T) {
	t.Parallel()
	s := &schemas{components: map[string]map[string]map[string]any{"schemas": {"Name": {"type": "string", "maxLength": 3.0}}}, closed: true}
	object := func(more map[string]any) map[string]any {
		more["type"] = "object"
		return more
	}
	for _, test := range []struct {
		name   string
		schema map[string]any
		good   any
		bad    any
	}{
		{"type", map[string]any{"type": "integer"}, 1.0, 1.5},
		{"several types", map[string]any{"type": []any{"string", "null"}}, nil, true},
		{"reference", map[string]any{"$ref": "#/components/schemas/Name"}, "abc", "abcd"},
		{"enum", map[string]any{"enum": []any{"a"}}, "a", "b"},
		{"required", object(map[string]any{"required": []any{"a"}}), map[string]any{"a": nil}, map[string]any{}},
		{"properties", object(map[string]any{"properties": map[string]any{"a": map[string]any{"type": "string"}}}), map[string]any{"a": "x"}, map[string]any{"a": 1.0}},
		{"no more properties", object(map[string]any{"additionalProperties": false}), map[string]any{}, map[string]any{"a": 1.0}},
		{"other properties", object(map[string]any{"additionalProperties": map[string]any{"type": "string"}}), map[string]any{"a": "x"}, map[string]any{"a": 1.0}},
		{"members that nothing names", object(map[string]any{"properties": map[string]any{"a": map[string]any{}}}), map[string]any{"a": 1.0}, map[string]any{"b": 1.0}},
		{"items", map[string]any{"items": map[string]any{"type": "string"}}, []any{"x"}, []any{1.0}},
		{"oneOf", map[string]any{"oneOf": []any{map[string]any{"type": "string"}, map[string]any{"type": "null"}}}, nil, 1.0},
		{"date-time", map[string]any{"format": "date-time"}, "2026-01-31T10:00:00Z", "yesterday"},
		{"date", map[string]any{"format": "date"}, "2026-01-31", "2026-01-31T10:00:00Z"},
		{"uri", map[string]any{"format": "uri"}, "https://x.example", "x.example"},
		{"uuid", map[string]any{"format": "uuid"}, "0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f", "0190d7f2"},
		{"minLength", map[string]any{"minLength": 2.0}, "ab", "a"},
		{"minimum", map[string]any{"minimum": 1.0}, 1.0, 0.0},
		{"maxItems", map[string]any{"maxItems": 1.0}, []any{1.0}, []any{1.0, 2.0}},
		{"an unknown keyword", map[string]any{}, 1.0, nil},
	} {
		if f := s.faults("v", test.schema, test.good); f != nil {
			t.Errorf("%s: %v is found wrong: %q", test.name, test.good, f)
		}
		if test.name == "an unknown keyword" {
			test.schema = map[string]any{"pattern": "x"}
		}
		if s.faults("v", test.schema, test.bad) == nil {
			t.Errorf("%s: nothing is found wrong with %v", test.name, test.bad)
		}
	}
}
