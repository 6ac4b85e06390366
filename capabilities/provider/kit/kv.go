package kit

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

func code(err error) backend.Code {
	if err == nil {
		return 0
	}
	return backend.AsError(err).Code
}

// must checks one value.
func (b *bench) must(key string, found bool, value []byte) error {
	e, err := b.p.KeyValue().Get(b.ctx, b.at, key)
	switch {
	case err != nil:
		return fmt.Errorf("get %q: %w", key, err)
	case e.Found != found:
		return fmt.Errorf("get %q: found is %v", key, e.Found)
	case found && !bytes.Equal(e.Value, value):
		return fmt.Errorf("get %q: another value, of %d bytes and not %d", key, len(e.Value), len(value))
	}
	there, err := b.p.KeyValue().Exists(b.ctx, b.at, key)
	if err != nil || there != found {
		return fmt.Errorf("exists %q: %v, %v", key, there, err)
	}
	return nil
}

func (b *bench) set(key string, value []byte) error {
	if err := b.p.KeyValue().Set(b.ctx, b.at, key, value); err != nil {
		return fmt.Errorf("set %q: %w", key, err)
	}
	return b.must(key, true, value)
}

func kvSetGet(b *bench) error {
	return errors.Join(b.must("a", false, nil), b.set("a", []byte("1")), b.set("a", []byte("2")),
		b.must("b", false, nil), b.set("empty", nil))
}

// odd are keys that are often confused: cases, forms of the same letter, ends.
var odd = []string{"k", "K", "\u00e9", "e\u0301", "ſ", "s", "S", "İ", "i", "日本", "😀", "a/b", "a//b", "a/", "/a", "a b", "a%20b", "a*", "*", "..", "\x00", "a\x00", "a\x00b", "\n", "\ufeff", "{x}",
	strings.Repeat("k", 1024), strings.Repeat("é", 512)}

func kvKeys(b *bench) error {
	for i, key := range odd {
		if err := b.set(key, []byte{byte(i)}); err != nil {
			return err
		}
	}
	for i, key := range odd {
		if err := b.must(key, true, []byte{byte(i)}); err != nil {
			return fmt.Errorf("after all were set: %w", err)
		}
	}
	keys, err := b.list(7)
	if err != nil {
		return err
	}
	for _, key := range odd {
		if keys[key] != 1 {
			return fmt.Errorf("%q is listed %d times", key, keys[key])
		}
	}
	return nil
}

func kvValues(b *bench) error {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, size := range []int{1, 1 << 10, 64<<10 - 1, 64 << 10, 1 << 20, 16 << 20} {
		if err := b.set(fmt.Sprint(size), bytes.Repeat(every, size/256+1)[:size]); err != nil {
			return err
		}
	}
	return nil
}

func kvTooLarge(b *bench) error {
	if err := b.set("kept", []byte("x")); err != nil {
		return err
	}
	if err := b.p.KeyValue().Set(b.ctx, b.at, "kept", make([]byte, 80<<20)); err == nil {
		return errors.New("80 MiB were taken, more than a message may have")
	}
	if err := b.must("kept", true, []byte("x")); err != nil {
		return err
	}
	return b.alive()
}

func kvDelete(b *bench) error {
	kv := b.p.KeyValue()
	if err := errors.Join(b.set("a", []byte("1")), kv.Delete(b.ctx, b.at, "a")); err != nil {
		return err
	}
	if err := b.must("a", false, nil); err != nil {
		return err
	}
	if err := kv.Delete(b.ctx, b.at, "a"); err != nil {
		return fmt.Errorf("delete of what is absent: %w", err)
	}
	return nil
}

