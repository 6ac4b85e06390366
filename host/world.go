package host

import (
	"slices"
	"strings"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/plan"
	"github.com/writ-host/writ/wit"
)

// worldOf is a plan's imports and exports as a WIT world.
func worldOf(p *plan.Plan) *wit.World {
	w := &wit.World{Name: wit.Name{Namespace: "root", Package: "component", Interface: "root"}}
	for _, i := range p.Imports {
		if i.Kind == plan.ImportType {
			w.Types = append(w.Types, i.Types...)
			continue
		}
		w.Imports = append(w.Imports, importItem(i))
	}
	for _, e := range p.Exports {
		if e.Kind == plan.ExportType {
			w.Types = append(w.Types, wit.TypeDef{Name: e.Name, Type: e.Type, Resource: e.Resource})
			continue
		}
		w.Exports = append(w.Exports, exportItem(e))
	}
	return w
}

// WIT is the world as WIT text, with the interfaces that it imports and exports.
func (i *Info) WIT() string {
	var interfaces []*wit.Interface
	seen := map[wit.Name]bool{}
	for _, item := range slices.Concat(i.World.Imports, i.World.Exports) {
		if item.Interface != nil && item.Interface.Name.Namespace != "" && !seen[item.Interface.Name] {
			seen[item.Interface.Name] = true
			interfaces = append(interfaces, item.Interface)
		}
	}
	return wit.NewPackages(interfaces, i.World).WIT()
}

func importItem(i plan.Import) wit.WorldItem {
	if i.Kind == plan.ImportFunction {
		return wit.WorldItem{Name: i.Name, Func: i.Funcs[0].Type}
	}
	iface := &wit.Interface{Name: interfaceName(i.Name), Types: i.Types}
	for _, f := range i.Funcs {
		iface.Funcs = append(iface.Funcs, f.Type)
	}
	return wit.WorldItem{Name: i.Name, Interface: iface}
}

func exportItem(e plan.Export) wit.WorldItem {
	if e.Kind == plan.ExportFunction {
		return wit.WorldItem{Name: e.Name, Func: e.Func.Type}
	}
	iface := &wit.Interface{Name: interfaceName(e.Name)}
	for _, item := range e.Items {
		switch item.Kind {
		case plan.ExportFunction:
			iface.Funcs = append(iface.Funcs, item.Func.Type)
		case plan.ExportType:
			iface.Types = append(iface.Types, wit.TypeDef{Name: item.Name, Type: item.Type, Resource: item.Resource})
		}
	}
	return wit.WorldItem{Name: e.Name, Interface: iface}
}

// interfaceName is the name as far as it is one: names of other forms (urls,
// hashes) stay whole.
func interfaceName(s string) wit.Name {
	n, err := wit.ParseName(s)
	if err != nil {
		return wit.Name{Interface: s}
	}
	return n
}

// toolsOf collects what the producers sections of the component and of its parts name.
func toolsOf(c *binary.Component) []string {
	var tools []string
	add := func(producers []binary.Producer) {
		for _, p := range producers {
			tools = append(tools, strings.TrimSpace(p.Field+": "+p.Name+" "+p.Version))
		}
	}
	each(c, func(c *binary.Component) { add(c.Producers()) }, func(m *binary.Module) { add(m.Producers()) })
	slices.Sort(tools)
	return slices.Compact(tools)
}

// each visits the component, and all components and core modules within it.
func each(c *binary.Component, component func(*binary.Component), module func(*binary.Module)) {
	for work := []*binary.Component{c}; len(work) > 0; {
		c, work = work[0], work[1:]
		component(c)
		for _, item := range c.Items {
			switch item := item.(type) {
			case *binary.CoreModule:
				module(item.Module)
			case *binary.Nested:
				work = append(work, item.Component)
			}
		}
	}
}

// idleModules are the core modules that the plan has no use for.
func idleModules(c *binary.Component, p *plan.Plan) [][]byte {
	used := map[int]bool{}
	for _, m := range p.Modules {
		used[m.Offset] = true
		for _, part := range m.Parts {
			used[part.Offset] = true
		}
	}
	var idle [][]byte
	each(c, func(*binary.Component) {}, func(m *binary.Module) {
		if !used[m.Offset] {
			idle = append(idle, m.Bytes)
		}
	})
	return idle
}
