package writ

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/writ-host/writ/broker"
)

// maxDenials is how many denials a host keeps for writ explain.
const maxDenials = 1000

// denialsName is the file below the host's directory for state. It holds keys
// and paths as they were, which logs do not: it is readable by its owner only.
const denialsName = "denials.jsonl"

// KeptDenial is a denial with the call as it was.
type KeptDenial struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	App        string    `json:"app"`
	Component  string    `json:"component"`
	Capability string    `json:"capability"`
	Operation  string    `json:"operation"`
	Resource   string    `json:"resource"`
	Bytes      int64     `json:"bytes"`
	Reason     string    `json:"reason"`
	Nearest    string    `json:"nearest"`
	Short      string    `json:"short"`
}

// denialKeeper keeps the last denials of a host in memory, and once a second
// on disk, so that a flood of them costs no more.
type denialKeeper struct {
	path  string
	fault func(error)

	mu    sync.Mutex
	kept  []KeptDenial
	dirty bool
	timer *time.Timer
}

func (k *denialKeeper) keep(r broker.Record, c broker.Call) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) >= 2*maxDenials {
		k.kept = slices.Clone(k.kept[maxDenials:])
	}
	k.kept = append(k.kept, KeptDenial{r.ID, r.Time, r.App, r.Component, c.Capability, c.Operation, c.Resource, c.Bytes, r.Reason.String(), r.Nearest, r.Short})
	if !k.dirty {
		k.dirty = true
		k.timer = time.AfterFunc(time.Second, k.save)
	}
}

// save writes what is kept. That it cannot be written is told, and denies nothing.
func (k *denialKeeper) save() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.dirty {
		return
	}
	k.dirty = false
	k.timer.Stop()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, d := range k.kept[max(0, len(k.kept)-maxDenials):] {
		if err := e.Encode(d); err != nil {
			k.fault(err)
			return
		}
	}
	beside := k.path + ".new"
	err := os.MkdirAll(filepath.Dir(k.path), 0o700)
	if err == nil {
		err = os.WriteFile(beside, b.Bytes(), 0o600)
	}
	if err == nil {
		err = os.Rename(beside, k.path)
	}
	if err != nil {
		k.fault(err)
	}
}

// FindDenial finds a denial by the id that the log gave it, among the last
// that hosts of this app kept.
func (a *App) FindDenial(id string) (*KeptDenial, error) {
	f, err := os.Open(a.statePath(denialsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no denial was kept in %s", a.Config.Data)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d KeptDenial
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		if d.ID == id {
			return &d, nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil, fmt.Errorf("no denial %q among the last %d in %s", id, maxDenials, f.Name())
}
