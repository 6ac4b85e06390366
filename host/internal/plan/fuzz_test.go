package plan

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// FuzzFlatten plans whatever can be decoded, valid or not. A plan keeps its
// promises about numbers, prints, and binds.
func FuzzFlatten(f *testing.F) {
	for _, source := range sources(f) {
		f.Add(read(f, strings.TrimSuffix(source, filepath.Ext(source))+".wasm"))
	}
	limits := Limits{Work: 20_000, Instances: 200, CoreInstances: 100, TypeSize: 2_000}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := binary.Decode(b, binary.Limits{Definitions: 10_000})
		if err != nil {
			return
		}
		p, err := Flatten(c, limits)
		if err != nil {
			if _, ok := err.(*binary.Error); !ok {
				t.Fatalf("the error is a %T: %v", err, err)
			}
			return
		}
		checkRefs(t, p)
		if err := p.Dump(io.Discard); err != nil {
			t.Fatal(err)
		}
		host := &wit.Resource{Name: "host"}
		if _, err := p.Bind(func(string, string) *wit.Resource { return host }); err != nil {
			t.Fatal(err)
		}
	})
}
