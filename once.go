package writ

import (
	"context"
	"fmt"
	"time"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// callOnce calls a function of an instance that is made for it and ends with it.
// program is what the guest is told as its arguments, its name first.
func (r *runner) callOnce(ctx context.Context, id string, program []string, f *host.Func, args ...wit.Value) (result wit.Value, err error) {
	began := time.Now()
	data := r.newData(id)
	defer data.End()
	data.Args = program
	ctx, end := r.traceInstance(ctx, data, began)
	defer func() { end(err) }()
	i, err := r.instantiate(ctx, data)
	if err != nil {
		return wit.Value{}, r.explain(err, 0)
	}
	defer r.drop(i)
	result, err = i.Call(ctx, f, args...)
	return result, r.explain(cause(ctx, err), i.Memory())
}

// cause adds why a context ended to an error that came of it.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}