func kvVersions(b *bench) error {
	seen := map[string]string{}
	for i := range 6 {
		e, err := b.p.KeyValue().Get(b.ctx, b.at, "a")
		if err != nil {
			return err
		}
		if when, ok := seen[e.Version]; ok && e.Found {
			return fmt.Errorf("version %q after write %d was that of %s", e.Version, i, when)
		}
		if e.Found && e.Version == "" {
			return errors.New("a value has no version")
		}
		if e.Found {
			seen[e.Version] = fmt.Sprintf("write %d", i)
		}
		if i%3 == 2 {
			err = b.p.KeyValue().Delete(b.ctx, b.at, "a")
		} else {
			err = b.p.KeyValue().Set(b.ctx, b.at, "a", []byte("same"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func kvCompareAndSwap(b *bench) error {
	kv := b.p.KeyValue()
	absent, err := kv.Get(b.ctx, b.at, "a")
	if err != nil {
		return err
	}
	swap := func(version, value string, want bool) error {
		swapped, current, err := kv.CompareAndSwap(b.ctx, b.at, "a", version, []byte(value))
		switch {
		case err != nil:
			return fmt.Errorf("compare-and-swap: %w", err)
		case swapped != want:
			return fmt.Errorf("to %q at version %q: swapped is %v", value, version, swapped)
		case !swapped && current.Found && current.Version == version:
			return errors.New("it did not swap at the version that it says is current")
		}
		return nil
	}
	if err := errors.Join(swap(absent.Version, "1", true), b.must("a", true, []byte("1")), swap(absent.Version, "2", false),
		b.must("a", true, []byte("1"))); err != nil {
		return err
	}
	now, err := kv.Get(b.ctx, b.at, "a")
	if err != nil {
		return err
	}
	if err := kv.Delete(b.ctx, b.at, "a"); err != nil {
		return err
	}
	return errors.Join(swap(now.Version, "3", false), b.must("a", false, nil))
}

func kvIncrement(b *bench) error {
	kv := b.p.KeyValue()
	add := func(key string, delta, want int64) error {
		if n, err := kv.Increment(b.ctx, b.at, key, delta); err != nil || n != want {
			return fmt.Errorf("increment by %d: %d, want %d (%v)", delta, n, want, err)
		}
		return nil
	}
	refused := func(key string, delta int64) error {
		if n, err := kv.Increment(b.ctx, b.at, key, delta); code(err) != backend.NotANumber {
			return fmt.Errorf("increment of %q by %d: %d, %v; want CODE_NOT_A_NUMBER", key, delta, n, err)
		}
		return nil
	}
	if err := errors.Join(add("n", 5, 5), add("n", -7, -2), add("n", 0, -2), b.must("n", true, []byte("-2")),
		add("max", math.MaxInt64, math.MaxInt64)); err != nil {
		return err
	}
	if err := errors.Join(refused("max", 1), b.must("max", true, []byte("9223372036854775807"))); err != nil {
		return err
	}
	for _, text := range []string{"x", "", "1.5", " 1", "0x10", "9223372036854775808"} {
		if err := errors.Join(b.set("text", []byte(text)), refused("text", 1), b.must("text", true, []byte(text))); err != nil {
			return err
		}
	}
	return b.set("max", []byte("1"))
}

func kvBatches(b *bench) error {
	kv := b.p.KeyValue()
	pairs := []backend.Pair{{Key: "a", Value: []byte("1")}, {Key: "b", Value: nil}, {Key: "c", Value: []byte("3")}}
	if err := kv.SetMany(b.ctx, b.at, pairs); err != nil {
		return fmt.Errorf("set-many: %w", err)
	}
	keys := []string{"c", "missing", "a", "c", "b"}
	entries, err := kv.GetMany(b.ctx, b.at, keys)
	if err != nil {
		return fmt.Errorf("get-many: %w", err)
	}
	want := []string{"3", "", "1", "3", ""}
	for i, e := range entries {
		if e.Found != (keys[i] != "missing") || string(e.Value) != want[i] {
			return fmt.Errorf("get-many: %q is %q, found is %v", keys[i], e.Value, e.Found)
		}
	}
	if err := kv.DeleteMany(b.ctx, b.at, []string{"a", "missing", "c"}); err != nil {
		return fmt.Errorf("delete-many: %w", err)
	}
	for _, empty := range []func() error{
		func() error { return kv.SetMany(b.ctx, b.at, nil) },
		func() error { return kv.DeleteMany(b.ctx, b.at, nil) },
		func() error { _, err := kv.GetMany(b.ctx, b.at, nil); return err },
	} {
		if err := empty(); err != nil {
			return fmt.Errorf("a batch of nothing: %w", err)
		}
	}
	return errors.Join(b.must("a", false, nil), b.must("b", true, nil), b.must("c", false, nil))
}
