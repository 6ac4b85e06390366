package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `ok({text: "Bonjour, Ada !", number: 1})
ok({text: "Bonjour, Grace !", number: 2})
err(no-name)
`
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", &out, want)
	}
}
