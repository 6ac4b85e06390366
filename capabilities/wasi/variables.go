package wasi

import (
	"context"
	"regexp"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

// The cases of the error of fermyon:spin/variables that can happen here.
const (
	caseInvalidName uint32 = iota
	caseUndefined
)

// maxVariable bounds the name of a variable, in bytes.
const maxVariable = 256

// validVariable is what Spin takes for a name.
var validVariable = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// variableFuncs hand out to components made for Spin what wasi:config does to others.
func variableFuncs() map[string]funcs {
	return map[string]funcs{"fermyon:spin/variables": {
		"get": func(_ context.Context, c *wit.Call) error {
			name := c.Args[0].Text()
			v, ok := capabilities.From(c).Config[name]
			switch {
			case ok:
				c.Return(wit.OK(text(v)))
			case len(name) > maxVariable || !validVariable.MatchString(name):
				c.Return(wit.Err(variableError(caseInvalidName, name)))
			default:
				c.Return(wit.Err(variableError(caseUndefined, name)))
			}
			return nil
		},
	}}
}

func variableError(n uint32, name string) wit.Value {
	message := text(head(name, maxVariable))
	return wit.Variant(n, &message)
}
