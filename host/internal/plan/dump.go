package plan

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/wit"
)

// Dump writes the plan as text for people: what is made in which order, where
// every import comes from, and which types cross the border.
func (p *Plan) Dump(w io.Writer) error {
	d := dumper{bufio.NewWriter(w), p}
	for i, m := range p.Modules {
		d.module(i, m)
	}
	for i, inst := range p.Instances {
		d.instance(i, inst)
	}
	for i, t := range p.Trampolines {
		d.printf("trampoline %d: %s\n", i, d.trampoline(t))
	}
	for i, s := range p.Slots {
		d.printf("slot %d: %s\n", i, slotText(s))
	}
	d.printf("tables: %d\n", p.Tables)
	for i, r := range p.Resources {
		d.printf("resource %d: %s in instance %d%s\n", i, resourceText(r.Type), r.Instance, optionText("dtor", r.Dtor))
	}
	for _, imp := range p.Imports {
		d.imported(imp)
	}
	for _, e := range p.Exports {
		d.exported(e, "")
	}
	return d.Flush()
}

type dumper struct {
	*bufio.Writer
	p *Plan
}

func (d *dumper) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *dumper) module(i int, m Module) {
	if m.Fused == nil {
		d.printf("module %d: %d bytes %s\n", i, len(m.Bytes), originText(m.Offset))
		return
	}
	d.printf("module %d: made of %d\n", i, len(m.Parts))
	for n, part := range m.Parts {
		start := ""
		if m.Fused.Parts[n].Start {
			start = ", its start function"
		}
		d.printf("  part %d: %d bytes %s%s\n", n, len(part.Bytes), originText(part.Offset), start)
	}
}

func originText(offset int) string {
	if offset == None {
		return "made up"
	}
	return fmt.Sprintf("at %#x", offset)
}

func (d *dumper) instance(i int, inst CoreInstance) {
	d.printf("core instance %d: module %d\n", i, inst.Module)
	for n, src := range inst.Args {
		d.printf("  %s: %s\n", importText(d.p.Modules[inst.Module].Info, n), sourceText(src))
	}
}

// importText names an import, as far as the module is still known: who has
// compiled it may let go of it.
func importText(m *binary.Module, n int) string {
	if m == nil || n >= len(m.Imports) {
		return fmt.Sprintf("import %d", n)
	}
	imp := m.Imports[n]
	return fmt.Sprintf("%s %q %q", strings.TrimPrefix(imp.Type.Sort.String(), "core "), imp.Module, imp.Name)
}

func sourceText(s Source) string {
	if s.Kind == FromTrampoline {
		return fmt.Sprintf("trampoline %d", s.ID)
	}
	return fmt.Sprintf("core instance %d %q", s.Instance, s.Name)
}

func slotText(s Slot) string {
	if s.Kind == SlotMemory {
		return fmt.Sprintf("memory of core instance %d %q", s.Instance, s.Name)
	}
	return fmt.Sprintf("function of core instance %d %q %s", s.Instance, s.Name, coreText(s.Type))
}

func coreText(t binary.CoreFuncType) string {
	return fmt.Sprintf("%s -> %s", valTypesText(t.Params), valTypesText(t.Results))
}

func valTypesText(types []binary.CoreValType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return "(" + strings.Join(names, " ") + ")"
}

func resourceText(r *wit.Resource) string {
	name := r.Name
	if name == "" {
		name = "(unnamed)"
	}
	if r.Interface != (wit.Name{}) {
		name += " of " + r.Interface.String()
	}
	return name
}

func (d *dumper) trampoline(t Trampoline) string {
	head := ""
	switch t.Kind {
	case LowerImport:
		head = fmt.Sprintf("import %q %q", d.p.Imports[t.Import].Name, t.Type.Name)
	case LowerGuest:
		head = fmt.Sprintf("call of instance %d slot %d%s, %s", t.Callee.Instance, t.Callee.Slot,
			optionsText(t.Callee.Options), t.Type)
	case AlwaysTrap:
		head = "trap, for " + t.Type.String()
	default:
		head = builtinNames[t.Kind] + " " + resourceText(t.Resource)
		if t.Guest != None {
			head += fmt.Sprintf(" (resource %d)", t.Guest)
		}
	}
	return fmt.Sprintf("%s\n  %s from instance %d%s", head, coreText(t.Core), t.Instance, optionsText(t.Options))
}

var builtinNames = map[TrampolineKind]string{
	ResourceNew: "resource.new", ResourceRep: "resource.rep", ResourceDrop: "resource.drop",
}

func optionsText(o Options) string {
	text := optionText("memory", o.Memory) + optionText("realloc", o.Realloc) + optionText("post-return", o.PostReturn)
	if o.Encoding != binary.UTF8 {
		text += ", " + o.Encoding.String()
	}
	return text
}

func optionText(name string, slot int) string {
	if slot == None {
		return ""
	}
	return fmt.Sprintf(", %s slot %d", name, slot)
}

var importWords = [...]string{ImportInterface: "interface", ImportFunction: "function", ImportType: "type", ImportOther: "other"}

func (d *dumper) imported(imp Import) {
	d.printf("import %s %q\n", importWords[imp.Kind], imp.Name)
	if imp.Other != "" {
		d.printf("  no host can offer a %s\n", imp.Other)
	}
	for _, t := range imp.Types {
		d.typeDef(t, "  ")
	}
	for _, f := range imp.Funcs {
		unused := ""
		if !f.Used {
			unused = " (unused)"
		}
		d.printf("  %s%s\n", f.Type, unused)
	}
}

func (d *dumper) typeDef(t wit.TypeDef, indent string) {
	if t.Resource != nil {
		d.printf("%sresource %s: %s\n", indent, t.Name, resourceText(t.Resource))
		return
	}
	d.printf("%s%s\n", indent, t.Type.Definition(t.Name))
}

func (d *dumper) exported(e Export, indent string) {
	switch e.Kind {
	case ExportFunction:
		d.printf("%sexport %s\n%s  instance %d slot %d%s\n", indent, e.Func.Type, indent,
			e.Func.Instance, e.Func.Slot, optionsText(e.Func.Options))
	case ExportType:
		d.typeDef(wit.TypeDef{Name: e.Name, Type: e.Type, Resource: e.Resource}, indent)
	case ExportInterface:
		d.printf("%sexport interface %q\n", indent, e.Name)
		for _, item := range e.Items {
			d.exported(item, indent+"  ")
		}
	}
}
