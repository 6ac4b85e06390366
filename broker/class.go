package broker

import (
	"strings"
	"sync"
	"sync/atomic"
)

// maxClasses bounds the classes of one grant, since guests may choose the hosts and methods of their requests. Uses beyond it
// are counted together.
const maxClasses = 256

// classes counts apart what a grant leaves open and a record shows: the hosts of "https://*.example.com/**", the tables of
// "sql://main/*", and the operations of a grant for any. A class is an operation and the part of resources that is never
// redacted.
type classes struct {
	other *use // beyond maxClasses
	uses  atomic.Pointer[map[class]*use]
	mu    sync.Mutex // one addition at a time
}

type class struct{ operation, visible string }

// newClasses returns nil when all uses of a grant are in one class.
func newClasses(u *use) *classes {
	star := strings.IndexByte(u.resource, '*')
	if u.operation != Any && (star < 0 || star >= visible(u.resource)) {
		return nil
	}
	c := &classes{other: u}
	c.uses.Store(&map[class]*use{})
	return c
}

// use is the count that an allowed call belongs to.
func (c *classes) use(call *Call) *use {
	key := class{call.Operation, call.Resource[:visible(call.Resource)]}
	if u, ok := (*c.uses.Load())[key]; ok {
		return u
	}
	return c.add(key)
}

func (c *classes) add(key class) *use {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.uses.Load()
	if u, ok := old[key]; ok {
		return u
	}
	if len(old) >= maxClasses {
		return c.other
	}
	key = class{strings.Clone(key.operation), strings.Clone(key.visible)}
	u := &use{subject: c.other.subject, grant: c.other.grant, operation: key.operation, resource: key.pattern(), revision: c.other.revision}
	next := make(map[class]*use, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	next[key] = u
	c.uses.Store(&next)
	return u
}

// pattern covers the resources of a class.
func (c class) pattern() string {
	if strings.HasSuffix(c.visible, "/") {
		return c.visible + "**"
	}
	return c.visible
}

// Within is the pattern of what a grant's pattern and a class of its resources, as a Record has it, have in common.
func Within(pattern, classPattern string) (string, error) {
	canonical, err := CanonicalPattern(pattern)
	if err != nil || classPattern == canonical || classPattern == pattern {
		return pattern, err
	}
	return strings.TrimSuffix(classPattern, "**") + canonical[visible(canonical):], nil
}
