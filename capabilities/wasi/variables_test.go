package wasi

import (
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

func TestSpinVariables(t *testing.T) {
	g := newGuest(t, &capabilities.Instance{Config: map[string]string{"greeting": "hi", "page-size": "20"}})
	long := strings.Repeat("é", 500)
	kind := wits.Interface("fermyon:spin/variables").Func("get").Result
	for name, want := range map[string]string{
		"greeting": `ok("hi")`, "page-size": `ok("20")`, "api_key": `err(undefined("api_key"))`,
		"": `err(invalid-name(""))`, "Greeting": `err(invalid-name("Greeting"))`, "a__b": `err(invalid-name("a__b"))`,
		"a_": `err(invalid-name("a_"))`, "1a": `err(invalid-name("1a"))`, long: `err(invalid-name("` + long[:256] + `…"))`,
	} {
		got, err := wit.FormatValue(kind, g.call("fermyon:spin/variables", "get", wit.String(name)))
		if err != nil || got != want {
			t.Errorf("%.40q is %s, want %s; %v", name, got, want, err)
		}
	}
}

// Spin 3 has wasi:config in an earlier draft, to which no other version is compatible.
func TestConfigOfSpin(t *testing.T) {
	wanted := wit.Name{Namespace: "wasi", Package: "config", Interface: "store", Version: "0.2.0-draft-2024-09-27"}
	if !slices.ContainsFunc(New().Imports(), func(i capabilities.Import) bool { return wanted.Compatible(i.Interface.Name) }) {
		t.Errorf("%s is not offered", wanted)
	}
}
