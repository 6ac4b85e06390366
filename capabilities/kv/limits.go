package kv

import (
	"strings"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/wit"
)

func checkKey(key string) error {
	if len(key) > MaxKey {
		return backend.Errorf(backend.TooLarge, "the key has %d bytes, and %d are the most", len(key), MaxKey)
	}
	return nil
}

func checkValue(n int) error {
	if n > MaxValue {
		return backend.Errorf(backend.TooLarge, "the value has %d bytes, and %d are the most", n, MaxValue)
	}
	return nil
}

// checkBatch looks at all of a batch before anything of it is asked or done.
// keyOf and sizeOf read an item.
func checkBatch(items []wit.Value, keyOf func(wit.Value) string, sizeOf func(wit.Value) int) error {
	if len(items) > MaxKeys {
		return backend.Errorf(backend.TooLarge, "the batch has %d keys, and %d are the most", len(items), MaxKeys)
	}
	var total int64
	for _, item := range items {
		if err := checkKey(keyOf(item)); err != nil {
			return err
		}
		if err := checkValue(sizeOf(item)); err != nil {
			return err
		}
		if total += int64(len(keyOf(item)) + sizeOf(item)); total > MaxBatch {
			return backend.Errorf(backend.TooLarge, "the batch has more than %d bytes", MaxBatch)
		}
	}
	return nil
}

// valid is text that a guest can be given.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
