package binary

// Producer is one tool that made a component or module, from its `producers`
// section.
type Producer struct {
	// Field is what it did: "language", "processed-by" or "sdk".
	Field string
	// Name and Version identify it.
	Name, Version string
}

// Producers lists the tools named by the component's own `producers` sections.
// A malformed section adds nothing: it has no meaning for running the component.
func (c *Component) Producers() []Producer {
	var out []Producer
	for _, item := range c.Items {
		if cs, ok := item.(*Custom); ok {
			out = append(out, cs.producers()...)
		}
	}
	return out
}

// Name is the component's name from its `component-name` section, or "".
func (c *Component) Name() string {
	for _, item := range c.Items {
		if cs, ok := item.(*Custom); ok && cs.Name == "component-name" {
			return cs.subsectionName()
		}
	}
	return ""
}

// Producers lists the tools named by the module's `producers` section.
func (m *Module) Producers() []Producer {
	var out []Producer
	for i := range m.Customs {
		out = append(out, m.Customs[i].producers()...)
	}
	return out
}

// Name is the module's name from its `name` section, or "".
func (m *Module) Name() string {
	for i := range m.Customs {
		if m.Customs[i].Name == "name" {
			return m.Customs[i].subsectionName()
		}
	}
	return ""
}

// FuncNames are the functions' names from the `name` section, by function
// index. It reads the section anew at each call.
func (m *Module) FuncNames() map[uint32]string {
	names := make(map[uint32]string)
	for i := range m.Customs {
		if m.Customs[i].Name == "name" {
			m.Customs[i].subsection(1, func(r *reader) {
				for n := r.count(r.left, "names"); n > 0 && r.ok(); n-- {
					f, name := r.u32(), r.name()
					if r.ok() {
						names[f] = name
					}
				}
			})
		}
	}
	return names
}

func (c *Custom) reader() *reader {
	limits := Limits{}.withDefaults()
	return &reader{b: c.Data, end: len(c.Data), limits: limits, left: limits.Definitions}
}

func (c *Custom) producers() []Producer {
	if c.Name != "producers" {
		return nil
	}
	r := c.reader()
	var out []Producer
	for fields := r.count(r.left, "fields"); fields > 0 && r.ok(); fields-- {
		field := r.name()
		for n := r.count(r.left, "values"); n > 0 && r.ok(); n-- {
			name := r.name()
			out = append(out, Producer{Field: field, Name: name, Version: r.name()})
		}
	}
	if !r.ok() {
		return nil
	}
	return out
}

// subsection finds subsection id of a name section and has body read it.
func (c *Custom) subsection(id byte, body func(*reader)) {
	for r := c.reader(); r.ok() && r.pos < r.end; {
		found := r.u8() == id
		r.sub("subsection", func() {
			if found {
				body(r)
				return
			}
			r.pos = r.end
		})
	}
}

// subsectionName is what subsection 0 of a name section holds.
func (c *Custom) subsectionName() (name string) {
	c.subsection(0, func(r *reader) { name = r.name() })
	return name
}
