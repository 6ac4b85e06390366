package kit

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// list pages through all keys, and counts how often each comes.
func (b *bench) list(limit int) (map[string]int, error) {
	seen := map[string]int{}
	cursor := ""
	for pages := 0; ; pages++ {
		page, err := b.p.KeyValue().ListKeys(b.ctx, b.at, cursor, limit)
		switch {
		case err != nil:
			return nil, fmt.Errorf("list-keys: %w", err)
		case limit > 0 && len(page.Keys) > limit:
			return nil, fmt.Errorf("list-keys: a page of %d keys where %d are the most", len(page.Keys), limit)
		case pages > 10000:
			return nil, errors.New("list-keys: it does not end")
		}
		for _, k := range page.Keys {
			seen[k]++
		}
		if page.Cursor == "" {
			return seen, nil
		}
		cursor = page.Cursor
	}
}

func (b *bench) fill(n int) error {
	var pairs []backend.Pair
	for i := range n {
		pairs = append(pairs, backend.Pair{Key: fmt.Sprintf("key/%d", i), Value: []byte("x")})
		if len(pairs) == 500 || i == n-1 {
			if err := b.p.KeyValue().SetMany(b.ctx, b.at, pairs); err != nil {
				return fmt.Errorf("set-many: %w", err)
			}
			pairs = nil
		}
	}
	return nil
}

func kvList(b *bench) error {
	if keys, err := b.list(0); err != nil || len(keys) != 0 {
		return fmt.Errorf("an empty store lists %d keys (%v)", len(keys), err)
	}
	const n = 2500
	if err := b.fill(n); err != nil {
		return err
	}
	for _, limit := range []int{0, 1000, 7} {
		keys, err := b.list(limit)
		if err != nil {
			return err
		}
		for i := range n {
			if k := fmt.Sprintf("key/%d", i); keys[k] != 1 {
				return fmt.Errorf("%s is listed %d times in pages of %d", k, keys[k], limit)
			}
		}
		if len(keys) != n {
			return fmt.Errorf("%d keys are listed of %d", len(keys), n)
		}
	}
	return nil
}

func kvListUnderWrites(b *bench) error {
	const n = 600
	if err := b.fill(n); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(b.ctx)
	var writers sync.WaitGroup
	var fault error
	writers.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			k := fmt.Sprintf("key/%d-%d", i%n, i)
			if err := errors.Join(b.p.KeyValue().Set(b.ctx, b.at, k, nil), b.p.KeyValue().Delete(b.ctx, b.at, k)); err != nil {
				fault = err
				return
			}
		}
	})
	var err error
	for range 5 {
		var keys map[string]int
		if keys, err = b.list(11); err != nil {
			break
		}
		for i := range n {
			if k := fmt.Sprintf("key/%d", i); keys[k] != 1 {
				err = errors.Join(err, fmt.Errorf("%s is listed %d times while others come and go", k, keys[k]))
				break
			}
		}
	}
	stop()
	writers.Wait()
	return errors.Join(err, fault)
}

func kvForeignCursor(b *bench) error {
	if err := b.fill(5); err != nil {
		return err
	}
	for _, cursor := range []string{"x", "\x00", "key/3\x00", "99999999999999999999", "../..", "{}", "zzzz"} {
		page, err := b.p.KeyValue().ListKeys(b.ctx, b.at, cursor, 10)
		if c := code(err); err != nil && c != backend.Invalid {
			return fmt.Errorf("cursor %q: %w; want CODE_INVALID or a page", cursor, err)
		}
		for _, k := range page.Keys {
			if len(k) < 4 || k[:4] != "key/" {
				return fmt.Errorf("cursor %q lists %q, which was never set", cursor, k)
			}
		}
	}
	return b.alive()
}
