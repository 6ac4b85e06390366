package wasihttp

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// field is one name and value, the name as it was given.
type field struct {
	name  string
	value []byte
}

// pairCost is what a pair counts beyond its bytes, as in HTTP/2's header lists.
const pairCost = 32

func (f field) size() int { return len(f.name) + len(f.value) + pairCost }

// fields is what is behind a fields resource. Entries of an immutable one may
// be shared with others.
type fields struct {
	entries   []field
	immutable bool
	size      int     // what counts against max and budget
	max       int     // bound of size
	budget    *budget // nil for what the host made
}

// budget is what one instance may hold in all of its fields.
type budget struct{ left int }

type budgetKey struct{}

func (h *HTTP) budgetOf(call *wit.Call) *budget {
	fresh := func() *budget { return &budget{h.config.InstanceHeaderBytes} }
	if i := capabilities.From(call); i != nil {
		return capabilities.State(i, budgetKey{}, fresh)
	}
	return fresh()
}

func (h *HTTP) newFields(call *wit.Call) *fields {
	return &fields{max: h.config.HeaderBytes, budget: h.budgetOf(call)}
}

// view is what a message hands out of its own fields.
func (f *fields) view() *fields { return &fields{entries: f.entries, immutable: true} }

// Drop implements wit.Dropper: the budget gets back what was held.
func (f *fields) Drop() {
	f.entries = nil
	f.resize(-f.size)
}

// resize accounts for delta more bytes; false when they are too many.
func (f *fields) resize(delta int) bool {
	if f.budget == nil {
		return true
	}
	if delta > 0 && (delta > f.max-f.size || delta > f.budget.left) {
		return false
	}
	f.size += delta
	f.budget.left -= delta
	return true
}

// headerError is a case of header-error.
type headerError uint32

const (
	invalidSyntax headerError = iota
	forbiddenField
	immutableFields
	noError headerError = 1 << 16
)

// checkName says what is wrong with changing the fields of this name.
func (f *fields) checkName(name string) headerError {
	switch {
	case f.immutable:
		return immutableFields
	case !isToken(name):
		return invalidSyntax
	case isForbidden(strings.ToLower(name)):
		return forbiddenField
	}
	return noError
}

// add appends a pair, copied. Fields that get too large are refused as forbidden:
// the interface has no better error.
func (f *fields) add(name string, value []byte) headerError {
	if e := f.checkName(name); e != noError {
		return e
	}
	if !isFieldValue(value) {
		return invalidSyntax
	}
	if !f.resize(len(name) + len(value) + pairCost) {
		return forbiddenField
	}
	f.entries = append(f.entries, field{strings.Clone(name), bytes.Clone(value)})
	return noError
}

// set replaces all values of a name. It changes nothing when one is wrong.
func (f *fields) set(name string, values []wit.Value) headerError {
	if e := f.checkName(name); e != noError {
		return e
	}
	kept, keptSize := len(f.entries), f.size
	for _, v := range values {
		if e := f.add(name, v.Bytes()); e != noError {
			f.entries = f.entries[:kept]
			f.resize(keptSize - f.size)
			return e
		}
	}
	added := slices.Clone(f.entries[kept:])
	f.entries = f.entries[:kept]
	f.remove(name)
	f.entries = append(f.entries, added...)
	return noError
}

func (f *fields) remove(name string) {
	f.entries = slices.DeleteFunc(f.entries, func(e field) bool {
		same := strings.EqualFold(e.name, name)
		if same {
			f.resize(-e.size())
		}
		return same
	})
}

func (f *fields) has(name string) bool {
	return slices.ContainsFunc(f.entries, func(e field) bool { return strings.EqualFold(e.name, name) })
}

// fromHeader is what a peer sent, as guests see it: names in lower case and in
// order, without what is about the connection.
func fromHeader(h http.Header) *fields {
	f := &fields{immutable: true, entries: make([]field, 0, len(h))}
	nominated := nominatedBy(h["Connection"])
	for name, values := range h {
		lower := strings.ToLower(name)
		if !isToken(name) || isForbidden(lower) || slices.Contains(nominated, lower) {
			continue
		}
		for _, v := range values {
			f.entries = append(f.entries, field{lower, []byte(v)})
		}
	}
	slices.SortStableFunc(f.entries, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return f
}

// nominatedBy are the names, in lower case, that belong to the connection
// because its Connection fields say so.
func nominatedBy(lines []string) (names []string) {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	return names
}

// addTo copies the fields into a header, each name after prefix.
func (f *fields) addTo(h http.Header, prefix string) {
	for _, e := range f.entries {
		key := prefix + http.CanonicalHeaderKey(e.name)
		h[key] = append(h[key], string(e.value))
	}
}
