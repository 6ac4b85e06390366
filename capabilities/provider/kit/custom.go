package kit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/writ-host/writ/capabilities/custom"
	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/capabilities/provider/value"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
	"golang.org/x/sync/errgroup"
)

func customDescribed(b *bench) error {
	if _, err := custom.Declared(b.info.WIT, b.info.Interfaces); err != nil {
		return err
	}
	for _, k := range b.info.Resources {
		known := false
		for _, name := range b.info.Interfaces {
			known = known || strings.HasPrefix(k.Pattern, name+"#")
		}
		if !known || len(k.Operations) != 1 || k.Operations[0] != "call" {
			return fmt.Errorf("it describes resources %q with operations %q: want INTERFACE#… and call", k.Pattern, k.Operations)
		}
	}
	return nil
}

// client is one component instance that calls.
type client struct {
	b     *bench
	all   []*target
	scope uint64
	rng   *rand.Rand
	pool  map[*wit.Resource][]uint64 // its resources
	ever  []uint64                   // ids that came
}

// target is one function.
type target struct {
	iface string
	f     *wit.Func
}

func (b *bench) client(scope uint64) (*client, error) {
	interfaces, err := custom.Declared(b.info.WIT, b.info.Interfaces)
	if err != nil {
		return nil, err
	}
	c := &client{b: b, scope: b.scope + scope, rng: rand.New(rand.NewPCG(scope, 1)), pool: map[*wit.Resource][]uint64{}}
	for _, i := range interfaces {
		for _, f := range i.Funcs {
			c.all = append(c.all, &target{i.Name.String(), f})
		}
	}
	if len(c.all) == 0 {
		return nil, skip("its interfaces have no functions")
	}
	return c, nil
}

func (c *client) invoke(ctx context.Context, t *target, args []byte) (backend.Answer, error) {
	return c.b.p.Custom().Invoke(ctx, backend.Caller{App: "kit", Component: "kit", Grant: "kit", Scope: c.scope},
		backend.Call{Interface: t.iface, Function: t.f.Name, Args: args})
}

// broken is an answer that the types do not allow.
type broken struct{ error }

// call calls a function; an error that is no [broken] is the provider's.
func (c *client) call(t *target, args []wit.Value) (wit.Value, error) {
	b, err := value.AppendArgs(nil, t.f, args, (*ids)(c))
	if err != nil {
		return wit.Value{}, broken{err}
	}
	answer, err := c.invoke(c.b.ctx, t, b)
	if err != nil {
		return wit.Value{}, err
	}
	if t.f.Result == nil {
		if len(answer.Result) > 0 {
			return wit.Value{}, broken{fmt.Errorf("%s of %s returns nothing, and it answered %d bytes", t.f.Name, t.iface, len(answer.Result))}
		}
		return wit.Value{}, nil
	}
	v, err := value.Decode(answer.Result, t.f.Result, (*ids)(c))
	if err != nil {
		return wit.Value{}, broken{fmt.Errorf("%s of %s: %w", t.f.Name, t.iface, err)}
	}
	return v, nil
}

// ids is value.Handles of a client: an object is its id.
type ids client

// ID implements value.Handles.
func (c *ids) ID(h *wit.Handle) (uint64, error) { return h.Object.(uint64), nil }

// Handle implements value.Handles.
func (c *ids) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	if t.Kind != wit.KindOwn {
		return nil, errors.New("a result holds a borrow")
	}
	c.pool[t.Resource] = append(c.pool[t.Resource], id)
	c.ever = append(c.ever, id)
	return &wit.Handle{Resource: t.Resource, Object: id}, nil
}

// try calls a function with made-up arguments. ok is false where it takes a
// resource that the client does not have.
func (c *client) try(t *target) (ok bool, err error) {
	args, ok := c.arguments(t.f)
	if !ok {
		return false, nil
	}
	_, err = c.call(t, args)
	var wrong broken
	if errors.As(err, &wrong) {
		return true, wrong
	}
	return true, nil
}

func customUnknown(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	t := c.all[0]
	for _, unknown := range []*target{
		{t.iface, &wit.Func{Name: "no-such-function"}}, {t.iface, &wit.Func{Name: ""}}, {"no:such/interface@1.0.0", t.f}, {"", t.f},
		{t.iface + "9", t.f}, {t.iface, &wit.Func{Name: "[method]nothing.x"}},
	} {
		_, err := c.invoke(b.ctx, unknown, nil)
		if err == nil || backend.AsError(err).Code != backend.Unimplemented {
			return fmt.Errorf("%q of %q: %v; want CODE_UNIMPLEMENTED", unknown.f.Name, unknown.iface, err)
		}
	}
	return b.alive()
}

