package redis

import (
	"context"
	"sync/atomic"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"golang.org/x/sync/errgroup"
)

// batch is an operation on those items of a batch that are in one partition.
type batch func(ctx context.Context, n names, partition int, items []int) (any, error)

// each runs an operation for each partition that keys are in, at the same time,
// and answers in the order of the keys when it answers.
func (s *Store) each(ctx context.Context, at backend.Caller, reads bool, count int, key func(int) string, operation batch) ([]any, error) {
	if count == 0 {
		return nil, nil
	}
	answers := make([]any, count)
	var g errgroup.Group
	if g.SetLimit(connections / 2); reads {
		g.SetLimit(1) // so that each knows how much the others have read
	}
	for p, items := range s.names(at).grouped(count, key) {
		g.Go(func() error {
			v, err := on(ctx, s, at, reads, func(ctx context.Context, n names) (any, error) { return operation(ctx, n, p, items) })
			if list, ok := v.([]any); ok && len(list) == len(items) {
				for i, item := range items {
					answers[item] = list[i]
				}
			}
			return err
		})
	}
	return answers, g.Wait()
}

// SetMany implements backend.KeyValue. Of each partition all is written, or nothing.
func (s *Store) SetMany(ctx context.Context, at backend.Caller, pairs []backend.Pair) error {
	for _, p := range pairs {
		if err := check(p.Key, p.Value); err != nil {
			return err
		}
	}
	_, err := s.each(ctx, at, false, len(pairs), func(i int) string { return pairs[i].Key },
		func(ctx context.Context, n names, partition int, items []int) (any, error) {
			keys, args := []string{n.index(partition)}, []any{s.version()}
			for _, i := range items {
				keys = append(keys, n.key(partition, pairs[i].Key))
				args = append(args, pairs[i].Key, pairs[i].Value)
			}
			return s.run(ctx, setScript, keys, args...)
		})
	return err
}

// DeleteMany implements backend.KeyValue. Of each partition all is deleted, or nothing.
func (s *Store) DeleteMany(ctx context.Context, at backend.Caller, all []string) error {
	_, err := s.each(ctx, at, false, len(all), func(i int) string { return all[i] },
		func(ctx context.Context, n names, partition int, items []int) (any, error) {
			keys, args := []string{n.index(partition)}, []any{}
			for _, i := range items {
				keys = append(keys, n.key(partition, all[i]))
				args = append(args, all[i])
			}
			return s.run(ctx, deleteScript, keys, args...)
		})
	return err
}

// GetMany implements backend.KeyValue. The entries of a partition are of one moment.
func (s *Store) GetMany(ctx context.Context, at backend.Caller, all []string) ([]backend.Entry, error) {
	var left atomic.Int64
	left.Store(maxBatch)
	answers, err := s.each(ctx, at, true, len(all), func(i int) string { return all[i] },
		func(ctx context.Context, n names, partition int, items []int) (any, error) {
			var keys []string
			for _, i := range items {
				keys = append(keys, n.key(partition, all[i]))
			}
			v, err := s.run(ctx, getScript, keys, left.Load())
			found, ok := v.([]any)
			if err == nil && !ok {
				return nil, backend.Errorf(backend.TooLarge, "the values have more than %d bytes together", maxBatch)
			}
			for _, f := range found {
				fields, _ := f.([]any)
				left.Add(-int64(len(entry(fields).Value)))
			}
			return v, err
		})
	if err != nil {
		return nil, err
	}
	entries := make([]backend.Entry, len(all))
	for i, a := range answers {
		fields, _ := a.([]any)
		entries[i] = entry(fields)
	}
	return entries, nil
}
