package broker

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tailscale/hujson"
)

// ErrNoSuchGrant is what RevokeGrant wraps when no grant or denial has the id.
var ErrNoSuchGrant = errors.New("no such grant")

// AddGrant adds a grant to the file at path, which it creates when missing, and returns it as it was written. A grant without
// an id gets one made of its app, component and capability. The rest of the file keeps its form.
func AddGrant(path string, g Grant) (*Grant, error) {
	var added *Grant
	err := editGrants(path, func(f *GrantFile) ([]byte, error) {
		if g.ID == "" {
			g.ID = f.newID(g)
		}
		data, err := f.with(g)
		if err != nil {
			return nil, err
		}
		next, err := ParseGrants(path, data)
		if err != nil {
			return nil, fmt.Errorf("the grant is not valid: %w", err)
		}
		added = next.Grants[len(next.Grants)-1]
		return data, nil
	})
	return added, err
}

// RevokeGrant removes the grant or denial with an id from the file at path. The rest of the file keeps its form.
func RevokeGrant(path, id string) error {
	return editGrants(path, func(f *GrantFile) ([]byte, error) {
		return f.without(id)
	})
}

// editGrants replaces the file as a whole, so that a reader sees it before or after, and one edit at a time.
func editGrants(path string, edit func(*GrantFile) ([]byte, error)) error {
	unlock, err := lockFile(path)
	if err != nil {
		return fmt.Errorf("edit grants: %w", err)
	}
	defer unlock()
	f, err := ReadGrants(path)
	if err != nil {
		return err
	}
	data, err := edit(f)
	if err != nil {
		return fmt.Errorf("edit %s: %w", path, err)
	}
	if err := replaceFile(path, data); err != nil {
		return fmt.Errorf("edit grants: %w", err)
	}
	return nil
}

// lockFile holds off other editors. It locks the directory: the file itself is replaced by each edit.
func lockFile(path string) (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { dir.Close() }, nil
		}
		if time.Now().After(deadline) {
			dir.Close()
			return nil, fmt.Errorf("lock %s: %w", filepath.Dir(path), err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// replaceFile writes data durably beside path and renames it there. A symbolic link keeps pointing where it did.
func replaceFile(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".grants-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// newID makes an id that no grant has yet.
func (f *GrantFile) newID(g Grant) string {
	base := g.App + "-" + g.Component + "-" + g.Capability
	if g.Component == Any {
		base = g.App + "-" + g.Capability
	}
	taken := map[string]bool{}
	for _, g := range f.Grants {
		taken[g.ID] = true
	}
	for _, n := range f.Denials {
		taken[n.ID] = true
	}
	if !taken[base] {
		return base
	}
	for i := 2; i < 100; i++ {
		if id := fmt.Sprintf("%s-%d", base, i); !taken[id] {
			return id
		}
	}
	return base + "-" + strings.ToLower(rand.Text())
}

// JSON is the grant on one line, as it is written in grants.json.
func (g *Grant) JSON() string {
	type limits struct {
		CallsPerSecond int64 `json:"calls_per_second,omitempty"`
		MaxBytes       int64 `json:"max_bytes,omitempty"`
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Strings, numbers and lists of them always encode.
	_ = e.Encode(struct {
		ID         string    `json:"id"`
		App        string    `json:"app"`
		Component  string    `json:"component"`
		Capability string    `json:"capability"`
		Resource   string    `json:"resource"`
		Operations []string  `json:"operations"`
		Limits     limits    `json:"limits,omitzero"`
		TLS        string    `json:"tls,omitempty"`
		When       string    `json:"when,omitempty"`
		Expires    time.Time `json:"expires,omitzero"`
		Reason     string    `json:"reason,omitempty"`
	}{g.ID, g.App, g.Component, g.Capability, g.Resource, g.Operations, limits(g.Limits), g.TLS, g.When, g.Expires, g.Reason})
	return strings.TrimSuffix(b.String(), "\n")
}

// with is the text of the file with one grant more, at the end of its list.
func (f *GrantFile) with(g Grant) ([]byte, error) {
	value, err := hujson.Parse([]byte(g.JSON()))
	if err != nil {
		return nil, fmt.Errorf("add grant: %w", err)
	}
	tree := f.tree.Clone()
	root := tree.Value.(*hujson.Object)
	list := member(root, "grants")
	if list == nil {
		list = addMember(root, "grants")
	}
	list.Elements = append(list.Elements, value)
	layOut(list)
	return tree.Pack(), nil
}

func member(o *hujson.Object, name string) *hujson.Array {
	for _, m := range o.Members {
		if textOf(m.Name.Value.(hujson.Literal)) == name {
			a, _ := m.Value.Value.(*hujson.Array)
			return a
		}
	}
	return nil
}

func addMember(o *hujson.Object, name string) *hujson.Array {
	list := &hujson.Array{AfterExtra: hujson.Extra("\n  ")}
	o.Members = append(o.Members, hujson.ObjectMember{
		Name:  hujson.Value{BeforeExtra: hujson.Extra("\n  "), Value: hujson.String(name)},
		Value: hujson.Value{BeforeExtra: hujson.Extra(" "), Value: list},
	})
	if len(o.Members) == 1 {
		o.AfterExtra = hujson.Extra("\n")
	}
	return list
}

// layOut puts the last element of a list on a line of its own, indented like the one before it.
func layOut(list *hujson.Array) {
	n := len(list.Elements)
	last := &list.Elements[n-1]
	last.BeforeExtra, last.AfterExtra = hujson.Extra("\n    "), nil
	if n > 1 {
		last.BeforeExtra = list.Elements[n-2].BeforeExtra
		if n == 2 && !bytes.Contains(last.BeforeExtra, []byte("\n")) {
			last.BeforeExtra = hujson.Extra(" ")
		}
		return
	}
	if !bytes.Contains(list.AfterExtra, []byte("\n")) {
		list.AfterExtra = hujson.Extra("\n  ")
	}
}

// without is the text of the file without one grant or denial.
func (f *GrantFile) without(id string) ([]byte, error) {
	tree := f.tree.Clone()
	root := tree.Value.(*hujson.Object)
	for i, g := range f.Grants {
		if g.ID == id {
			return removed(&tree, member(root, "grants"), i), nil
		}
	}
	for i, n := range f.Denials {
		if n.ID == id {
			return removed(&tree, member(root, "denials"), i), nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoSuchGrant, id)
}

func removed(tree *hujson.Value, list *hujson.Array, i int) []byte {
	list.Elements = append(list.Elements[:i], list.Elements[i+1:]...)
	return tree.Pack()
}
