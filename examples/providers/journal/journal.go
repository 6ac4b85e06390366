package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// change is one key of a write, as the file has it. A nil value deletes.
type change struct {
	Store string  `json:"store"`
	Key   string  `json:"key"`
	Value *[]byte `json:"value"`
}

// journal is the stores. A line of its file is one write, done as a whole.
type journal struct {
	mu     sync.RWMutex
	file   *os.File
	writes uint64 // so far, which makes versions
	stores map[string]map[string]backend.Entry
	broken error // what went wrong with the file; nothing is written after that
}

// open reads the file, and drops a last line that a crash cut off.
func open(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, stores: map[string]map[string]backend.Entry{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(whole) {
		var w []change
		if err := json.Unmarshal(line, &w); err != nil {
			return nil, fmt.Errorf("%s: write %d: %w", path, j.writes+1, err)
		}
		j.apply(w)
	}
	if err := f.Truncate(int64(len(whole))); err != nil {
		return nil, err
	}
	_, err = f.Seek(int64(len(whole)), 0)
	return j, err
}

func (j *journal) apply(w []change) {
	j.writes++
	for _, c := range w {
		store := j.stores[c.Store]
		if store == nil {
			store = map[string]backend.Entry{}
			j.stores[c.Store] = store
		}
		delete(store, c.Key)
		if c.Value != nil {
			store[c.Key] = backend.Entry{Found: true, Value: *c.Value, Version: strconv.FormatUint(j.writes, 36)}
		}
	}
}

// write is durable before it is seen. The caller holds the lock.
func (j *journal) write(w ...change) error {
	if j.broken != nil || len(w) == 0 {
		return j.broken
	}
	line, err := json.Marshal(w)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.broken = backend.Errorf(backend.Unavailable, "write the journal: %v", err)
		return j.broken
	}
	j.apply(w)
	return nil
}

// entry is what is under a key. The caller holds the lock, to read at least.
func (j *journal) entry(at backend.Caller, key string) backend.Entry {
	e := j.stores[at.Store][key]
	if !e.Found {
		e.Version = "0"
	}
	return e
}

// Health has the host start the provider anew when it cannot write.
func (j *journal) Health() error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.broken
}

// Close ends it.
func (j *journal) Close() error { return j.file.Close() }
