package provider

import (
	"strings"
	"testing"
)

func TestSettingsAreCheckedAgainstTheSchema(t *testing.T) {
	const schema = `{"type":"object","additionalProperties":false,"required":["greeting"],
		"properties":{"greeting":{"type":"string","minLength":1},"times":{"type":"integer","maximum":3}}}`
	tests := []struct{ name, schema, settings, want string }{
		{"no schema", "", `{"a":1}`, ""},
		{"good", schema, `{"greeting":"hi","times":2}`, ""},
		{"none where one is needed", schema, "", "settings: /: missing property 'greeting'"},
		{"unknown", schema, `{"greeting":"hi","tmes":2}`, "settings: /: additional properties 'tmes' not allowed"},
		{"another type", schema, `{"greeting":5}`, "settings: /greeting: got number, want string"},
		{"two mistakes", schema, `{"greeting":"","times":9}`, "/times: maximum: got 9, want 3"},
		{"settings that are none", schema, `{`, "settings: "},
		{"schema that is none", `{"type":"no-such-type"}`, `{}`, "describe: the schema of its settings: "},
		{"schema of elsewhere", `{"$ref":"file:///etc/passwd"}`, `{}`, "it has a $ref"},
		{"schema of itself", `{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}},"allOf":[{"$ref":"#/$defs/a"}]}`, `{}`, "it has a $ref"},
		{"another dialect", `{"$schema":"https://example.com/schema"}`, `{}`, "is not loaded"},
		{"property called $ref", `{"properties":{"$ref":{"type":"string"}}}`, `{"$ref":"x"}`, ""},
		{"too large", `{"title":"` + strings.Repeat("x", maxSchema) + `"}`, `{}`, "are the most"},
		{"deep", strings.Repeat(`{"not":`, 20000) + "{}" + strings.Repeat("}", 20000), `{}`, "exceeded max depth"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := checkSettings([]byte(test.schema), []byte(test.settings))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func FuzzSettingsSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"enum":[1,"x"]}}}`), []byte(`{"a":1}`))
	f.Add([]byte(`{"pattern":"^(a+)+$"}`), []byte(`"aaaaaaaaaaaaaaaaaaaaaaaab"`))
	f.Add([]byte(`{"allOf":[{"$id":"x"},{"$anchor":"y"}]}`), []byte(`{}`))
	f.Fuzz(func(_ *testing.T, schema, settings []byte) {
		_ = checkSettings(schema, settings) // neither hangs nor panics
	})
}
