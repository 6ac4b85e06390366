package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Version is the version of the entries' schema that this package writes.
const Version = 1

// Entry is one line of the ledger. Its form there is JSON without white space and with its members in the order of their
// names (RFC 8785), so that the same entry always has the same bytes. Empty members are left out.
type Entry struct {
	Version int       `json:"v"`
	Run     string    `json:"run"` // of the host's process, from start to stop
	Seq     uint64    `json:"seq"` // of the entry in its run, from 0 and without gaps
	Time    time.Time `json:"time"`
	Kind    Kind      `json:"kind"`

	// Of a decision, and what it concerned; of a change, what it is about.
	App        string `json:"app"`
	Component  string `json:"component"`
	Capability string `json:"capability"`
	Operation  string `json:"operation"`
	Resource   string `json:"resource"` // of a denial redacted, of allows the resource class
	Grant      string `json:"grant"`    // id of the grant or denial
	Verdict    string `json:"verdict"`  // Allow or Deny
	Reason     string `json:"reason"`
	Count      uint64 `json:"count"`    // decisions that this entry stands for
	Revision   uint64 `json:"revision"` // of grants and policy, counted in the run
	Nanos      uint64 `json:"nanos"`    // that the condition's evaluation took

	Event   string            `json:"event"`   // of a change
	Name    string            `json:"name"`    // of a provider, or the host's version
	Digest  string            `json:"digest"`  // "sha256:…"
	Digests map[string]string `json:"digests"` // of the files of a policy, by name
	Text    string            `json:"text"`    // of a grant or denial, as in grants.json
	Origin  string            `json:"origin"`  // the line that it comes from
	Detail  string            `json:"detail"`  // what else there is to say, for a person
}

// Kind says what an entry tells of.
type Kind string

// The kinds of entries.
const (
	Decision  Kind = "decision"
	Host      Kind = "host"      // started, stopped
	Policy    Kind = "policy"    // loaded, refused
	Grant     Kind = "grant"     // added, removed
	Denial    Kind = "denial"    // added, removed
	Component Kind = "component" // loaded
	Provider  Kind = "provider"  // started, ended, failed, restarted, stopped
	Run       Kind = "run"       // ended, failed: of a job
	Log       Kind = "ledger"    // suspended, resumed
	Shadow    Kind = "shadow"    // loaded, refused, would-allow, would-deny, not-compared
)

// Verdicts of decisions.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Events of changes.
const (
	Started   = "started"
	Stopped   = "stopped"
	Ended     = "ended"
	Restarted = "restarted"
	Failed    = "failed"
	Loaded    = "loaded"
	Refused   = "refused"
	Added     = "added"
	Removed   = "removed"
	Suspended = "suspended"
	Resumed   = "resumed"
	// Of decisions that a second policy would have made otherwise, and of those that were not compared with it.
	WouldAllow  = "would-allow"
	WouldDeny   = "would-deny"
	NotCompared = "not-compared"
)

// maxEntry is the largest entry that the log's format holds, in bytes.
const maxEntry = 1<<16 - 1

// maxText bounds each text of an entry. What is longer is cut, and ends with cutMark.
const (
	maxText    = 20 << 10
	cutMark    = "… (cut)"
	maxDigests = 200
)

// Append adds the entry's form to b.
func (e *Entry) Append(b []byte) []byte {
	w := writer{b: append(b, '{')}
	w.text("app", e.App)
	w.text("capability", e.Capability)
	w.text("component", e.Component)
	w.number("count", e.Count)
	w.text("detail", e.Detail)
	w.text("digest", e.Digest)
	w.texts("digests", e.Digests)
	w.text("event", e.Event)
	w.text("grant", e.Grant)
	w.text("kind", string(e.Kind))
	w.text("name", e.Name)
	w.number("nanos", e.Nanos)
	w.text("operation", e.Operation)
	w.text("origin", e.Origin)
	w.text("reason", e.Reason)
	w.text("resource", e.Resource)
	w.number("revision", e.Revision)
	w.text("run", e.Run)
	w.name("seq")
	w.b = strconv.AppendUint(w.b, e.Seq, 10)
	w.text("text", e.Text)
	w.name("time")
	w.b = append(w.b, '"')
	w.b = e.Time.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
	w.number("v", uint64(e.Version))
	w.text("verdict", e.Verdict)
	return append(w.b, '}')
}

// fit shortens what would make the entry larger than the log can hold.
func (e *Entry) fit() {
	if len(e.Digests) > maxDigests {
		e.Digests = nil // Digest covers them all
	}
	for _, s := range []*string{&e.App, &e.Component, &e.Capability, &e.Operation, &e.Resource, &e.Grant, &e.Reason, &e.Name,
		&e.Text, &e.Origin, &e.Detail} {
		if len(*s) > maxText {
			*s = (*s)[:maxText] + cutMark
		}
	}
}

// bytes is the entry's form, at most maxEntry long.
func (e *Entry) bytes() []byte {
	e.fit()
	b := e.Append(make([]byte, 0, 384))
	for limit := maxText; len(b) > maxEntry; limit /= 2 {
		e.Digests = nil
		for _, s := range []*string{&e.Text, &e.Detail, &e.Resource, &e.Operation, &e.Origin, &e.Reason, &e.Grant, &e.Name,
			&e.App, &e.Component, &e.Capability} {
			if len(*s) > limit {
				*s = (*s)[:limit] + cutMark
			}
		}
		b = e.Append(b[:0])
	}
	return b
}

// writer writes an object's members, which the caller orders.
type writer struct{ b []byte }

func (w *writer) name(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.name(name)
		w.b = appendText(w.b, s)
	}
}

func (w *writer) number(name string, n uint64) {
	if n != 0 {
		w.name(name)
		w.b = strconv.AppendUint(w.b, n, 10)
	}
}

func (w *writer) texts(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.name(name)
	w.b = append(w.b, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(appendText(w.b, k), ':')
		w.b = appendText(w.b, m[k])
	}
	w.b = append(w.b, '}')
}

const hexDigits = "0123456789abcdef"

// appendText writes a string as RFC 8785 does. What is not UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		b = appendASCII(b, c)
		i++
	}
	return append(b, '"')
}

func appendASCII(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	if c < ' ' {
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, c)
}

// ParseEntry reads one line of the ledger. It refuses members and versions that it does not know, and any form but the one
// that Append writes.
func ParseEntry(line []byte) (Entry, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	var e Entry
	if err := d.Decode(&e); err != nil {
		return Entry{}, fmt.Errorf("decode entry: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Entry{}, fmt.Errorf("decode entry: something follows it")
	}
	if e.Version != Version {
		return Entry{}, fmt.Errorf("decode entry: its schema has version %d, and this program knows %d", e.Version, Version)
	}
	if !bytes.Equal(e.Append(nil), line) {
		return Entry{}, fmt.Errorf("decode entry: it is not in canonical form")
	}
	return e, nil
}
