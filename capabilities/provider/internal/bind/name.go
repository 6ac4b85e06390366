package bind

import (
	"fmt"
	"reflect"
	"strings"
)

// goName is a kebab-case name as Go spells it: get-many is GetMany.
func goName(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		for _, word := range strings.Split(part, "-") {
			if word != "" {
				b.WriteString(strings.ToUpper(word[:1]) + word[1:])
			}
		}
	}
	return b.String()
}

// same reports whether a Go name is a WIT name's; upper and lower case do not
// matter, so that id can be ID.
func same(goSpelt, name string) bool { return strings.EqualFold(goSpelt, name) }

// method finds the method of one of several names.
func method(t reflect.Type, names ...string) (reflect.Method, bool) {
	for _, name := range names {
		for i := range t.NumMethod() {
			if m := t.Method(i); same(m.Name, name) {
				return m, true
			}
		}
	}
	return reflect.Method{}, false
}

// fieldsOf are the fields of a struct that take part, with their WIT names:
// those of the tag wit:"name", else as [goName] spells them.
func fieldsOf(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Tag.Get("wit") != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

// fieldFor finds the field of a WIT name.
func fieldFor(t reflect.Type, name string) (reflect.StructField, error) {
	for _, f := range fieldsOf(t) {
		if tag := f.Tag.Get("wit"); tag == name || tag == "" && same(f.Name, goName(name)) {
			return f, nil
		}
	}
	return reflect.StructField{}, fmt.Errorf("%s has no field %s (or one tagged `wit:%q`)", t, goName(name), name)
}

// onlyFields refuses a struct with fields that stand for nothing.
func onlyFields(t reflect.Type, n int) error {
	if have := len(fieldsOf(t)); have != n {
		return fmt.Errorf("%s has %d exported fields, and %d are wanted; one tagged `wit:\"-\"` does not count", t, have, n)
	}
	return nil
}
