package wasi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	insecure "math/rand/v2"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

// MaxRandomBytes is the most that one call of get-random-bytes gives; a guest
// that asks for more is ended. The host holds them until the guest has them.
const MaxRandomBytes = 16 << 20

// randomFuncs gives the insecure functions secure numbers as well: they are
// fast enough, and a guest that is wrong about what it needs is safe. The
// broker grants them by default.
func randomFuncs() map[string]guardedFuncs {
	secure := always(broker.Random, broker.RandomResource("secure"))
	weak := always(broker.Random, broker.RandomResource("insecure"))
	return map[string]guardedFuncs{
		"wasi:random/random": {
			"get-random-bytes": {Run: randomBytes, Permit: secure},
			"get-random-u64":   {Run: randomU64, Permit: secure},
		},
		"wasi:random/insecure": {
			"get-insecure-random-bytes": {Run: randomBytes, Permit: weak},
			"get-insecure-random-u64":   {Run: randomU64, Permit: weak},
		},
		"wasi:random/insecure-seed": {"insecure-seed": {Run: randomSeed, Permit: weak}},
	}
}

func randomBytes(_ context.Context, c *wit.Call) error {
	n := c.Args[0].Uint()
	if n > MaxRandomBytes {
		return wasiio.Trap("%s of %d bytes, more than %d", c.Func.Name, n, MaxRandomBytes)
	}
	b := make([]byte, n)
	fill(c, b)
	c.Return(wit.Bytes(b))
	return nil
}

func randomU64(_ context.Context, c *wit.Call) error {
	c.Return(wit.U64(randomOf(c)))
	return nil
}

func randomSeed(_ context.Context, c *wit.Call) error {
	c.Return(wit.Tuple(wit.U64(randomOf(c)), wit.U64(randomOf(c))))
	return nil
}

func randomOf(c *wit.Call) uint64 {
	var b [8]byte
	fill(c, b[:])
	return binary.LittleEndian.Uint64(b[:])
}

type seedKey struct{}

// fill draws from the system, or from the instance's seed.
func fill(c *wit.Call, b []byte) {
	i := capabilities.From(c)
	if i == nil || len(i.Seed) == 0 {
		_, _ = rand.Read(b) // never fails, Go ends the program instead
		return
	}
	source := capabilities.State(i, seedKey{}, func() *insecure.ChaCha8 { return insecure.NewChaCha8(sha256.Sum256(i.Seed)) })
	_, _ = source.Read(b) // never fails
}
