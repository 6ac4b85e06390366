package provider

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// maxSchema bounds the schema of a provider's settings, in bytes.
const maxSchema = 256 << 10

// checkSettings checks the operator's settings against what the provider says
// that it takes. A provider without a schema checks them itself.
func checkSettings(schema, settings []byte) error {
	if len(schema) == 0 {
		return nil
	}
	s, err := compileSchema(schema)
	if err != nil {
		return fmt.Errorf("describe: the schema of its settings: %w", err)
	}
	if len(settings) == 0 {
		settings = []byte("{}")
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(settings))
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	var invalid *jsonschema.ValidationError
	if err := s.Validate(v); errors.As(err, &invalid) {
		return fmt.Errorf("settings: %s", strings.Join(reasons(invalid), "; "))
	} else if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

// compileSchema reads a schema that a stranger wrote: it stands for itself, so
// that nothing is loaded for it, and checking takes no longer than it is.
func compileSchema(text []byte) (*jsonschema.Schema, error) {
	if len(text) > maxSchema {
		return nil, fmt.Errorf("it has %d bytes, and %d are the most", len(text), maxSchema)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if name := reference(doc); name != "" {
		return nil, fmt.Errorf("it has a %s: write out what it refers to", name)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	const url = "settings.json"
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// reference finds a keyword that takes another schema in.
func reference(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			if _, isText := below.(string); isText && (name == "$ref" || name == "$dynamicRef" || name == "$recursiveRef") {
				return name
			}
			if found := reference(below); found != "" {
				return found
			}
		}
	case []any:
		for _, below := range v {
			if found := reference(below); found != "" {
				return found
			}
		}
	}
	return ""
}

// noLoader loads nothing, from wherever.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) { return nil, fmt.Errorf("%s is not loaded", url) }

// reasons are what is wrong, each with its place.
func reasons(e *jsonschema.ValidationError) []string {
	if len(e.Causes) == 0 {
		at := "/" + strings.Join(e.InstanceLocation, "/")
		return []string{at + ": " + e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
	}
	var all []string
	for _, cause := range e.Causes {
		all = append(all, reasons(cause)...)
	}
	return all
}
