package writ

import (
	"fmt"
	"slices"
)

// CommandEntry is [[trigger.command]] in writ.toml: a component that writ run
// runs, with the app's grants.
type CommandEntry struct {
	Name      string   `toml:"name"` // default the component's
	Component string   `toml:"component"`
	Args      []string `toml:"args"` // before those of the command line
}

func checkCommands(m *Manifest) error {
	seen := map[string]bool{}
	for i := range m.Triggers.Command {
		c := &m.Triggers.Command[i]
		setDefault(&c.Name, c.Component)
		err := m.has(c.Component)
		switch {
		case err != nil:
			return fmt.Errorf("%d: %w", i+1, err)
		case !validName.MatchString(c.Name):
			return fmt.Errorf("%d: name %q: want lower-case letters, digits and hyphens, starting with a letter", i+1, c.Name)
		case seen[c.Name]:
			return fmt.Errorf("%d: name %q is there twice: give each a name of its own", i+1, c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// bindCommands refuses commands that writ run could not run.
func (e *edition) bindCommands() error {
	for _, c := range e.app.Manifest.Triggers.Command {
		if _, err := e.runners[c.Component].prepared.Func(commandInterface, "run"); err != nil {
			return fmt.Errorf("trigger.command %s: component %s: %w", c.Name, c.Component, err)
		}
	}
	return nil
}

// entered is a command with what the manifest says of the entry that it names,
// or of the only one.
func (a *App) entered(c Command) (Command, error) {
	entries := a.Manifest.Triggers.Command
	if c.Name == "" && (c.Component != "" || len(entries) == 0) {
		return c, nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name)
		if entry.Name != c.Name && (c.Name != "" || len(entries) > 1) {
			continue
		}
		if c.Component != "" && c.Component != entry.Component {
			return c, fmt.Errorf("command %q is of component %s, not of %s", entry.Name, entry.Component, c.Component)
		}
		c.Component = entry.Component
		if len(c.Args) == 0 {
			c.Args = []string{entry.Name}
		}
		c.Args = slices.Concat(c.Args[:1], entry.Args, c.Args[1:])
		return c, nil
	}
	if c.Name == "" {
		return c, fmt.Errorf("the app has the commands %v: name one", names)
	}
	return c, fmt.Errorf("command %q is not in the app, which has %v", c.Name, names)
}
