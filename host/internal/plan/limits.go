package plan

// Limits bound what [Flatten] does for one component. A field that is zero
// means its default.
type Limits struct {
	// Work is how many definitions are run, fields, arguments and exports
	// included: a component that instantiates another one twice runs its
	// definitions twice. Default 250,000; a component with a whole Python in it
	// runs 12,000.
	Work int
	// Instances is how many component instances are made. Default 5,000.
	Instances int
	// CoreInstances is how many core instances are made. Default 1,000.
	CoreInstances int
	// TypeSize is how many nodes one type may have when written out in full.
	// Default 100,000.
	TypeSize int
	// TypeDepth is how deep a type may nest. Default 100.
	TypeDepth int
	// Unfused leaves all core modules as they are.
	Unfused bool
}

func (l Limits) withDefaults() Limits {
	orElse(&l.Work, 250_000)
	orElse(&l.Instances, 5_000)
	orElse(&l.CoreInstances, 1_000)
	orElse(&l.TypeSize, 100_000)
	orElse(&l.TypeDepth, 100)
	return l
}

func orElse(field *int, value int) {
	if *field <= 0 {
		*field = value
	}
}
