package oracle

import (
	"time"

	"github.com/writ-host/writ/wit"
)

// benchPatience is how long a measurement may take.
const benchPatience = 10 * time.Minute

// Pool makes the oracle's engine one that reuses memories and tables, as the
// host's does, and lets it compile large components: it is started anew.
func (p *Process) Pool() error {
	p.Close()
	p.memory = 4 * maxMemory
	_, err := p.measure(request{Op: opPool})
	return err
}

// The times are of the processor, not of the clock.

// TimeLoad is how long [Process.Load] takes.
func (p *Process) TimeLoad(b []byte) (time.Duration, error) {
	return p.measure(request{Op: opTimeLoad, Data: b})
}

// TimeInstances is how long n instances of what is loaded take, one after the
// other, from store to drop. Imports that are not there become traps.
func (p *Process) TimeInstances(n int) (time.Duration, error) {
	return p.measure(request{Op: opTimeInstances, Count: uint64(n)})
}

// TimeCalls is how long n calls of an export take, that returns nothing.
func (p *Process) TimeCalls(n int, f *wit.Func, args ...wit.Value) (time.Duration, error) {
	q := request{Op: opTimeCalls, Name: f.Name, Args: len(args), Count: uint64(n)}
	for i, a := range args {
		q.Data = appendValue(q.Data, f.Params[i].Type, a)
	}
	return p.measure(q)
}

func (p *Process) measure(q request) (time.Duration, error) {
	a, err := p.answer(q, benchPatience)
	return a.Took, err
}
