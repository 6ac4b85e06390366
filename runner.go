package writ

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/host/metrics"
	"github.com/writ-host/writ/wit"
)

// runner makes instances of one component: each for one request, unless the
// manifest has them reused.
type runner struct {
	host      *Host
	name      string
	compiled  *host.Component
	prepared  *host.Prepared
	manifest  ManifestComponent
	subject   *broker.Subject
	handle    *host.Func // wasi:http/incoming-handler, nil when it does not export it
	limits    host.Limits
	preopens  []capabilities.Preopen
	effective InstanceLimits // limits, as configuration has them
	wall      time.Duration
	late      error // what ends a request after wall
	log       *slog.Logger
	output    *output
	metrics   *metrics.Component
	made      atomic.Uint64
	reuse     reuse
	idle      idle // instances that wait for their next request
}

// close frees the compiled code. Every instance must have been closed.
func (r *runner) close() {
	r.idle.close()
	r.prepared.Close()
	r.compiled.Close()
}

// visit is an instance as a request has it. It is wasihttp.Guest.
type visit struct {
	runner         *runner
	data           *capabilities.Instance
	stdout, stderr lineLog
	instance       *host.Instance
	err            error     // why there is no instance
	made           time.Time // zero unless instances are reused
	served         int       // requests, this one included
	well           bool      // nothing went wrong so far: it may be reused
}

// visit finds an instance that waits, or makes one. That it could not is an
// error of the visit, but for host.ErrExhausted, which concerns the whole host.
func (r *runner) visit(ctx context.Context, id string) (*visit, error) {
	if v := r.idle.take(); v != nil {
		v.instance.Renew()
		v.begin(id)
		return v, nil
	}
	v := r.newVisit()
	v.instance, v.err = r.instantiate(ctx, v.data)
	if errors.Is(v.err, host.ErrExhausted) && r.host.dropIdle() {
		v.instance, v.err = r.instantiate(ctx, v.data)
	}
	v.err = r.explain(v.err, 0)
	if errors.Is(v.err, host.ErrExhausted) {
		v.close()
		return nil, v.err
	}
	v.begin(id)
	return v, nil
}

// begin is before each request, whose id it has.
func (v *visit) begin(id string) {
	v.served++
	v.stdout.request, v.stderr.request = id, id
	v.well = false
	v.stdout.left = int64(v.runner.host.app.Config.Limits.Output)
	v.stderr.left = v.stdout.left
}

// Handle serves the request.
func (v *visit) Handle(ctx context.Context, request, responseOut wit.Value) error {
	if v.err != nil {
		return v.err
	}
	_, err := v.instance.Call(ctx, v.runner.handle, request, responseOut)
	if err != nil {
		err = v.runner.explain(err, v.instance.Memory())
		v.runner.countTrap(err)
	}
	return err
}

// end is after each request.
func (v *visit) end() {
	if v.well && v.runner.keep(v) {
		return
	}
	v.close()
}

func (v *visit) close() {
	v.runner.drop(v.instance)
	v.data.End()
	v.flush()
}

// flush writes what was printed without a line end.
func (v *visit) flush() {
	v.stdout.end()
	v.stderr.end()
}

// newVisit has what host functions see of an instance.
func (r *runner) newVisit() *visit {
	id := strconv.FormatUint(r.made.Add(1), 10)
	v := &visit{runner: r,
		stdout: lineLog{output: r.output, stream: "stdout", instance: id},
		stderr: lineLog{output: r.output, stream: "stderr", instance: id},
	}
	v.data = &capabilities.Instance{
		App: r.host.app.Manifest.Name, Component: r.name, ID: id, Subject: r.subject, Log: r.log,
		Stdout: &v.stdout, Stderr: &v.stderr, Env: r.manifest.Environment, Config: r.manifest.Config,
		Streams: r.effective.Streams, Buffers: int(r.effective.Buffers), Preopens: r.preopens,
	}
	if r.reuse.requests > 1 {
		v.made = time.Now()
	}
	return v
}

// newData is newVisit for an instance that no request is for.
func (r *runner) newData(id string) *capabilities.Instance {
	v := r.newVisit()
	v.begin(id)
	v.data.OnEnd(v.flush)
	return v.data
}
