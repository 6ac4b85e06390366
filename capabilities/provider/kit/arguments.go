package kit

import (
	"math"

	"github.com/writ-host/writ/wit"
)

// arguments makes up a function's arguments; ok is false where one is a
// resource that the client does not have. An own takes it out of the pool.
func (c *client) arguments(f *wit.Func) (args []wit.Value, ok bool) {
	args = make([]wit.Value, len(f.Params))
	ok = true
	for i, p := range f.Params {
		args[i] = c.invent(p.Type, &ok)
	}
	return args, ok
}

var texts = []string{"", "x", "hello", "ünï ĉödé 😀", "a\x00b", "-", "1", "a rather longer text than the others, with many words"}

// invent makes a value up.
func (c *client) invent(t *wit.Type, ok *bool) wit.Value {
	bits := c.rng.Uint64() >> c.rng.IntN(64)
	switch t.Kind {
	case wit.KindBool:
		return wit.Bool(bits&1 == 1)
	case wit.KindU8, wit.KindU16, wit.KindU32, wit.KindU64:
		return wit.Scalar(t.Kind, bits<<(64-8*t.Size)>>(64-8*t.Size))
	case wit.KindS8, wit.KindS16, wit.KindS32, wit.KindS64:
		return wit.Scalar(t.Kind, uint64(int64(bits<<(64-8*t.Size))>>(64-8*t.Size)))
	case wit.KindF32:
		return wit.Float32(float32(c.float()))
	case wit.KindF64:
		return wit.Float64(c.float())
	case wit.KindChar:
		return wit.Char([]rune{'a', 'é', 0, 0x10ffff}[c.rng.IntN(4)])
	case wit.KindString:
		return wit.String(texts[c.rng.IntN(len(texts))])
	case wit.KindFlags:
		return wit.Flags(uint32(bits & (1<<len(t.Labels) - 1)))
	case wit.KindList:
		return c.list(t, ok)
	case wit.KindRecord, wit.KindTuple:
		items := make([]wit.Value, len(t.Fields))
		for i, f := range t.Fields {
			items[i] = c.invent(f.Type, ok)
		}
		if t.Kind == wit.KindTuple {
			return wit.Tuple(items...)
		}
		return wit.Record(items...)
	case wit.KindOwn, wit.KindBorrow:
		return c.take(t, ok)
	}
	i := c.rng.IntN(len(t.Cases))
	if t.Cases[i].Type == nil {
		return wit.CaseOf(t.Kind, uint32(i), nil)
	}
	payload := c.invent(t.Cases[i].Type, ok)
	return wit.CaseOf(t.Kind, uint32(i), &payload)
}

func (c *client) float() float64 {
	return []float64{0, 1, -1.5, c.rng.NormFloat64(), 1e300, math.Inf(1), math.NaN(), math.Copysign(0, -1)}[c.rng.IntN(8)]
}

func (c *client) list(t *wit.Type, ok *bool) wit.Value {
	n := c.rng.IntN(5)
	if t.Length > 0 {
		n = int(t.Length)
	}
	items := make([]wit.Value, n)
	for i := range items {
		items[i] = c.invent(t.Elem, ok)
	}
	return wit.List(items...)
}

func (c *client) take(t *wit.Type, ok *bool) wit.Value {
	pool := c.pool[t.Resource]
	if len(pool) == 0 {
		*ok = false
		return wit.Own(nil)
	}
	h := &wit.Handle{Resource: t.Resource, Object: pool[len(pool)-1]}
	if t.Kind == wit.KindBorrow {
		return wit.Borrow(h)
	}
	c.pool[t.Resource] = pool[:len(pool)-1]
	return wit.Own(h)
}
