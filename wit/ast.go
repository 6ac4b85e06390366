package wit

// What the parser reads, before names are resolved. Nodes keep their position
// so that resolving can say where a mistake is.

// usePath names an interface: a bare name, or namespace:package/name@version.
type usePath struct {
	position
	namespace, pkg, name, version string
}

// typeNode is a type as written. Its name is a keyword (list, option, …), or
// a definition's name when ref is set.
type typeNode struct {
	position
	name   string
	ref    bool
	args   []*typeNode // nil entries are _
	length uint32      // of a list of fixed length
}

// member is a field, case, label or parameter.
type member struct {
	name string
	typ  *typeNode // nil when it has none
}

// typeDecl is a named type of an interface or world: a definition of the given
// kind, an alias, a resource, or a use of another interface's type.
type typeDecl struct {
	position
	name    string
	doc     string
	kind    Kind      // record, variant, enum, flags; 0 otherwise
	members []member  // of a kind
	alias   *typeNode // type name = alias
	funcs   []*funcDecl
	from    *usePath // use from.{source as name}
	source  string
	owner   *scope

	// What resolving finds; resource and typ exclude each other.
	state    resolveState
	typ      *Type
	resource *Resource
}

type resolveState uint8

const (
	unresolved resolveState = iota
	resolving
	resolved
)

// funcDecl is a function as written.
type funcDecl struct {
	position
	name   string
	doc    string
	role   string // "", "constructor", "method" or "static"
	params []member
	result *typeNode
	async  bool
}

// scope is an interface's or world's body: the names that types see.
type scope struct {
	position
	name  Name
	doc   string
	unit  *unit
	decls []*typeDecl // in order
	funcs []*funcDecl // in order, resources' functions excluded
	types map[string]*typeDecl

	// What resolving finds.
	state resolveState
	uses  []*scope // whose types this one uses
	iface *Interface
}

// worldDecl is a world as written.
type worldDecl struct {
	scope
	items    []worldItemDecl
	includes []include

	// What resolving finds.
	state resolveState
	world *World
}

// worldItemDecl is an import or an export of a function, an inline interface or a
// named one; name is "" when the interface's own name serves.
type worldItemDecl struct {
	position
	export bool
	name   string
	fn     *funcDecl
	inline *scope
	path   *usePath
}

// include takes another world's imports and exports, some of them renamed.
type include struct {
	path    usePath
	renames map[string]string
}

// unit is a package's part in one file: bare names look in its aliases first
// and then in its package.
type unit struct {
	aliases map[string]usePath
	pkg     *pkg
	name    pkgName
	named   bool // the package is declared here
	nested  bool // as package name { … }
	file    *File
	ifaces  []*scope
	worlds  []*worldDecl
}

type pkgName struct{ namespace, name, version string }

func (n pkgName) String() string {
	s := n.namespace + ":" + n.name
	if n.version != "" {
		s += "@" + n.version
	}
	return s
}

// pkg is a package: all of its units.
type pkg struct {
	ifaces map[string]*scope
	worlds map[string]*worldDecl
}
