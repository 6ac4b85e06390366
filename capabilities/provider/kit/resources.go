package kit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/writ-host/writ/capabilities/custom/backend"
	"github.com/writ-host/writ/wit"
)

// obtain makes a resource that some function takes as a borrow: its id, and a
// call with it.
func (c *client) obtain() (id uint64, use func(*client, uint64) error, err error) {
	for _, t := range c.all {
		for at, p := range t.f.Params {
			if p.Type.Kind != wit.KindBorrow || handles(t.f) > 1 {
				continue
			}
			id, ok := c.make(p.Type.Resource)
			if !ok {
				continue
			}
			args, ok := c.arguments(t.f)
			if !ok {
				continue
			}
			return id, func(by *client, id uint64) error {
				given := slices.Clone(args)
				given[at] = wit.Borrow(&wit.Handle{Resource: p.Type.Resource, Object: id})
				_, err := by.call(t, given)
				return err
			}, nil
		}
	}
	return 0, nil, skip("no function of it gives a resource that another one takes")
}

// handles is how many parameters of a function have resources in them.
func handles(f *wit.Func) (n int) {
	for _, p := range f.Params {
		if p.Type.HasHandle {
			n++
		}
	}
	return n
}

// make has some function give a resource.
func (c *client) make(r *wit.Resource) (uint64, bool) {
	for range 30 {
		for _, t := range c.all {
			if t.f.Result == nil || !t.f.Result.HasHandle {
				continue
			}
			had := len(c.pool[r])
			if _, err := c.try(t); err == nil && len(c.pool[r]) > had {
				return c.pool[r][len(c.pool[r])-1], true
			}
		}
	}
	return 0, false
}

func (c *client) drop(ended bool, handles ...uint64) error {
	return c.b.p.Custom().Drop(c.b.ctx, backend.Caller{App: "kit", Component: "kit", Scope: c.scope}, 0, handles, ended)
}

// refused checks that a use of a resource is no call at all.
func refused(err error, what string) error {
	if err == nil {
		return fmt.Errorf("%s is taken", what)
	}
	if c := backend.AsError(err).Code; c != backend.Invalid {
		return fmt.Errorf("%s: %w; want CODE_INVALID", what, err)
	}
	return nil
}

func customScopes(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	id, use, err := c.obtain()
	if err != nil {
		return err
	}
	other, err := b.client(2)
	if err != nil {
		return err
	}
	if err := use(c, id); err != nil {
		return fmt.Errorf("a resource in its own scope: %w", err)
	}
	if err := refused(use(other, id), "a resource of another scope"); err != nil {
		return err
	}
	if err := other.drop(false, id); err != nil {
		return fmt.Errorf("drop of an unknown id: %w", err)
	}
	if err := other.drop(true); err != nil {
		return fmt.Errorf("end of an unknown scope: %w", err)
	}
	if err := use(c, id); err != nil {
		return fmt.Errorf("after another scope dropped its id: %w", err)
	}
	return refused(use(c, 1<<50), "an id that was never given")
}

func customDropped(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	id, use, err := c.obtain()
	if err != nil {
		return err
	}
	if err := errors.Join(use(c, id), c.drop(false, id)); err != nil {
		return err
	}
	if err := refused(use(c, id), "a dropped resource"); err != nil {
		return err
	}
	if err := c.drop(false, id, id); err != nil {
		return fmt.Errorf("drop of what is dropped: %w", err)
	}
	return b.alive()
}

func customScopeEnds(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	id, use, err := c.obtain()
	if err != nil {
		return err
	}
	if err := errors.Join(use(c, id), c.drop(true)); err != nil {
		return err
	}
	return errors.Join(refused(use(c, id), "a resource of a scope that ended"), b.alive())
}

func customFreshIDs(b *bench) error {
	c, err := b.client(1)
	if err != nil {
		return err
	}
	if _, _, err := c.obtain(); err != nil {
		return err
	}
	for range 30 {
		for r := range c.pool {
			c.make(r)
		}
		if err := c.drop(false, c.ever...); err != nil {
			return err
		}
	}
	seen := map[uint64]bool{}
	for _, id := range c.ever {
		if seen[id] {
			return fmt.Errorf("id %d was given twice", id)
		}
		seen[id] = true
	}
	return nil
}
