package broker

import (
	"bytes"
	"path"
	"path/filepath"
	"strings"

	"github.com/tailscale/hujson"
)

// locate finds the files and lines in a bundle that its grants and denials come from: OPA merges the data of all files, and
// keeps no places. What it does not find, such as grants in YAML, is from the bundle. The files are read once more for it, and
// nothing but lines is taken from that.
func (b Bundle) locate(f *GrantFile) {
	grants, denials := make([]Origin, len(f.Grants)), make([]Origin, len(f.Denials))
	for i := range grants {
		grants[i].File = b.Path
	}
	for i := range denials {
		denials[i].File = b.Path
	}
	loader := b.loader()
	for d, err := loader.NextFile(); err == nil; d, err = loader.NextFile() {
		if dir, name := path.Split(strings.Trim(filepath.ToSlash(d.Path()), "/")); name == "data.json" {
			var text bytes.Buffer
			_, _ = d.Read(&text, maxBundleFile) // what is cut off does not parse
			file := &decoder{name: filepath.Join(b.Path, d.Path()), data: text.Bytes()}
			if tree, err := file.parse(); err == nil {
				file.origins(tree, "grants", dir, grants)
				file.origins(tree, "denials", dir, denials)
			}
		}
		_ = d.Close()
	}
	for i, g := range f.Grants {
		g.Origin = grants[i]
	}
	for i, n := range f.Denials {
		n.Origin = denials[i]
	}
}

// origins notes where the elements of a list are, when the file has it: as a member, or whole in a directory of that name.
func (d *decoder) origins(tree hujson.Value, list, dir string, origins []Origin) {
	var at *hujson.Array
	switch v := tree.Value.(type) {
	case *hujson.Object:
		if dir == "" {
			at = member(v, list)
		}
	case *hujson.Array:
		if dir == list+"/" {
			at = v
		}
	}
	if at == nil || len(at.Elements) != len(origins) {
		return
	}
	for i, v := range at.Elements {
		origins[i] = Origin{d.name, d.line(v)}
	}
}
