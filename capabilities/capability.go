package capabilities

import "github.com/writ-host/writ/wit"

// Capability is one kind of thing components can be granted: key-value stores,
// HTTP, files. There is one per process, made by its package's New. One that
// holds something open also implements io.Closer.
type Capability interface {
	// Name is the capability as grants spell it: kv, http.
	Name() string
	// Imports are the interfaces it offers to components. The same slice every time.
	Imports() []Import
}

// Import is an interface with what is behind each of its functions.
type Import struct {
	Interface *wit.Interface
	Funcs     map[string]Func // by wit.Func.Name; one for every function of Interface
}

// Func is a host function and the permission that it takes.
type Func struct {
	// Run does the work. It is only called when all access is granted.
	Run wit.HostFunc
	// Access is what one call touches. A nil Access touches nothing that needs a
	// grant of its own.
	Access func(*wit.Call) Access
	// Each is for a call that touches any number of things, instead of Access: it
	// yields them, and stops when yield returns false. All must be granted.
	Each func(call *wit.Call, yield func(Access) bool)
	// Permit is for a call whose access is the same every time, instead of Access:
	// an operation on something open. Nil touches nothing that needs a grant.
	Permit func(*wit.Call) *Permit
	// Deny sets the interface's own error for a call that is denied. When nil, a
	// denial is a trap that names the missing grant.
	Deny func(*wit.Call)
}

// Access is one operation on one resource.
type Access struct {
	// Capability is the name that grants of this access have; empty for the
	// capability's own name.
	Capability string
	Operation  string
	// Resource is a canonical URI, as the builders of package broker make it.
	Resource string
	// Bytes is the size of the payload, when there is one.
	Bytes int64
	// Reach asks less: whether any grant allows the operation, or any one for "",
	// on something that begins with Resource. Opening a store is such an access.
	Reach bool
}
