package kv

import "testing"

// FuzzCursor checks that a guest can only hand in what it was given.
func FuzzCursor(f *testing.F) {
	c, err := newCursors()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add("AAAA")
	f.Add(c.seal("another", "key"))
	f.Fuzz(func(t *testing.T, s string) {
		if cursor, err := c.open("scope", s); err == nil {
			t.Errorf("made up %q, which opens as %q", s, cursor)
		}
		sealed := c.seal("scope", s)
		if got, err := c.open("scope", sealed); len(sealed) <= maxCursor && (err != nil || got != s) {
			t.Errorf("sealed %q opens as %q: %v", s, got, err)
		}
	})
}
