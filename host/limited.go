package host

import (
	"errors"

	"github.com/writ-host/writ/host/internal/canon"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/host/internal/wasmtime"
	"github.com/writ-host/writ/wit"
)

// limited makes a [wit.LimitError] of the error of a guest that was ended
// because it would have gone beyond one of its limits.
func limited(err error) error {
	if err == nil {
		return nil // before anything is allocated to look into it
	}
	var known *wit.LimitError
	if limit := limitOf(err); limit != "" && !errors.As(err, &known) {
		return &wit.LimitError{Limit: limit, Err: err}
	}
	return err
}

func limitOf(err error) string {
	var engine *wasmtime.Trap
	var abi *canon.Trap
	switch {
	case errors.Is(err, wasmtime.ErrCPUTime):
		return "cpu-time"
	case errors.Is(err, wasmtime.ErrMemory):
		return "memory"
	case errors.Is(err, wasmtime.ErrTable):
		return "table-elements"
	case errors.As(err, &abi) && abi.Limit != "":
		return abi.Limit
	case errors.As(err, &engine) && engine.Code == wasmtime.TrapStackOverflow, errors.Is(err, wasmtime.ErrDepth):
		return "stack"
	}
	return ""
}

// Memory is how many bytes the largest of the instance's memories has.
func (i *Instance) Memory() (most uint64) {
	if i.store == nil {
		return 0
	}
	for n, s := range i.prepared.plan.Slots {
		if s.Kind == plan.SlotMemory {
			most = max(most, uint64(len(i.store.Memory(n))))
		}
	}
	return most
}

// CoreInstances is how many core instances each instance is made of.
func (p *Prepared) CoreInstances() int { return len(p.plan.Instances) }

// Instances is how many core instances are alive now.
func (e *Engine) Instances() int {
	total, free := e.core.Instances()
	return total - free
}
