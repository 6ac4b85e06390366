package binary

import (
	"fmt"
	"strings"
)

// Error says what is wrong with the input and where.
type Error struct {
	// Offset is the place in the input, in bytes.
	Offset int
	// Path finds the definition: "component 0: core instance 3". It is empty
	// for an error about the input as a whole.
	Path string
	// Msg is the fault, with the names and types involved.
	Msg string
	// Feature names what the input needs and this host does not have, such as
	// "component values" or "memory64"; "" when the input is simply wrong.
	Feature string
}

// Error prints path, message and offset.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%s (at offset %#x)", e.Msg, e.Offset)
	}
	return fmt.Sprintf("%s: %s (at offset %#x)", e.Path, e.Msg, e.Offset)
}

// missingFeature is an error that Error.Feature is taken from.
type missingFeature struct{ feature, what string }

func (m *missingFeature) Error() string { return m.what + " is not supported (" + m.feature + ")" }

// step is one level of a path: a label and, where it is not negative, an index.
type step struct {
	label string
	index int
}

// path is the way from the outermost component to what is being looked at.
type path []step

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteString(": ")
		}
		b.WriteString(s.label)
		if s.index >= 0 {
			fmt.Fprintf(&b, " %d", s.index)
		}
	}
	return b.String()
}

// an is a sort with its article.
func an(s Sort) string {
	if s == SortInstance {
		return "an instance"
	}
	return "a " + s.String()
}

// quote prints a name from the input, cut to a length that suits a message.
func quote(name string) string {
	const longest = 100
	if len(name) > longest {
		return fmt.Sprintf("%q…", name[:longest])
	}
	return fmt.Sprintf("%q", name)
}
