package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// maxValue is the largest value, in bytes, and maxPage the most keys in a page.
const (
	maxValue = 16 << 20
	maxPage  = 1000
)

func (j *journal) Get(_ context.Context, at backend.Caller, key string) (backend.Entry, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.entry(at, key), nil
}

func (j *journal) Exists(ctx context.Context, at backend.Caller, key string) (bool, error) {
	e, err := j.Get(ctx, at, key)
	return e.Found, err
}

func (j *journal) GetMany(_ context.Context, at backend.Caller, keys []string) ([]backend.Entry, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	var out []backend.Entry
	for _, k := range keys {
		out = append(out, j.entry(at, k))
	}
	return out, nil
}

func (j *journal) Set(ctx context.Context, at backend.Caller, key string, value []byte) error {
	return j.SetMany(ctx, at, []backend.Pair{{Key: key, Value: value}})
}

func (j *journal) SetMany(_ context.Context, at backend.Caller, pairs []backend.Pair) error {
	var w []change
	for _, p := range pairs {
		if len(p.Value) > maxValue {
			return backend.Errorf(backend.TooLarge, "a value has %d bytes, and %d are the most", len(p.Value), maxValue)
		}
		w = append(w, change{at.Store, p.Key, &p.Value})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.write(w...)
}

func (j *journal) Delete(ctx context.Context, at backend.Caller, key string) error {
	return j.DeleteMany(ctx, at, []string{key})
}

func (j *journal) DeleteMany(_ context.Context, at backend.Caller, keys []string) error {
	var w []change
	for _, k := range keys {
		w = append(w, change{at.Store, k, nil})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.write(w...)
}

func (j *journal) Increment(_ context.Context, at backend.Caller, key string, delta int64) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	sum, err := j.entry(at, key).Plus(delta)
	if err != nil {
		return 0, err
	}
	text := strconv.AppendInt(nil, sum, 10)
	return sum, j.write(change{at.Store, key, &text})
}

func (j *journal) CompareAndSwap(_ context.Context, at backend.Caller, key, version string, value []byte) (bool, backend.Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if now := j.entry(at, key); now.Version != version {
		return false, now, nil
	}
	err := j.write(change{at.Store, key, &value})
	return err == nil, backend.Entry{}, err
}

// ListKeys has the keys in order; a cursor is the last key of a page, after a letter.
func (j *journal) ListKeys(_ context.Context, at backend.Caller, cursor string, limit int) (backend.Page, error) {
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	j.mu.RLock()
	keys := slices.Sorted(maps.Keys(j.stores[at.Store]))
	j.mu.RUnlock()
	if last, ok := strings.CutPrefix(cursor, "k"); ok {
		from, found := slices.BinarySearch(keys, last)
		if found {
			from++
		}
		keys = keys[from:]
	} else if cursor != "" {
		return backend.Page{}, backend.Errorf(backend.Invalid, "the cursor is none of this store's")
	}
	if len(keys) <= limit {
		return backend.Page{Keys: keys}, nil
	}
	return backend.Page{Keys: keys[:limit], Cursor: "k" + keys[limit-1]}, nil
}
