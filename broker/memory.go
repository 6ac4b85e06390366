package broker

import (
	"context"
	"fmt"
	"runtime/metrics"
	"time"
)

const (
	maxPolicyMemory = 1 << 30 // bytes that the heap may grow by while a policy is asked,
	memoryOfGrants  = 64      // and for each byte of grants.json
	memoryLook      = 10 * time.Millisecond
)

// memoryFor is what asking a policy about these grants may take.
func memoryFor(f *GrantFile) uint64 {
	if f == nil {
		return maxPolicyMemory
	}
	return maxPolicyMemory + memoryOfGrants*uint64(len(f.data))
}

// boundMemory ends the context when the heap has grown by limit bytes: a policy that builds ever more is refused before the
// kernel ends the host. What one built-in function makes at once it cannot bound.
func boundMemory(ctx context.Context, limit uint64) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	most := heap() + limit
	go func() {
		tick := time.NewTicker(memoryLook)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if heap() > most {
					cancel(fmt.Errorf("it takes more than %d MiB of memory", limit>>20))
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
