package wasihttp

import (
	"context"
	"strings"

	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

func (h *HTTP) fieldFuncs() map[string]wit.HostFunc {
	return map[string]wit.HostFunc{
		"[constructor]fields": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.NewOwn(fieldsResource, h.newFields(c)))
			return nil
		},
		"[static]fields.from-list": h.fromList,
		"[method]fields.get":       getField,
		"[method]fields.has": func(_ context.Context, c *wit.Call) error {
			c.Return(wit.Bool(wit.Self[*fields](c).has(c.Args[1].Text())))
			return nil
		},
		"[method]fields.set": func(_ context.Context, c *wit.Call) error {
			return changed(c, wit.Self[*fields](c).set(c.Args[1].Text(), c.Args[2].Items()))
		},
		"[method]fields.delete": func(_ context.Context, c *wit.Call) error {
			f, name := wit.Self[*fields](c), c.Args[1].Text()
			e := f.checkName(name)
			if e == noError {
				f.remove(name)
			}
			return changed(c, e)
		},
		"[method]fields.append": func(_ context.Context, c *wit.Call) error {
			return changed(c, wit.Self[*fields](c).add(c.Args[1].Text(), c.Args[2].Bytes()))
		},
		"[method]fields.entries": fieldEntries,
		"[method]fields.clone":   h.cloneFields,
	}
}

// changed returns what became of a change.
func changed(c *wit.Call, e headerError) error {
	if e == noError {
		c.Return(wit.Done())
	} else {
		c.Return(wit.Err(wit.Variant(uint32(e), nil)))
	}
	return nil
}

func (h *HTTP) fromList(_ context.Context, c *wit.Call) error {
	f := h.newFields(c)
	for _, pair := range c.Args[0].Items() {
		p := pair.Items()
		if e := f.add(p[0].Text(), p[1].Bytes()); e != noError {
			f.Drop()
			return changed(c, e)
		}
	}
	c.Return(wit.OK(wit.NewOwn(fieldsResource, f)))
	return nil
}

func getField(_ context.Context, c *wit.Call) error {
	var values []wit.Value
	for _, e := range wit.Self[*fields](c).entries {
		if strings.EqualFold(e.name, c.Args[1].Text()) {
			values = append(values, wit.Bytes(e.value))
		}
	}
	c.Return(wit.List(values...))
	return nil
}

func fieldEntries(_ context.Context, c *wit.Call) error {
	entries := wit.Self[*fields](c).entries
	pairs := make([]wit.Value, len(entries))
	for i, e := range entries {
		pairs[i] = wit.Tuple(wit.String(e.name), wit.Bytes(e.value))
	}
	c.Return(wit.List(pairs...))
	return nil
}

// cloneFields shares the bytes, which never change, but counts them.
func (h *HTTP) cloneFields(_ context.Context, c *wit.Call) error {
	from, f := wit.Self[*fields](c), h.newFields(c)
	size := 0
	for _, e := range from.entries {
		size += e.size()
	}
	if !f.resize(size) {
		return wasiio.Trap("fields.clone: %d bytes of fields are more than this component may hold", size)
	}
	f.entries = append(f.entries, from.entries...)
	c.Return(wit.NewOwn(fieldsResource, f))
	return nil
}
