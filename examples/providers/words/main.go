// Command words is an example of a provider of an interface of its own: a
// spelling dictionary, as words.wit says it.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/writ-host/writ/capabilities/provider"
)

//go:embed words.wit
var wit string

// settings are what the operator configures.
type settings struct {
	Words   []string `json:"words"`    // besides those that everybody has
	MaxText int      `json:"max-text"` // bytes of one text; 0 is 64 KiB
}

const schema = `{
	"type": "object",
	"additionalProperties": false,
	"properties": {
		"words": {"type": "array", "items": {"type": "string"}},
		"max-text": {"type": "integer", "minimum": 1}
	}
}`

func open(_ context.Context, s provider.Settings) (*dictionary, error) {
	var c settings
	if err := s.Decode(&c); err != nil {
		return nil, err
	}
	return newDictionary(c), nil
}

func main() {
	err := provider.Serve(provider.Service{
		Name: "words", Version: "0.1.0",
		SettingsSchema: json.RawMessage(schema),
		Custom:         provider.Implement(wit, open),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