// anyID takes every id, to tell whether bytes are arguments at all.
type anyID struct{}

func (anyID) ID(*wit.Handle) (uint64, error) { return 1, nil }
func (anyID) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	return &wit.Handle{Resource: t.Resource, Object: id}, nil
}

func customGarbage(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	for _, t := range c.all {
		for i := range 40 {
			bytes := c.garbage(t, i)
			if _, err := value.DecodeArgs(bytes, t.f, anyID{}); err == nil {
				continue
			}
			if _, err := c.invoke(b.ctx, t, bytes); err == nil || backend.AsError(err).Code != backend.Invalid {
				return fmt.Errorf("%s of %s with the arguments %x: %v; want CODE_INVALID", t.f.Name, t.iface, bytes, err)
			}
		}
	}
	return b.alive()
}

// garbage is almost arguments.
func (c *client) garbage(t *target, i int) []byte {
	var bytes []byte
	if args, ok := c.arguments(t.f); ok {
		bytes, _ = value.AppendArgs(nil, t.f, args, anyID{}) // what it lacks makes garbage
	}
	switch i % 4 {
	case 0:
		return append(bytes, 0)
	case 1:
		return bytes[:c.rng.IntN(len(bytes)+1)]
	case 2:
		for n := range bytes {
			if c.rng.IntN(3) == 0 {
				bytes[n] = byte(c.rng.Uint32())
			}
		}
		return bytes
	}
	noise := make([]byte, c.rng.IntN(20))
	for n := range noise {
		noise[n] = byte(c.rng.Uint32())
	}
	return noise
}

func customAnswers(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	for range 20 {
		for _, t := range c.all {
			if _, err := c.try(t); err != nil {
				return err
			}
		}
	}
	return b.alive()
}

func customConcurrent(b *bench) error {
	var g errgroup.Group
	for n := range 32 {
		g.Go(func() error {
			c, err := b.client(uint64(n + 1))
			if err != nil {
				return err
			}
			for range 10 {
				for _, t := range c.all {
					if _, err := c.try(t); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), b.alive())
}

func customChannel(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	stream, err := pb.NewCustomClient(conn).Channel(b.ctx)
	if err != nil {
		return err
	}
	want := map[uint64]func(*pb.CustomResult) bool{}
	var ops []*pb.CustomOperation
	for i := range 150 {
		op := &pb.CustomOperation{Id: uint64(5000 - 7*i)}
		switch i % 3 {
		case 0:
			t := c.all[i%len(c.all)]
			op.Operation = &pb.CustomOperation_Invoke{Invoke: &pb.InvokeRequest{Scope: c.scope, Interface: t.iface, Function: t.f.Name}}
			want[op.Id] = func(r *pb.CustomResult) bool { return r.GetInvoke() != nil }
		case 1:
			op.Operation = &pb.CustomOperation_Drop{Drop: &pb.DropRequest{Scope: c.scope, Handles: []uint64{1 << 40}}}
			want[op.Id] = func(r *pb.CustomResult) bool { return r.GetDrop() != nil }
		default:
			want[op.Id] = func(r *pb.CustomResult) bool { return r.GetResult() == nil }
		}
		ops = append(ops, op)
	}
	if err := stream.Send(&pb.CustomRequest{Operations: ops}); err != nil {
		return err
	}
	return collect(want, (*pb.CustomResult).GetId, func() ([]*pb.CustomResult, error) {
		m, err := stream.Recv()
		return m.GetResults(), err
	})
}

func customCancelled(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	for most := time.Millisecond; most < 40*time.Millisecond; most *= 2 {
		inTime, err := c.giveUp(most)
		if err != nil {
			return err
		}
		if inTime { // so calls were given up before they were sent, and on their way
			break
		}
	}
	return errors.Join(b.alive(), customAnswers(b))
}

// giveUp makes many calls at once, which wait for up to most, and reports
// whether any was answered in time.
func (c *client) giveUp(most time.Duration) (inTime bool, err error) {
	var g errgroup.Group
	var answered atomic.Bool
	for i := range 200 {
		t := c.all[i%len(c.all)]
		args, ok := c.arguments(t.f)
		if !ok {
			continue
		}
		bytes, err := value.AppendArgs(nil, t.f, args, (*ids)(c))
		if err != nil {
			return false, err
		}
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(c.b.ctx, time.Duration(i%20)*most/20)
			defer cancel()
			if _, err := c.invoke(ctx, t, bytes); err == nil {
				answered.Store(true)
			}
			return nil
		})
	}
	_ = g.Wait() // always nil
	return answered.Load(), nil
}
