package broker

import "slices"

// The names of the built-in capabilities. Any other name is a third-party capability, whose resources are
// "<interface>#<function>" and whose one operation is Invoke.
const (
	KV     = "kv"
	HTTP   = "http"
	SQL    = "sql"
	File   = "file"
	TCP    = "tcp"
	UDP    = "udp"
	DNS    = "dns"
	Env    = "env"
	Clock  = "clock"
	Random = "random"
)

// The names of the operations. For HTTP the operation is the request's method in upper case; any method token is one.
// Opening a key-value store is no operation of its own: it needs a grant that reaches the store (Subject.Covers).
const (
	Get       = "get"       // kv: read a value
	Set       = "set"       // kv: write a value
	Delete    = "delete"    // kv, sql, file
	Exists    = "exists"    // kv: learn whether a key is present
	List      = "list"      // kv: list keys; file: list a directory
	Increment = "increment" // kv: atomic add
	CAS       = "cas"       // kv: compare and swap
	Watch     = "watch"     // kv: be told of what becomes of a key
	Select    = "select"    // sql
	Insert    = "insert"    // sql
	Update    = "update"    // sql
	DDL       = "ddl"       // sql: change the schema
	Read      = "read"      // file, env, clock, random
	Write     = "write"     // file
	Create    = "create"    // file
	Connect   = "connect"   // tcp, udp
	Bind      = "bind"      // tcp, udp
	Resolve   = "resolve"   // dns
	Invoke    = "call"      // third-party capabilities
	Any       = "*"         // in a grant or a denial: every operation of the capability
)

// capability says which resources and operations a built-in capability has.
type capability struct {
	schemes    []string
	operations []string
}

var builtins = map[string]capability{
	KV:     {[]string{"kv"}, []string{Get, Set, Delete, Exists, List, Increment, CAS, Watch}},
	HTTP:   {[]string{"http", "https", AppScheme}, []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}},
	SQL:    {[]string{"sql"}, []string{Select, Insert, Update, Delete, DDL}},
	File:   {[]string{"file"}, []string{Read, Write, Create, Delete, List}},
	TCP:    {[]string{"tcp"}, []string{Connect, Bind}},
	UDP:    {[]string{"udp"}, []string{Connect, Bind}},
	DNS:    {[]string{"dns"}, []string{Resolve}},
	Env:    {[]string{"env"}, []string{Read}},
	Clock:  {[]string{"clock"}, []string{Read}},
	Random: {[]string{"random"}, []string{Read}},
}

// Capabilities lists the names of the built-in capabilities in alphabetical order.
func Capabilities() []string {
	names := make([]string, 0, len(builtins))
	for name := range builtins {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Operations lists the operations of a capability. For HTTP it lists the common methods; others are valid too.
func Operations(name string) []string {
	if c, ok := builtins[name]; ok {
		return slices.Clone(c.operations)
	}
	return []string{Invoke}
}

// knownOperation reports whether op can be granted for the capability.
func knownOperation(name, op string) bool {
	if op == Any {
		return true
	}
	c, ok := builtins[name]
	if !ok {
		return op == Invoke
	}
	return slices.Contains(c.operations, op) || name == HTTP && isMethod(op)
}

// isMethod accepts RFC 9110 tokens without lower-case letters: methods are case-sensitive, and "get" in a grant would
// match no request.
func isMethod(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
