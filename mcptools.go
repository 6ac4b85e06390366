package writ

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/writ-host/writ/wit"
)

// tool is an exported function as agents see it.
type tool struct {
	name                       string
	component, iface, function string
	about                      *mcp.Tool
}

// tools are the functions that agents can call: those that components export,
// whose values JSON can say. WASI's own exports are for triggers.
func (e *edition) tools() ([]tool, error) {
	var all []tool
	seen := map[string]tool{}
	for _, c := range e.app.Components {
		for _, item := range c.Info.World.Exports {
			for _, t := range c.exportedTools(item) {
				t.name = toolName(t, len(e.app.Components) > 1)
				if err := t.describe(c, item); err != nil {
					e.host.log.Info("a function is no tool", "component", c.Name, "function", t.String(), "error", err)
					continue
				}
				if other, ok := seen[t.name]; ok {
					return nil, fmt.Errorf("%s and %s would both be the tool %s", t, other, t.name)
				}
				seen[t.name] = t
				all = append(all, t)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no component of the app exports a function that could be a tool")
	}
	return all, nil
}

func (c *AppComponent) exportedTools(item wit.WorldItem) (tools []tool) {
	switch {
	case item.Func != nil:
		return []tool{{component: c.Name, function: item.Name, about: &mcp.Tool{}}}
	case item.Interface != nil && item.Interface.Name.Namespace != "wasi":
		for _, f := range item.Interface.Funcs {
			tools = append(tools, tool{component: c.Name, iface: item.Name, function: f.Name, about: &mcp.Tool{}})
		}
	}
	return tools
}

// String is the function as writ invoke names it.
func (t tool) String() string {
	if t.iface == "" {
		return t.component + " " + t.function
	}
	return t.component + " " + t.iface + "#" + t.function
}

var notInToolName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// toolName is short and says where the function is: COMPONENT_INTERFACE_FUNCTION,
// as far as there are several.
func toolName(t tool, several bool) string {
	var parts []string
	if several {
		parts = append(parts, t.component)
	}
	if n, err := wit.ParseName(t.iface); err == nil && n.Interface != "" {
		parts = append(parts, n.Interface)
	} else if t.iface != "" {
		parts = append(parts, t.iface)
	}
	return notInToolName.ReplaceAllString(strings.Join(append(parts, t.function), "_"), "-")
}

// maxToolName is what the protocol allows, in bytes.
const maxToolName = 128

// describe says what the function takes and gives. It fails for handles, streams
// and the like.
func (t *tool) describe(c *AppComponent, item wit.WorldItem) error {
	if len(t.name) > maxToolName {
		return fmt.Errorf("its name as a tool has %d bytes, and %d are the most", len(t.name), maxToolName)
	}
	f := item.Func
	if f == nil {
		f = item.Interface.Func(t.function)
	}
	fields := make([]wit.Field, len(f.Params))
	for i, p := range f.Params {
		fields[i] = wit.Field{Name: p.Name, Type: p.Type}
	}
	in, err := wit.JSONSchemaOf(fields)
	if err != nil {
		return err
	}
	t.about.Name, t.about.InputSchema = t.name, in
	t.about.Description = fmt.Sprintf("%s, of component %s: %s", orElse(t.iface, "a function of the world"), c.Name, f)
	if f.Result == nil {
		return nil
	}
	out, err := wit.JSONSchemaOf([]wit.Field{{Name: "result", Type: f.Result}})
	if err != nil {
		return err
	}
	out["required"] = []string{"result"} // also where it is an option: null is said
	t.about.OutputSchema = out
	return nil
}
