package binary

// Limits bound what is decoded. A field that is zero means its default.
type Limits struct {
	// Bytes is the largest input. Default 128 MiB.
	Bytes int
	// Depth is how deep components and component and instance types may nest.
	// Default, and most, 100.
	Depth int
	// Definitions is how many definitions, declarations, fields, cases, names,
	// imports, exports and the like the whole input may have. Default 500,000.
	Definitions int
	// Instances is how many core modules, components, core instances and
	// instances a component may have, of each. Default 1,000.
	Instances int
	// NameBytes is the longest name. Default 100,000.
	NameBytes int
	// Functions is how many functions a core module may have. Default 250,000.
	Functions int
	// BodyBytes is the largest body of a core function. Default 2 MiB.
	BodyBytes int
	// Locals is how many locals a core function may have. Default 50,000.
	Locals int
	// Elements is how many entries one core element segment may have, and how
	// large a table may start. Default 10,000,000.
	Elements int
	// Memories is how many memories a core module may have, imported ones
	// included. Default 1.
	Memories int
}

// deepest is the most that Limits.Depth can be: it bounds recursion.
const deepest = 100

func (l Limits) withDefaults() Limits {
	orElse(&l.Bytes, 128<<20)
	orElse(&l.Depth, deepest)
	orElse(&l.Definitions, 500_000)
	orElse(&l.Instances, 1_000)
	orElse(&l.NameBytes, 100_000)
	orElse(&l.Functions, 250_000)
	orElse(&l.BodyBytes, 2<<20)
	orElse(&l.Locals, 50_000)
	orElse(&l.Elements, 10_000_000)
	orElse(&l.Memories, 1)
	l.Depth = min(l.Depth, deepest)
	return l
}

func orElse(field *int, value int) {
	if *field <= 0 {
		*field = value
	}
}
