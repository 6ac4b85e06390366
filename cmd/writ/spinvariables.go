package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxSpinValue bounds what a template makes, in bytes: it may name a long value often.
const maxSpinValue = 64 << 10

// template is a text in which {{ name }} is a variable of the app.
type template struct {
	text    string   // with the variables' defaults
	unknown []string // variables without one
	single  bool     // it is one variable and nothing else
	secret  bool     // one of its variables is
}

func (m *spinManifest) expand(s string) (t template, err error) {
	var b strings.Builder
	for rest := s; ; {
		literal, after, found := strings.Cut(rest, "{{")
		b.WriteString(literal)
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}}")
		if !closed {
			return t, fmt.Errorf("%q has {{ without }}", head(s))
		}
		name, rest = strings.TrimSpace(name), after
		v, known := m.Variables[name]
		t.secret = t.secret || v.Secret
		if !known || v.Default == nil {
			t.unknown = append(t.unknown, name)
			continue
		}
		if b.WriteString(*v.Default); b.Len() > maxSpinValue {
			return t, fmt.Errorf("%q makes more than %d bytes", head(s), maxSpinValue)
		}
	}
	t.text = b.String()
	t.single = strings.HasPrefix(s, "{{") && strings.Index(s, "}}") == len(s)-2
	return t, nil
}

// head is the beginning of a text, for messages.
func head(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// addVariables makes what the component reads by Spin's variables or wasi:config.
// What has a default is the developer's to say, the rest the operator's.
func (c *importedComponent) addVariables() error {
	for _, name := range slices.Sorted(maps.Keys(c.spin.Variables)) {
		t, err := c.all.spin.expand(c.spin.Variables[name])
		switch {
		case err != nil:
			c.note(fmt.Sprintf("variable %s: %v", name, err), "variables", name)
		case len(t.unknown) == 0:
			c.config[name] = t.text
			if t.secret {
				c.note(fmt.Sprintf("variable %s is a secret: its default is in writ.toml, and its value belongs into host.toml", name), "variables", name)
			}
		case t.single:
			c.values[name] = "SPIN_VARIABLE_" + strings.ToUpper(t.unknown[0])
			c.note(fmt.Sprintf("variable %s is required: writ up takes it from its own environment, as %s, or from a file that host.toml names", name, c.values[name]), "variables", name)
		default:
			c.note(fmt.Sprintf("variable %s is made of %s, which has no default: write all of it as config of [component.%s] in host.toml",
				name, strings.Join(t.unknown, ", "), c.name), "variables", name)
		}
	}
	return nil
}
