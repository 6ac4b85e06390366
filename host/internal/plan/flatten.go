package plan

import (
	"errors"
	"fmt"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// Flatten makes the plan of a component. Errors are [*binary.Error] values;
// what this host cannot run is refused with the construct's name, unless it is
// only defined and nothing uses it.
func Flatten(c *binary.Component, limits Limits) (*Plan, error) {
	f := &flattener{
		limits:  limits.withDefaults(),
		modules: map[*binary.Module]*module{},
		sizes:   map[*wit.Type]size{},
	}
	root := &frame{comp: c}
	f.stack = []*frame{root}
	if err := f.run(); err != nil {
		return nil, err
	}
	return f.emit(root.exports)
}

// flattener runs definitions. Its lists are a draft of the plan: everything
// that was defined, before what nothing uses is left out.
type flattener struct {
	limits Limits
	// stack holds the component instances being made, the innermost last.
	stack  []*frame
	frames int
	work   int

	modules     map[*binary.Module]*module
	starter     *module // made up by starterModule
	scanned     int     // see mostScanned
	sizes       map[*wit.Type]size
	instances   []draftInstance
	trampolines []*trampoline
	resources   []*resource
	imports     []Import
}

// frame is a component instance that is being made: the state of running its
// definitions.
type frame struct {
	scope
	comp *binary.Component
	next int // the item to run next
	// caller is the frame that instantiates this one, nil for the root; depth
	// is how many there are.
	caller *frame
	depth  int
	index  int // the instance's index in the caller
	args   map[string]item

	coreInstances []*coreInstance
	coreFuncs     []coreDef
	coreTables    []coreDef
	coreMemories  []coreDef
	coreGlobals   []coreDef
	coreTags      []coreDef
	exports       instance
}

// run makes the instances on the stack until none is left.
func (f *flattener) run() error {
	for len(f.stack) > 0 {
		fr := f.stack[len(f.stack)-1]
		if fr.next < len(fr.comp.Items) {
			it := fr.comp.Items[fr.next]
			fr.next++
			if err := f.step(fr, it); err != nil {
				return place(it.At(), fr.path(), err)
			}
			continue
		}
		f.stack = f.stack[:len(f.stack)-1]
		if fr.caller != nil {
			fr.caller.instances = append(fr.caller.instances, &fr.exports)
		}
	}
	return nil
}

// step runs one definition.
func (f *flattener) step(fr *frame, it binary.Item) error {
	if err := f.charge(1); err != nil {
		return err
	}
	switch it := it.(type) {
	case *binary.Custom, *binary.CoreType:
		return nil
	case *binary.CoreModule:
		fr.modules = append(fr.modules, f.module(it.Module))
		return nil
	case *binary.CoreInstance:
		return f.coreInstance(fr, it)
	case *binary.Nested:
		fr.components = append(fr.components, &closure{it.Component, &fr.scope})
		return nil
	case *binary.Instance:
		return f.instantiate(fr, it)
	case *binary.Alias:
		return f.alias(fr, it)
	case *binary.Type:
		return f.defineType(fr, it)
	case *binary.Canon:
		return f.canon(fr, it)
	case *binary.Import:
		return f.importItem(fr, it)
	case *binary.Export:
		return f.exportItem(fr, it)
	}
	return fmt.Errorf("unexpected definition %T", it)
}

// charge counts n units of work.
func (f *flattener) charge(n int) error {
	if n > f.limits.Work-f.work {
		return fmt.Errorf("instantiating the component runs more than %d definitions", f.limits.Work)
	}
	f.work += n
	return nil
}

// instantiate bundles exports, or pushes a frame for a nested component.
func (f *flattener) instantiate(fr *frame, it *binary.Instance) error {
	if it.Inline {
		return f.bundle(fr, it.Exports)
	}
	if f.frames++; f.frames > f.limits.Instances {
		return fmt.Errorf("the component makes more than %d component instances", f.limits.Instances)
	}
	if err := f.charge(len(it.Args)); err != nil {
		return err
	}
	c, err := at(fr.components, it.Component, binary.SortComponent)
	if err != nil {
		return err
	}
	if c.comp == nil {
		return refuse("component import", "an imported component: this host does not instantiate it")
	}
	args := make(map[string]item, len(it.Args))
	for _, a := range it.Args {
		if args[a.Name], err = fr.item(a.Sort, a.Index); err != nil {
			return fmt.Errorf("argument %q: %w", a.Name, err)
		}
	}
	f.stack = append(f.stack, &frame{scope: scope{parent: c.scope}, comp: c.comp, caller: fr,
		depth: fr.depth + 1, index: len(fr.instances), args: args})
	return nil
}

// bundle makes an instance of inline exports.
func (f *flattener) bundle(fr *frame, exports []binary.InlineExport) error {
	if err := f.charge(len(exports)); err != nil {
		return err
	}
	inst := &instance{}
	for _, e := range exports {
		it, err := fr.item(e.Sort, e.Index)
		if err != nil {
			return fmt.Errorf("export %q: %w", e.Name.Name, err)
		}
		if _, err := f.export(inst, e.Name.Name, it); err != nil {
			return err
		}
	}
	fr.instances = append(fr.instances, inst)
	return nil
}

// place adds where it happened to an error.
func place(offset int, path string, err error) error {
	e := &binary.Error{Offset: offset, Path: path, Msg: err.Error()}
	var u *unsupported
	if errors.As(err, &u) {
		e.Feature = u.feature
	}
	return e
}

// path names the instances from the root's down to the frame's. Of a deep
// stack only the innermost are named.
func (fr *frame) path() string {
	const most = 4
	path := ""
	for n := 0; fr.caller != nil; fr, n = fr.caller, n+1 {
		if n == most {
			return "…: " + path
		}
		if path != "" {
			path = ": " + path
		}
		path = fmt.Sprintf("instance %d%s", fr.index, path)
	}
	return path
}

// unsupported is an error about something valid that this host does not have.
type unsupported struct{ feature, msg string }

func (u *unsupported) Error() string { return u.msg }

func refuse(feature, format string, args ...any) error {
	return &unsupported{feature, fmt.Sprintf(format, args...)}
}

// refuseAsync refuses a construct of the asynchronous ABI.
func refuseAsync(construct string) error {
	return refuse(construct, "%s: this host does not run asynchronous components", construct)
}

// missing is an error that matters only when what it is about is used.
func missing(err error) *unsupported {
	var u *unsupported
	errors.As(err, &u)
	return u
}
