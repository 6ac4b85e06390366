package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tailscale/hujson"
)

// GrantFile is the content of grants.json: an object with the list "grants" and, if any, the list "denials". The policy sees
// it as data.grants and data.denials.
type GrantFile struct {
	Name    string
	Grants  []*Grant
	Denials []*Denial
	data    []byte
	tree    hujson.Value
}

// EmptyGrants is the text of a grants.json that grants nothing.
const EmptyGrants = "{\n  \"grants\": []\n}\n"

const (
	maxGrantFile = 256 << 20
	maxDepth     = 16 // of nested lists and objects; grants need four
)

// ReadGrants reads grants.json. A file that does not exist grants nothing.
func ReadGrants(path string) (*GrantFile, error) {
	data, err := readLimited(path, maxGrantFile)
	if errors.Is(err, os.ErrNotExist) {
		data, err = []byte(EmptyGrants), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	return ParseGrants(path, data)
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: larger than %d MiB", path, limit>>20)
	}
	return data, err
}

// ParseGrants reads the text of grants.json. Whatever is unknown, missing, repeated, of the wrong type or without meaning is
// an error that begins with name:line:column.
func ParseGrants(name string, data []byte) (*GrantFile, error) {
	d := &decoder{name: name, data: data}
	tree, err := d.parse()
	if err != nil {
		return nil, err
	}
	f := &GrantFile{Name: name, data: data, tree: tree}
	ids := map[string]int{}
	err = d.object(tree, "grants.json", map[string]field{
		"grants": func(v hujson.Value) error {
			return d.list(v, "grants", func(v hujson.Value) error { return d.fileGrant(f, v, ids) })
		},
		"denials": func(v hujson.Value) error {
			return d.list(v, "denials", func(v hujson.Value) error { return d.fileDenial(f, v, ids) })
		},
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *decoder) fileGrant(f *GrantFile, v hujson.Value, ids map[string]int) error {
	g, err := d.grant(v)
	if err != nil {
		return err
	}
	f.Grants = append(f.Grants, g)
	return d.unique(v, g.ID, ids)
}

func (d *decoder) fileDenial(f *GrantFile, v hujson.Value, ids map[string]int) error {
	n, err := d.denial(v)
	if err != nil {
		return err
	}
	f.Denials = append(f.Denials, n)
	return d.unique(v, n.ID, ids)
}

func (d *decoder) unique(v hujson.Value, id string, ids map[string]int) error {
	if line, ok := ids[id]; ok {
		return d.errorf(v, "id %q is taken by line %d", id, line)
	}
	ids[id] = d.line(v)
	return nil
}

// document is the file as the policy sees it.
func (f *GrantFile) document() (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(f.data))
	d.UseNumber()
	var data map[string]any
	if err := d.Decode(&data); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return data, nil
}
