package redis

import (
	"context"
	"strings"

	redis "github.com/redis/go-redis/v9"
	"github.com/writ-host/writ/capabilities/kv/backend"
)

// ListKeys implements backend.KeyValue. The keys of a partition come in the
// order of their bytes, one partition after the other. A cursor is the last
// key of the page, after a letter, since keys may be empty.
func (s *Store) ListKeys(ctx context.Context, at backend.Caller, cursor string, limit int) (backend.Page, error) {
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	last, ok := strings.CutPrefix(cursor, "k")
	if cursor != "" && !ok {
		return backend.Page{}, backend.Errorf(backend.Invalid, "the cursor is none of this store's")
	}
	return on(ctx, s, at, true, func(ctx context.Context, n names) (backend.Page, error) {
		from, after := 0, "-"
		if cursor != "" {
			from, after = n.partition(last), "("+last
		}
		return s.page(ctx, n, from, after, limit)
	})
}

// page is up to limit keys from a place in a partition on.
func (s *Store) page(ctx context.Context, n names, from int, after string, limit int) (p backend.Page, err error) {
	for partition := from; partition < n.partitions; partition++ {
		room := limit - len(p.Keys)
		keys, err := s.client.ZRangeByLex(ctx, n.index(partition), &redis.ZRangeBy{Min: after, Max: "+", Count: int64(room) + 1}).Result()
		if err != nil {
			return backend.Page{}, err
		}
		p.Keys = append(p.Keys, keys[:min(room, len(keys))]...)
		if len(keys) > room {
			p.Cursor = "k" + p.Keys[limit-1]
			return p, nil
		}
		after = "-"
	}
	return p, nil
}
