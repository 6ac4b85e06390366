package writ_test

import (
	"context"
	"math/rand/v2"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// place is how an error says where in a component something is wrong.
var place = regexp.MustCompile(`offset 0x[0-9a-f]+|core module \d+: `)

// damaged calls f for a component cut at each length, with each bit flipped,
// and with each byte inverted.
func damaged(component []byte, f func(what string, at int, bytes []byte)) {
	for n := range component {
		f("cut", n, component[:n:n])
	}
	for n := range component {
		for _, mask := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 0xff} {
			bytes := append([]byte(nil), component...)
			bytes[n] ^= mask
			f("flipped", n, bytes)
		}
	}
}

// A damaged component is refused with the place of the damage, or loads and
// then runs as far as it gets: in bounded time and memory, and without harm to
// the process that compiles it here.
func TestDamagedComponents(t *testing.T) {
	const (
		perComponent = 5 * time.Second
		moreMemory   = 256 << 20
	)
	component, err := os.ReadFile("testdata/small.wasm")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := host.NewEngine(host.Config{MaxMemory: 16 << 20, Instances: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if why := loadAndRun(t, engine, component); why != nil {
		t.Fatalf("undamaged: %v", why)
	}
	peak := watchMemory(t)
	refused, ran := 0, 0
	damaged(component, func(what string, at int, bytes []byte) {
		start := time.Now()
		why := loadAndRun(t, engine, bytes)
		if took := time.Since(start); took > perComponent {
			t.Errorf("%s at %#x: took %s", what, at, took)
		}
		if why == nil {
			ran++
			return
		}
		refused++
		if !place.MatchString(why.Error()) {
			t.Errorf("%s at %#x: an error without a place: %v", what, at, why)
		}
	})
	t.Logf("%d refused, %d loaded", refused, ran)
	if refused == 0 || ran == 0 {
		t.Error("there is damage that must be found, and damage that cannot be")
	}
	if grown := peak(); grown > moreMemory {
		t.Errorf("took %d MiB", grown>>20)
	}
}

// loadAndRun is the way of a component from bytes to a call, in one process.
// The error is why it does not load.
func loadAndRun(t *testing.T, engine *host.Engine, bytes []byte) error {
	component, err := engine.Compile(t.Context(), bytes)
	if err != nil {
		return err
	}
	defer component.Close()
	prepared, err := new(host.Linker).Prepare(component)
	if err != nil {
		return err
	}
	defer prepared.Close()
	greet, err := prepared.Func("test:small/greetings@1.0.0", "greet")
	if err != nil {
		return nil // it exports something else now
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	instance, err := prepared.Instantiate(ctx, host.Limits{Memory: 1 << 20}, nil)
	if err != nil {
		return nil // a trap, such as of a data segment beyond the memory
	}
	defer instance.Close()
	if p := greet.Type.Params; len(p) == 1 && p[0].Type.Kind == wit.KindU32 {
		_, _ = instance.Call(ctx, greet, wit.U32(3)) // it may trap
	}
	return nil
}

// A component of a real toolchain, damaged at places taken at random.
func TestDamagedGuestbook(t *testing.T) {
	component, err := os.ReadFile("examples/guestbook/guestbook.wasm")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	check := func(what string, at int, bytes []byte) {
		start := time.Now()
		_, err := host.Inspect(bytes, 1<<20)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s at %#x: took %s", what, at, took)
		}
		if err != nil && !place.MatchString(err.Error()) || err == nil && what == "cut" {
			t.Errorf("%s at %#x: want an error with a place, got %v", what, at, err)
		}
	}
	for n := 0; n < len(component); n += 1 + random.IntN(400) {
		check("cut", n, component[:n:n])
	}
	for range 500 {
		bytes := append([]byte(nil), component...)
		at := random.IntN(len(bytes))
		bytes[at] ^= 1 << random.IntN(8)
		check("flipped", at, bytes)
	}
}
