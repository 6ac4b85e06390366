package kit

import (
	"os"
	"strings"
	"testing"
)

func TestTheDocumentListsTheRules(t *testing.T) {
	b, err := os.ReadFile("../../../docs/provider-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		if !strings.Contains(string(b), "\n- "+r.name+"\n") {
			t.Errorf("docs/provider-protocol.md does not list the rule %q", r.name)
		}
	}
}
